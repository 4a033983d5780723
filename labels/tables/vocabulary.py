"""Map the values of a table to stances, topics, and yes or no."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labels.codebook import STANCES, Codebook
from labels.errors import BadValue, DemarcheError, Problems, misspelt, suggest_value, value_option
from labels.tables.cells import DOUBTFUL, MISSING, NO, NONE, YES, fold, is_yes, to_number, word
from labels.tables.columns import ImportOptions, Row
from labels.tables.kinds import LOGICAL, Kinds, find_kinds
from labels.wording import counted

SYNONYMS = {
    "favor": {"favour", "in favor", "in favour", "pro", "for", "support", "supports", "supported", "supportive"},
    "against": {"anti", "con", "contra", "oppose", "opposes", "opposed", "opposition"},
}
"""Words that mean a stance, proposed in messages but never read as one."""
PLACEHOLDERS = {"STANCE": "a stance", "TOPIC": "a topic", "ANSWER": "yes or no"}
"""The words in messages that the user has to replace."""
ANSWERS = (YES | NO) - MISSING - NONE - {""}
"""What says yes or no in a cell, and does not stand for an empty one."""
UNCLEAR = "unclear"
"""The word for a stance that the annotator could not tell."""


class Vocabulary:
    """Translates the values of a table into stances, the topics of the codebook, and yes or no.

    Without a codebook, every value that is not a stance may be a topic. A value that cannot be translated is recorded
    with the current `line` and left out; `report` adds them to the problems of the file.
    """

    def __init__(self, options: ImportOptions, codebook: Codebook | None):
        self._topics = frozenset(codebook.topic_ids) if codebook else None
        self._spellings = spellings(codebook) if codebook else {}
        self._values = _by_key(options.values)
        for key, value in options.values.items():
            if value in PLACEHOLDERS and value not in (self._topics or ()):
                raise DemarcheError(f"{value_option(key, value)}: write {PLACEHOLDERS[value]} in place of {value}")
        self._options = options
        self._bad: list[tuple[int | None, BadValue]] = []
        self._read_as: dict[str, set[int | None]] = defaultdict(set)
        self.kinds = Kinds()
        self.topics: Counter[str] = Counter()
        self.line: int | None = None
        self._score = ""

    def look_at(self, rows: Iterable[Row], *, topics: Sequence[str], votes: Sequence[str]) -> None:
        """Find out what kinds of values the columns of topics and of votes hold, before the rows are read."""
        self.kinds = find_kinds(rows, topics, votes, self._options, self._translate, self._topics)

    def report(self, path: Path, problems: Problems) -> bool:
        """Add the values that could not be read since the last call to the problems, and return whether there are any."""
        bad, self._bad = self._bad, []
        for line, value in bad:
            problems.add_value(path, line, value)
        return bool(bad)

    def notes(self) -> list[str]:
        """Return sentences that say how values were read that are not plainly what they were read as."""
        return [f"{what} ({counted(len(lines), 'row')})" for what, lines in self._read_as.items()]

    def stance(self, cell: Any) -> str | None:
        """Return the stance that the cell names, or None for an empty cell or a value to be ignored."""
        value = word(cell)
        stance = self._translate(value).casefold()
        if stance in ("", UNCLEAR, *STANCES):
            return stance if stance in STANCES else None
        if value.casefold() in MISSING:
            self._read_as[f"stance {value!r} is read as no stance"].add(self.line)
            return None
        synonym = next((known for known, words in SYNONYMS.items() if value.casefold() in words), None)
        new = synonym or misspelt(value, STANCES) or "STANCE"
        self._refuse(
            BadValue(
                "stance",
                value,
                f"is not one of {', '.join(STANCES)}",
                f"are not one of the stances {', '.join(STANCES)}",
                value_option(value, new),
                f"STANCE is one of them, {UNCLEAR} if the annotator could not tell, or nothing for an empty cell",
            )
        )
        return None

    def topic(self, cell: Any) -> str | None:
        """Return the topic that the cell names, or None for a value to be ignored."""
        value = word(cell)
        named = self._values.get(_key(value))
        if named in STANCES and (self._topics is None or value in self._topics):
            # A number may be both a stance and a topic; its translation is for the stance.
            named = value if fold(value) in map(fold, STANCES) or to_number(value) is not None else None
        topic = value if named is None else named
        if topic and self._topics is not None:
            topic = self._known_topic(value, topic)
        elif topic and named is None and self._is_doubtful(value):
            return None
        if topic:
            self.topics[topic] += 1
        return topic or None

    @property
    def reads_scores(self) -> bool:
        """Whether scores mean yes or no."""
        return self._options.yes_from is not None

    def is_known(self, value: str) -> bool:
        """Return whether the value is a topic of the codebook, or is mapped to a stance or a topic."""
        return _key(value) in self._values or fold(value) in self._spellings

    def is_topic(self, value: str) -> bool:
        """Return whether the codebook has the topic, and the value is not mapped to anything else."""
        return fold(value) in self._spellings and _key(value) not in self._values

    def is_answer(self, value: str) -> bool:
        """Return whether the value says yes or no; 1 does not if it is mapped to itself, as a topic of that name is."""
        named = self._values.get(_key(value))
        if named is None:
            return value.casefold().removesuffix(".0") in ANSWERS
        return named.casefold() in YES | NO and _key(named) != _key(value)

    def yes_no(self, column: str, cell: Any) -> bool:
        """Return whether the cell says that the topic of its column holds."""
        value = word(cell)
        named = self._values.get(_key(value))
        if named is not None and named.casefold() in YES | NO:
            return named.casefold() in YES
        number, least = to_number(cell), self._options.yes_from
        if number is not None and least is not None:
            return number >= least
        answer = is_yes(cell)
        if answer is None:
            self._refuse_answer(column, value, number)
        return bool(answer)

    def mapping(self, cell: Mapping[str, Any]) -> dict[str, str | None]:
        """Return {topic: stance} of a cell that maps topics to stances, or to yes and no."""
        # Parquet gives every mapping in a column the same keys, with nulls.
        values = {name: value for name, value in cell.items() if self._translate(word(value))}
        if self.kinds.yes_no_mappings:
            self._read_as["a mapping of topics to yes and no (1 and 0, true and false) gives the topics with yes"].add(
                self.line
            )
            values = {name: None for name, value in values.items() if self.yes_no(name, value)}
        stances = {name: self.stance(value) for name, value in values.items()}
        return {topic: stance for name, stance in stances.items() if (topic := self.topic(name))}

    def is_stance_vote(self, vote: Any) -> bool:
        """Return whether the vote is a stance and not a topic: in one table, all votes and the gold are of one kind."""
        return self.kinds.stance_votes or not self._translate(word(vote))

    def is_unclear(self, cell: Any) -> bool:
        """Return whether the cell says that the annotator could not tell the stance."""
        return self._translate(word(cell)).casefold() == UNCLEAR

    def without_missing(
        self, row: Row, *, topics: Sequence[str], votes: Sequence[str], stances: Sequence[str] = ()
    ) -> Row:
        """Return the row with null for each NA or the like in its label columns that stands for an empty cell."""
        row = {**row, **{name: None for name in stances if self._is_no_stance(row.get(name))}}
        topics_and_votes = dict.fromkeys(topics, False) | dict.fromkeys(votes, True)
        empty = {
            name: None for name, is_vote in topics_and_votes.items() if self.is_empty(row.get(name), is_vote=is_vote)
        }
        return {**row, **empty} if empty else row

    def is_empty(self, cell: Any, *, is_vote: bool) -> bool:
        """Return whether NA or the like in a cell of topics or votes stands for an empty cell."""
        value = cell.strip() if isinstance(cell, str) else ""
        if value.casefold() not in MISSING | DOUBTFUL:
            return False
        if self._values.get(_key(value)) == "":
            return True
        if is_empty := is_vote and self.kinds.stance_votes and value.casefold() in MISSING:
            self._read_as[f"vote {value!r} is read as no vote"].add(self.line)
        return is_empty

    def is_target(self, cell: Any) -> bool:
        """Return whether the cell names a target and does not stand for an empty cell."""
        value = word(cell)
        named = self._values.get(_key(value))
        if named is None and value.casefold() in MISSING | DOUBTFUL | NONE:
            self._refuse_empty("target", value, f"for a target of that name, {value_option(value, value)}")
        return named != ""

    def _is_no_stance(self, cell: Any) -> bool:
        """Return whether the cell of a column of stances stands for an empty one."""
        value = word(cell)
        if not value or self._values.get(_key(value), value) == "":
            return True
        if is_missing := value.casefold() in MISSING and _key(value) not in self._values:
            self._read_as[f"stance {value!r} is read as no stance"].add(self.line)
        return is_missing

    def _known_topic(self, value: str, topic: str) -> str:
        """Return the topic of the codebook that is meant, or "" if there is none."""
        if topic in (self._topics or ()):
            return topic
        if spelling := self._spellings.get(fold(topic)):
            self._read_as[f"topic {topic!r} is read as {spelling!r} of the codebook"].add(self.line)
            return spelling
        hint = suggest_value(topic, self._topics or ())
        meant = misspelt(topic, self._topics or ())
        known = suggest_value("", self._topics or ())
        empty = value.casefold() in MISSING | DOUBTFUL | NONE
        self._refuse(
            BadValue(
                "topic",
                value,
                "is not in the codebook" + ("" if empty else hint),
                f"are not topics of the codebook{known}",
                value_option(value, "" if empty else meant or "TOPIC"),
                "TOPIC is one of them, or nothing for no topic" + _separators(value),
            ),
        )
        return ""

    def _is_doubtful(self, value: str) -> bool:
        """Refuse a topic that is probably none, if no codebook tells; return whether it was refused."""
        name = value.casefold()
        for_topic = f"for a topic of that name, {value_option(value, value)}"
        if name in MISSING | DOUBTFUL:
            self._refuse_empty("topic", value, for_topic)
        elif name in NONE:
            remedy = f"that means none of the topics; {for_topic}"
            one, many = "may mean none of the topics", "may mean none of the topics"
            self._refuse(BadValue("topic", value, one, many, value_option(value, ""), remedy))
        elif (self.kinds.marks and name.removesuffix(".0") in YES | NO) or name in LOGICAL:
            one, many = "says yes or no, but not which topic holds", "say yes or no, but not which topic holds"
            option = value_option(value, "TOPIC" if is_yes(value) else "")
            self._refuse(BadValue("topic", value, one, many, option, f"TOPIC is the name of the topic; {for_topic}"))
        elif (number := to_number(value)) is not None and 0 < number < 1:
            self._refuse_score(value)
        else:
            return False
        return True

    def _refuse_empty(self, noun: str, value: str, otherwise: str) -> None:
        one, many = "may stand for an empty cell", "may stand for empty cells"
        self._refuse(
            BadValue(noun, value, one, many, value_option(value, ""), f"that means an empty cell; {otherwise}")
        )

    def _refuse_score(self, value: str) -> None:
        # Nearly every score is another value; they are reported together as the first of them.
        self._score = self._score or value
        what = "are neither topics nor yes or no"
        remedy = (
            "SCORE is the smallest score that means yes; name shares of stances with --favor, --against and --neutral"
        )
        self._refuse(BadValue("scores such as", self._score, what, what, "--yes-from SCORE", remedy))

    def _refuse_answer(self, column: str, value: str, number: float | None) -> None:
        where = f"column {column!r}:"
        if value.casefold() in MISSING | DOUBTFUL:
            one, many = "may stand for an empty cell", "may stand for empty cells"
            remedy = (
                "ANSWER is yes or no, or nothing for an empty cell; since an empty cell beside filled ones means no, "
                "leave out the rows in which a topic was not judged"
            )
            self._refuse(BadValue(where, value, one, many, value_option(value, "ANSWER"), remedy))
            return
        if number is not None and 0 < number < 1:
            self._refuse_score(value)
            return
        one, many = (f"{verb} neither true nor false (1/0, true/false, yes/no)" for verb in ("is", "are"))
        option, remedy = value_option(value, "ANSWER"), "ANSWER is yes or no"
        self._refuse(BadValue(where, value, one, many, option, remedy))

    def _refuse(self, value: BadValue) -> None:
        self._bad.append((self.line, value))

    def _translate(self, value: Any) -> str:
        name = word(value)
        return self._values.get(_key(name), name)


def _by_key(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values by what they are looked up as. Raises DemarcheError if one has two meanings."""
    known: dict[str, str] = {}
    for value, new in values.items():
        if known.setdefault(_key(value), new.strip()) != new.strip():
            raise DemarcheError(
                f"--value is given twice for {value!r}: {known[_key(value)]!r} and {new.strip()!r}; keep one"
            )
    return known


def _key(value: str) -> str:
    """Return the value as the options of the import are looked up: without case, and 1.0 as 1."""
    whole, _, decimals = value.strip().casefold().partition(".")
    return whole if decimals and not decimals.strip("0") else value.strip().casefold()


def spellings(codebook: Codebook) -> dict[str, str]:
    """Return {folded id or name: topic id}, without those that fit several topics."""
    known: dict[str, set[str]] = {}
    for topic in codebook.topics:
        for name in (topic.id, topic.label):
            known.setdefault(fold(name), set()).add(topic.id)
    return {name: min(ids) for name, ids in known.items() if len(ids) == 1}


def _separators(value: str) -> str:
    comma = next((mark for mark in (",", "/") if mark in value), None)
    return f"; if it is several topics, --separator {comma!r}" if comma else ""
