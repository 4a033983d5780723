"""Texts for the tests of wrapped paragraphs: made at random from the town's words."""

from __future__ import annotations

from random import Random

_SMALL = (
    "the a of in on to and but with for after before council harbour port grain sanctions embargo treaty talks budget "
    "minister ministers said agreed refused voted promised warned wrote asked night morning week harvest ships turbines "
    "missiles inspectors northern long bitter quiet second whether because which nobody everything disarmament "
    "responsibility negotiations extraordinarily"
).split()
_NAMES = (
    "Anna",
    "Brussels",
    "Moscow",
    "Ms. Roe",
    "Mr. Dale",
    "the U.S.",
    "Monday",
    "North Port",
    "No. 10",
    "12,000",
    "3.5",
)
_CITIES = ("GENEVA", "NORTH PORT", "NEW ORLEANS")


def prose(random: Random) -> list[str]:
    """Return the paragraphs of an article: long and short ones, quotations, headings, lists, speakers, verse."""
    texts = [f"{random.choice(_CITIES)} - {_sentences(random, 3)}"]
    for _ in range(random.randint(6, 14)):
        texts += random.choices(_PARTS, weights=(6, 3, 2, 2, 1, 1, 1, 1))[0](random)
    return texts


def _paragraph(random: Random) -> list[str]:
    return [_sentences(random, random.randint(1, 6))]


def _quotation(random: Random) -> list[str]:
    said = _sentence(random).rstrip(".")
    return [f'"{said}," {random.choice(("Anna", "Ms. Roe", "he"))} said. "{_sentence(random)}"']


def _short(random: Random) -> list[str]:
    return [
        random.choice(("Nobody left early.", "The talks failed.", "They had no choice, he said.", "Was it enough?"))
    ]


def _two_long(random: Random) -> list[str]:
    return [_sentences(random, 4), _sentences(random, 5)]


def _heading(random: Random) -> list[str]:
    return [random.choice(("What comes next", "THE VOTE", "A long night")), _sentences(random, 3)]


def _list(random: Random) -> list[str]:
    mark = random.choice(("-", "•", "*"))
    return [
        "The council asks for three things:",
        *(f"{mark} {_sentences(random, random.randint(1, 2))}" for _ in range(3)),
    ]


def _speakers(random: Random) -> list[str]:
    return [f"{who}: {_sentences(random, random.randint(1, 3))}" for who in ("THE CHAIR", "Ms. Roe", "QUESTION")]


def _verse(random: Random) -> list[str]:
    return [f"{' '.join(random.choices(_SMALL, k=4)).capitalize()}," for _ in range(4)]


_PARTS = (_paragraph, _quotation, _short, _two_long, _heading, _list, _speakers, _verse)


def _sentences(random: Random, count: int) -> str:
    return " ".join(_sentence(random) for _ in range(count))


def _sentence(random: Random) -> str:
    words = [random.choice(_NAMES if random.random() < 0.12 else _SMALL) for _ in range(random.randint(5, 24))]
    words = [word + "," if random.random() < 0.06 and not word.endswith(".") else word for word in words]
    sentence = " ".join(words).rstrip(",.")
    return sentence[0].upper() + sentence[1:] + "."
