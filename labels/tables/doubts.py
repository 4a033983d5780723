"""What looks wrong in a table that can be read: spellings of one name, damaged ids, forgotten columns."""

from __future__ import annotations

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from labels.codebook import STANCES
from labels.errors import one_line, value_option
from labels.passages import Annotation, Passage
from labels.tables.cells import DOUBTFUL, MISSING, fold
from labels.tables.columns import TableColumns
from labels.wording import counted

SHOWN = 10
"""Maximum number of notes of one kind."""
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(rf"\d{{1,2}}-({_MONTH})|({_MONTH})-\d{{2}}|\d{{1,4}}[-./]\d{{1,2}}[-./]\d{{1,4}}.*", re.IGNORECASE)
_OTHER_SEPARATORS = (",", "/", "+", "&")
_ANNOTATORS = ("annotator", "coder", "rater", "worker", "labeler", "labeller", "reviewer", "judge")


def doubts(
    passages: Sequence[Passage],
    annotations: Sequence[Annotation],
    rows: Mapping[str, int],
    topics: Mapping[str, int],
    columns: TableColumns,
    names: Iterable[str],
) -> list[str]:
    """Return a sentence for each thing that looks wrong.

    `rows` counts the rows of each passage, `topics` the cells of each topic that no codebook knows; `names` are the
    columns of the table.
    """
    annotators: Counter[str] = Counter()
    targets: Counter[str] = Counter()
    for annotation in annotations:
        annotators[annotation.annotator] += 1
        targets.update(label.target for label in annotation.labels if label.target and label.target_span is None)
    return [
        *_stances(topics),
        *_topic_spellings(topics),
        *_decimals(topics),
        *_undivided(topics),
        *_spellings("target", targets),
        *_spellings("annotator", annotators),
        *_missing(annotators),
        *_dates([passage.id for passage in passages]),
        *_forgotten_columns(passages, annotations, rows, columns, names),
    ]


def _stances(topics: Mapping[str, int]) -> list[str]:
    """Name the topics that are stances, as in a column that was named with the wrong option."""
    if not topics or any(name.casefold() not in STANCES for name in topics):
        return []
    return [f"topics {_list(list(topics))} are stances; if the column holds stances, name it with --stance"]


def _topic_spellings(counts: Mapping[str, int]) -> list[str]:
    """Name the spellings of one topic, which are read as several topics, and the options that join them."""
    notes = []
    for folded, spellings in _same_names(counts).items():
        listed = ", ".join(f"{one_line(name)!r} ({counts[name]})" for name in spellings)
        best = folded if folded in spellings and folded.isdigit() else max(spellings, key=lambda name: counts[name])
        options = dict.fromkeys(value_option(name.casefold(), best) for name in spellings if name != best)
        notes.append(
            f"topics {listed} differ only in spelling but are read as different topics; to join them: {' '.join(options)}"
        )
    return _first(notes)


def _spellings(noun: str, counts: Mapping[str, int]) -> list[str]:
    """Tell of targets or annotators with several spellings, which are read as several."""
    groups = list(_same_names(counts).values())
    if not groups:
        return []
    listed = " and ".join(f"{one_line(name)!r} ({counts[name]})" for name in groups[0])
    return [
        f"{counted(len(groups), noun)} in several spellings, which are read as different {noun}s: "
        f"{listed}{', …' if len(groups) > 1 else ''}; if they are the same, write them alike in the table"
    ]


def _same_names(counts: Iterable[str]) -> dict[str, list[str]]:
    """Return {folded name: its spellings} of each name that has several."""
    same: dict[str, list[str]] = defaultdict(list)
    for name in counts:
        same[fold(name)].append(name)
    return {folded: spellings for folded, spellings in same.items() if len(spellings) > 1}


def _decimals(topics: Mapping[str, int]) -> list[str]:
    """Name the topics that are whole numbers with the `.0` that pandas and spreadsheets add."""
    if any(re.fullmatch(r"\d+\.0*[1-9]\d*", name) for name in topics):
        return []  # 201.1 is no floating-point number, so 201.0 is none either
    whole = [name for name in topics if re.fullmatch(r"\d+\.0+", name) and fold(name) not in topics]
    if not whole:
        return []
    options = " ".join(value_option(name, fold(name)) for name in whole[:SHOWN])
    return [f"whole numbers stored as decimals among the topics: {_list(whole)}; to correct them: {options}"]


def _undivided(topics: Mapping[str, int]) -> list[str]:
    """Name the topics that look like several, divided by a separator that was not named."""
    notes = []
    for separator in _OTHER_SEPARATORS:
        parts = {name: [part.strip() for part in name.split(separator)] for name in topics if separator in name}
        counts = Counter(part for divided in parts.values() for part in set(divided))
        lists = [
            name
            for name, divided in parts.items()
            if any(part in topics or counts[part] > 1 for part in divided if part)
        ]
        if lists:
            notes.append(
                f"topics {_list(lists)} look like several topics each; if they are, --separator {separator!r} divides them"
            )
    return notes


def _missing(annotators: Mapping[str, int]) -> list[str]:
    """Name the annotators who are probably empty cells."""
    names = [name for name in annotators if name.casefold() in MISSING | DOUBTFUL]
    return [f"annotators {_list(names)} look like empty cells; empty them in the table"] if names else []


def _dates(ids: Sequence[str]) -> list[str]:
    """Name the ids that look like dates among others that do not, as a spreadsheet makes of MAR1 or 3-1."""
    dates = [id for id in ids if _DATE.fullmatch(id)]
    if not dates or (len(dates) == len(ids) and not any(character.isalpha() for id in dates for character in id)):
        return []
    return [f"ids that look like dates, as a spreadsheet makes of MAR1 or 3-1: {_list(dates)}; export them as text"]


def _forgotten_columns(
    passages: Sequence[Passage],
    annotations: Iterable[Annotation],
    rows: Mapping[str, int],
    columns: TableColumns,
    names: Iterable[str],
) -> list[str]:
    """Tell of several rows with one text, if no column says why."""
    if columns.annotator or len({annotation.annotator for annotation in annotations}) > 1:
        return []
    likely = [name for name in names if any(word in name.casefold() for word in _ANNOTATORS)]
    option = f"--annotator {shlex.quote(likely[0])}" if len(likely) == 1 else "--annotator"
    several = sum(count > 1 for count in rows.values())
    if several:
        return [
            f"{several} of {counted(len(rows), 'id')} in several rows, whose labels are read together as those of one "
            f"annotator; if the rows are of different annotators, name their column with {option}"
        ]
    targets = {each.passage: {label.target for label in each.labels if label.target} for each in annotations}
    texts = Counter((" ".join(p.text.split()), *sorted(targets.get(p.id, ()))) for p in passages)
    repeated = sum(count > 1 for count in texts.values())
    if columns.id or 2 * repeated < len(texts):
        return []
    return [
        f"{repeated} of {counted(len(texts), 'text')} in several rows, each of which is read as a passage of its own; if the "
        f"rows are the labels of one text, name its id with --id, and if they are of different annotators, {option}"
    ]


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(one_line(name)) for name in names[:3]) + (
        f" and {len(names) - 3} more" if len(names) > 3 else ""
    )


def _first(notes: list[str]) -> list[str]:
    return notes[:SHOWN] + ([f"… and {len(notes) - SHOWN} more of this kind"] if len(notes) > SHOWN else [])
