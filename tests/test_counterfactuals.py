"""Passages with one change: the tags that must stay, and those that must change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labels.codebook import STANCES, Codebook, Topic, read_codebook
from labels.errors import BadInput
from labels.gold.adjudication import Example, Target, adjudicate
from labels.passages import Annotation, Label, Passage
from tests.conftest import REPOSITORY, demarche
from training.evaluation.counterfactuals.make import KINDS, Counterfactual, Counterfactuals, Maker, holders
from training.evaluation.counterfactuals.names import Mention, Names, Unclear
from training.evaluation.counterfactuals.opposites import Opposites
from training.evaluation.counterfactuals.rules import RULES, Objects, Rules, read_english, read_rules

SHIPPED = read_rules()
ENGLISH = read_english()
NAMES = Names(SHIPPED, ENGLISH, ["Paris accord"])
BOOK = Codebook(
    id="village",
    version="1.0.0",
    topics=(Topic(id="dams", target="building dams"), Topic(id="wells", target="digging wells")),
)
OBJECTS = {"dams": Objects.model_validate({"for": ["dam", "dams"], "against": ["floods"]})}
VILLAGE = SHIPPED.model_copy(update={"codebook": "village", "objects": OBJECTS})


def number_of(form: str) -> int:
    return next(iter(NAMES.in_phrase(form)))


def exchange(text: str, one: str, other: str) -> str:
    """The text with two actors in each other's place."""
    pair = {number_of(one): number_of(other), number_of(other): number_of(one)}
    mentions = [mention for mention in NAMES.mentions(text) if mention.actor in pair]
    return NAMES.rewrite(text, mentions, lambda m: SHIPPED.actors[pair[m.actor]].form(m.place) or "").text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Russia's offer to Iran", "Iran's offer to Russia"),
        ("RUSSIA balks", "IRAN balks"),
        ("An Iranian official met a Russian one.", "A Russian official met an Iranian one."),
        ("Moscow said Tehran lied.", "Tehran said Moscow lied."),
        ("anti-Russian talk of Iranians", "anti-Iranian talk of Russians"),
        ("Prussia is not Russia, nor Russian-made", "Prussia is not Iran, nor Iranian-made"),
    ],
)
def test_two_actors_are_exchanged_in_every_grammatical_place(text: str, expected: str) -> None:
    assert exchange(text, "Russia", "Iran") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The United States said no.", "Russia said no."),
        ("the U.S. military", "the Russian military"),
        ("U.S. officials in Washington met.", "Russian officials in Moscow met."),
        ("Weapons left the U.S.", "Weapons left Russia."),
        ("the United States' offer", "Russia's offer"),
        ("a US-led bloc and an American", "a Russian-led bloc and a Russian"),
        ("Russia's reply to Russians", "America's reply to Americans"),
        ("Join us: the US will", "Join us: Russia will"),
    ],
)
def test_abbreviations_are_nouns_or_adjectives_by_what_follows(text: str, expected: str) -> None:
    assert exchange(text, "Russia", "America") == expected


@pytest.mark.parametrize(
    "text",
    [
        "talks with the Chinese about limits",
        "They left the U.S. The talks failed.",
        "pupils of the Moscow Circus School marched",
        "the Russian and Chinese fleets",
        "US snubs Iran",
    ],
)
def test_a_text_whose_grammar_is_unclear_is_left_out(text: str) -> None:
    with pytest.raises(Unclear):
        NAMES.mentions(text)


def test_phrases_that_are_no_actor_and_keywords_stay() -> None:
    assert NAMES.mentions("The Washington Post on the Paris accord, Native Americans and north Russian-ness") == [
        Mention(68, 75, number_of("Russia"), "adjective")
    ]


def test_the_north_is_an_actor_only_where_it_is_named() -> None:
    assert not NAMES.mentions("Snow fell in the North.")
    assert len(NAMES.mentions("The North fired.", beside="North Korea's tests")) == 1
    assert not NAMES.mentions("The North Sea rose.", beside="North Korea's tests")


FIRST_FORMS = {
    place: [actor.form(place) for actor in (SHIPPED.actors[number_of("Russia")], SHIPPED.actors[number_of("Iran")])]
    for place in ("name", "people", "capital")
}
PIECES = st.sampled_from(
    [form for forms in FIRST_FORMS.values() for form in forms if form]
    + ["said", "of", "“old”", "über", "𝔹", "met,", "it."]
)


@given(st.lists(PIECES, max_size=12))
def test_exchanging_two_actors_twice_restores_the_text(pieces: list[str]) -> None:
    text = ", ".join(pieces)
    assert exchange(exchange(text, "Russia", "Iran"), "Russia", "Iran") == text


@pytest.mark.parametrize(
    ("text", "stance", "after"),
    [
        ("The town agreed to build. It backed the dam.", "favor", "It opposed the dam."),
        ("The mayor said he opposes a new dam.", "against", "The mayor said he supports a new dam."),
        ("The dam was scrapped.", "against", "The dam was kept."),
        ("They want to curb floods.", "favor", "They want to increase floods."),
        ("They pulled out of the dam, he said.", "against", "They stayed in the dam, he said."),
    ],
)
def test_an_act_becomes_its_opposite(text: str, stance: str, after: str) -> None:
    assert Opposites(ENGLISH).negate(text, OBJECTS["dams"], stance).after == after  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "stance"),
    [
        ("The town backed the dam.", "against"),  # the stance is another one: perhaps the author's
        ("The town never backed the dam.", "favor"),
        ("The town refused to back the dam.", "against"),
        ("The town should build the dam.", "favor"),
        ("Has the town backed the dam?", "favor"),
        ("They hit back, the dam notwithstanding.", "favor"),
        ("Its support for the dam is known.", "favor"),
        ("They cut a deal, and the dam was built.", "favor"),
        ("The town backed the mayor, who built the dam.", "favor"),
        ("They keep repairing the dam.", "favor"),
        ("The town backed the well.", "favor"),
    ],
)
def test_an_act_that_may_not_carry_the_stance_is_left_alone(text: str, stance: str) -> None:
    with pytest.raises(Unclear):
        Opposites(ENGLISH).negate(text, OBJECTS["dams"], stance)  # type: ignore[arg-type]


def labelled(*texts: tuple[str, str, str, str | None]) -> tuple[list[Example], list[Annotation]]:
    """Examples of (text, topic, stance, holder), each an article of its own."""
    passages, annotations = [], []
    for number, (text, topic, stance, holder) in enumerate(texts):
        id = f"p{number}"
        passages.append(Passage(id=id, article=id, text=text, start=7, end=7 + len(text), title="News from Russia"))
        label = Label(topic=topic, stance=stance, holder=holder)  # type: ignore[arg-type]
        annotations.append(Annotation(passage=id, annotator="one", codebook=BOOK.reference, labels=(label,)))
    return adjudicate(passages, annotations), annotations


def made(examples: Sequence[Example], annotations: Sequence[Annotation], rules: Rules = VILLAGE) -> Counterfactuals:
    return Maker(BOOK, rules, ENGLISH, seed=13).make(examples, holders(annotations))


WORLD = labelled(
    ("Russia backed the dam that Iran wanted.", "dams", "favor", "the Russian leader"),
    ("Moscow should fear the dam.", "dams", "against", "author"),
    ("Nobody knows wells.", "wells", "neutral", None),
    ("The Kremlin runs Russia and its wells.", "wells", "favor", "Russia"),
)


def pair_of(kind: str, passage: str = "p0") -> Counterfactual:
    return next(pair for pair in made(*WORLD).pairs if pair.kind == kind and pair.before.passage.id == passage)


def test_the_holder_changes_places_with_the_other_actor_of_the_passage() -> None:
    after = pair_of("holder swapped").after.passage
    assert (after.title, after.text) == ("News from Iran", "Iran backed the dam that Russia wanted.")
    assert after.end - after.start == len(after.text)


def test_masks_count_the_actors_of_title_and_text() -> None:
    after = pair_of("actor masked").after.passage
    assert (after.title, after.text) == ("News from Country A", "Country A backed the dam that Country B wanted.")


def test_the_sentence_of_a_negated_act_stands_alone() -> None:
    pair = pair_of("act negated")
    assert pair.before.passage.title is None
    assert pair.after.passage.text == "Russia opposed the dam that Iran wanted."


def test_a_passage_is_asked_for_a_topic_that_it_does_not_have() -> None:
    assert pair_of("target exchanged").after.target == Target("wells")


def test_every_stance_is_either_changed_or_counted_as_left_out() -> None:
    counterfactuals = made(*WORLD)
    for kind in KINDS:
        assert len(counterfactuals.of(kind)) + sum(counterfactuals.left_out[kind].values()) == 4
    assert counterfactuals.left_out["holder swapped"] == {
        "the holder is no listed actor that the passage names": 2,
        "a word belongs to the holder or the other actor alone": 1,
    }


def test_passages_in_other_languages_keep_their_words() -> None:
    text = "Russland unterstützt den Staudamm, den sich die Regierung in Teheran seit Jahren wünscht."
    counterfactuals = made(*labelled((text, "dams", "favor", "Russland")))
    assert [pair.kind for pair in counterfactuals.pairs] == ["target exchanged"]


def test_acts_are_negated_only_for_the_codebook_that_the_objects_belong_to() -> None:
    other = VILLAGE.model_copy(update={"codebook": "town"})
    assert made(*WORLD, rules=other).left_out["act negated"]["no objects of the topic's acts are listed"] == 3


def test_a_named_target_moves_with_its_passage() -> None:
    text = "Russia praised Iran and Iran's dam."
    label = Label(target="Iran's dam", target_span=(24, 34), stance="favor", holder="Russia")
    passage = Passage(id="p", article="p", text=text, start=0, end=len(text))
    annotation = Annotation(passage="p", annotator="one", codebook=BOOK.reference, labels=(label,))
    swapped = made(adjudicate([passage], [annotation]), [annotation]).of("holder swapped")[0].after
    assert swapped.target.text == "Russia's dam"
    assert swapped.target.span is not None
    start, end = swapped.target.span
    assert swapped.passage.text[start:end] == "Russia's dam"


def test_the_shipped_objects_belong_to_topics_of_the_shipped_codebook() -> None:
    codebook = read_codebook(REPOSITORY / "labels/foreign_affairs/codebook.yaml")
    assert SHIPPED.codebook == codebook.id
    assert set(SHIPPED.objects) == set(codebook.topic_ids)


def test_mistakes_in_a_file_of_rules_are_reported_with_their_place(tmp_path: Path) -> None:
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    rules["actors"][0]["kind"] = "planet"
    rules["colour"] = "red"
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(rules), encoding="utf-8")
    with pytest.raises(BadInput, match=r"rules\.yaml: colour: unknown field"):
        read_rules(path)


def test_the_command_says_what_changes_and_writes_the_pairs(town: Path) -> None:
    rules = {
        "codebook": "tiny",
        "objects": {"tea": {"for": ["teapot"]}},
        "kinds": {"place": {"mask": "Place"}},
        "actors": [{"kind": "place", "name": [name]} for name in ("council", "market", "street")],
    }
    (town / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    arguments = ["evaluate", "copy", "passages.jsonl", "annotations.jsonl", "--counterfactuals"]
    result = demarche(*arguments, "--rules", "rules.yaml", "--out", "pairs.jsonl")
    assert result.exit_code == 0, result.output
    assert "of stances change when the actors become" in result.output
    assert "no sentence" not in result.output
    pairs = [json.loads(line) for line in Path("pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    masked = [pair for pair in pairs if pair["kind"] == "actor masked"]
    assert masked
    assert all("Place A" in pair["changed_text"] for pair in masked)
    assert {pair["before"]["stance"] for pair in pairs} <= {*STANCES}
    shutil.rmtree("copy")


def test_rules_without_counterfactuals_are_refused(town: Path) -> None:
    result = demarche("evaluate", "copy", "passages.jsonl", "annotations.jsonl", "--rules", "rules.yaml")
    assert result.exit_code == 2
    assert "--rules is for --counterfactuals" in result.output
