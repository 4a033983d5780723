"""An exported table is imported again unchanged; what it cannot hold is counted."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from demarche.__main__ import app
from labels.check import LabelledData, read_labelled
from labels.codebook import Codebook, Topic, write_codebook
from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.passages import Annotation, Label, Passage
from labels.tables.cells import DOUBTFUL, MISSING, NONE
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.exports import SUFFIXES, Exported, export_table
from labels.tables.imports import Imported, import_table
from labels.tables.kinds import LOGICAL
from labels.tables.writers import table_writer
from tests.conftest import REPOSITORY

Draw = Callable[[st.SearchStrategy[Any]], Any]
BOOK = Codebook(id="tiny", version="1.0.0", topics=(Topic(id="tea"), Topic(id="rain")))


def round_trip(data: LabelledData, path: Path) -> tuple[Exported, Imported]:
    exported = export_table(data, path)
    return exported, import_table(path, exported.columns, ImportOptions(values=exported.values), data.codebook)


def in_order(annotations: list[Annotation]) -> list[Annotation]:
    return sorted(annotations, key=lambda reading: (reading.passage, reading.annotator))


def labelled(*labels: Label, text: str = "Tea in the rain.", **fields: Any) -> LabelledData:
    passage = Passage(**{"id": "p1", "article": "p1", "text": text, "start": 0, "end": len(text)} | fields)
    reading = Annotation(passage="p1", annotator="ann", codebook=BOOK.reference, labels=labels)
    return LabelledData(BOOK, [passage], [reading])


ODD = (
    "=1+1", '"', 'a "b", c', "a\r\nb", "a\rb", "a\nb", "a;b", "a|b", "a\tb", "007", "1.0", "1e5", "2020-01-31", "nan",
    "None", "true", "1", "[", "[1]", '{"a": 1}', "\ufeffa", "a\x1fb", "a\x85b", "a\u2028b", "é 🙂", "-a", "'a", "a\\",
)  # fmt: skip
anything = st.sampled_from(ODD) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6
)
written = anything.filter(str.strip)
maybe = st.none() | anything
STANCES = ("favor", "against", "neutral")
stances = st.sampled_from(STANCES)


def with_target(cells: dict[str, Any], draw: Draw) -> dict[str, Any]:
    """Add a target, sometimes with its offsets in the text."""
    text = cells["the text"]
    target = draw(st.none() | written | st.just(text))
    named = target == text and draw(st.booleans())
    return cells | {"target": target, "from": 0 if named else None, "to": len(text) if named else None}


def annotators(cells: dict[str, Any], names: list[str], draw: Draw) -> list[dict[str, Any]]:
    """Make a row per annotator or per label, or one row without an annotator for a text that nobody labelled."""
    rows: list[dict[str, Any]] = []
    for who in draw(st.lists(written.map(str.strip), max_size=2, unique=True)):
        topics = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
        row = with_target(cells, draw) | {"who": who, "topics": topics}
        bare = row["target"] is None and not topics
        row["stance"] = None if bare else draw(st.none() | stances)
        rows += [row | {"topics": [topic]} for topic in topics] if topics and draw(st.booleans()) else [row]
    return rows or [cells | dict.fromkeys(("who", "topics", "stance", "target", "from", "to"))]


def each_topic(cells: dict[str, Any], names: list[str], draw: Draw) -> list[dict[str, Any]]:
    topics = {name: draw(st.booleans()) for name in names}
    return [cells | topics | {"stance": draw(st.none() | stances) if any(topics.values()) else None}]


def mappings(cells: dict[str, Any], names: list[str], draw: Draw) -> list[dict[str, Any]]:
    return [cells | {"topics": draw(st.dictionaries(st.sampled_from(names), stances, max_size=3))}]


def votes_on_stance(cells: dict[str, Any], names: list[str], draw: Draw) -> list[dict[str, Any]]:
    row = with_target(cells, draw)
    votes = st.just(" ") | st.none() | stances if row["target"] is not None else st.none()
    return [row | {"votes": draw(st.lists(votes, max_size=3)), "gold": draw(votes)}]


def votes_on_topics(cells: dict[str, Any], names: list[str], draw: Draw) -> list[dict[str, Any]]:
    votes = st.none() | st.lists(st.sampled_from(names), max_size=2, unique=True)
    return [cells | {"a1": draw(votes), "a2": draw(votes), "gold": draw(votes)}]


TARGET = {"target": "target", "target_start": "from", "target_end": "to"}
FORMS: dict[Any, dict[str, Any]] = {
    annotators: TARGET | {"annotator": "who", "topics": ("topics",), "stance": "stance"},
    each_topic: {"stance": "stance"},
    mappings: {"topics": ("topics",)},
    votes_on_stance: TARGET | {"votes": ("votes",), "gold": "gold"},
    votes_on_topics: {"votes": ("a1", "a2"), "gold": "gold"},
}
ABOUT = ("title", "date", "source", "url", "article", "group", "split")
# Names that the export uses for its own columns, and others that could break a header.
KEPT = ("id", "text", "title", "title_", "annotator", "day", "a;b;c;d;e;f;g;h", "a\nb", 'a"b', "é")
kept_names = st.sampled_from(KEPT)
# A topic may be the name of a column, which must then not be another column's name.
topic_names = written.map(str.strip).filter(
    lambda name: (
        name not in (*KEPT, "stance")
        and not name.startswith("the ")
        and name.casefold() not in {*STANCES, *MISSING, *DOUBTFUL, *NONE, *LOGICAL}
    )
)
KINDS = [anything, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.booleans()]


@st.composite
def tables(draw: Draw) -> tuple[list[dict[str, Any]], TableColumns, str]:
    """Draw rows, the columns to import them with, and the suffix of the table to export."""
    form, suffix = draw(st.sampled_from(list(FORMS))), draw(st.sampled_from(SUFFIXES))
    names = draw(st.lists(topic_names, min_size=2, max_size=2, unique=True))
    about = draw(st.lists(st.sampled_from(ABOUT), unique=True))
    # CSV has only text; Parquet has one type per column.
    kinds = KINDS[:1] if suffix in (".csv", ".tsv") else KINDS
    keep = {name: draw(st.sampled_from(kinds)) for name in draw(st.lists(kept_names, max_size=3, unique=True))}
    rows: list[dict[str, Any]] = []
    for id in draw(st.lists(written.map(str.strip), min_size=1, max_size=4, unique=True)):
        cells = {"the id": id, "the text": draw(written)}
        cells |= {f"the {name}": draw(maybe) for name in about}
        cells |= {name: draw(st.none() | kind) for name, kind in keep.items()}
        rows += form(cells, names, draw)
    columns = {name: f"the {name}" for name in ("text", "id", *about)}
    labels = FORMS[form] | ({"topics": names} if form is each_topic else {})
    return rows, TableColumns(**columns, **labels, keep=tuple(keep)), suffix


@settings(max_examples=150, deadline=None)
@given(table=tables())
def test_import_export_import_is_the_identity(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[dict[str, Any]], TableColumns, str]
) -> None:
    rows, columns, suffix = table
    folder = tmp_path_factory.mktemp("round")
    write_jsonl(folder / "first.jsonl", rows)
    as_named = {name: name for name in (*MISSING, *DOUBTFUL, *NONE)}
    options = ImportOptions(values=as_named, one_stance="each", empty={"": "none"})
    imported = import_table(folder / "first.jsonl", columns, options)
    exported, back = round_trip(
        LabelledData(imported.codebook, imported.passages, imported.annotations), folder / f"table{suffix}"
    )
    assert back.passages == imported.passages
    assert in_order(back.annotations) == in_order(imported.annotations)
    assert back.codebook == imported.codebook
    assert exported.lost == {}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_starter_corpus_is_read_back_with_every_annotator_topic_and_stance(tmp_path: Path, suffix: str) -> None:
    data = read_labelled(
        REPOSITORY / "labels/foreign_affairs/codebook.yaml",
        [REPOSITORY / "seeds/passages.jsonl"],
        [REPOSITORY / "labels/foreign_affairs/annotations.jsonl"],
    )
    exported, back = round_trip(data, tmp_path / f"table{suffix}")
    bare = [
        Annotation(
            passage=reading.passage,
            annotator=reading.annotator,
            codebook=data.codebook.reference,
            labels=tuple(Label(topic=label.topic, stance=label.stance) for label in reading.labels),
        )
        for reading in data.annotations
    ]
    assert in_order(back.annotations) == in_order(bare)
    # A table has every column for every row: a passage without a field of `meta` comes back with an empty one.
    empty = {field: None for passage in data.passages for field in passage.meta}
    assert back.passages == [p.model_copy(update={"meta": empty | dict(p.meta)}) for p in data.passages]
    holders = sum(label.holder is not None for reading in data.annotations for label in reading.labels)
    assert exported.lost == {"holders": holders}


def test_pandas_reads_the_table_with_one_row_per_label(tmp_path: Path) -> None:
    data = labelled(Label(topic="tea", stance="favor"), Label(topic="rain"), title="Weather, and tea")
    export_table(data, tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv", keep_default_na=False).to_dict("records") == [
        {"id": "p1", "title": "Weather, and tea", "text": "Tea in the rain.", "annotator": "ann"} | label
        for label in ({"topic": "tea", "stance": "favor"}, {"topic": "rain", "stance": ""})
    ]


def test_what_a_table_cannot_hold_is_counted_and_the_rest_is_read_back(tmp_path: Path) -> None:
    data = labelled(
        Label(topic="tea", stance="favor", holder="author", evidence=(0, 3)),
        Label(topic="tea", target="it", target_span=(4, 6), stance="against"),
        Label(topic="rain", target="it", stance="neutral"),
        start=7,
        end=23,
        title=" Weather",
        meta={"year": 1999, "on": True, "none": None, "word": "3"},
    )
    data = LabelledData(BOOK.model_copy(update={"version": "1.1.0"}), data.passages, data.annotations)
    exported, back = round_trip(data, tmp_path / "t.csv")
    assert exported.lost == {
        "offsets in an article": 1,
        "metadata fields with white space around them (read back without it)": 1,
        "values of meta that are not text (read back as text)": 2,
        "references to another version of the codebook": 1,
        "holders": 1,
        "evidence spans": 1,
        "pairings of a topic with a target (read back as two labels)": 2,
        "target spans whose text is not the target": 1,
        "second stances toward one target": 1,
    }
    assert back.annotations[0].labels == (
        Label(topic="tea", stance="favor"),
        Label(target="it", stance="against"),
        Label(topic="rain"),
    )
    assert back.passages[0].meta == {"year": "1999", "on": "True", "none": None, "word": "3"}


def test_meta_values_of_several_types_are_text_in_parquet(tmp_path: Path) -> None:
    passages = [
        Passage(id=f"{n}", article="a", text="x", start=0, end=1, meta={"n": n, "odd": odd})
        for n, odd in enumerate([1, "b", None, 2**64])
    ]
    reading = Annotation(passage="0", annotator="ann", codebook=BOOK.reference, labels=())
    exported, back = round_trip(LabelledData(BOOK, passages, [reading]), tmp_path / "t.parquet")
    assert [passage.meta["n"] for passage in back.passages] == [0, 1, 2, 3]
    assert [passage.meta["odd"] for passage in back.passages] == ["1", "b", None, str(2**64)]
    assert exported.lost == {"values of meta that are not text (read back as text)": 2}
    assert back.annotations == [reading]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (labelled(article=" p1"), "article ' p1' has white space around it"),
        (labelled(Label(topic="tea ")), "topic 'tea ' has white space around it"),
        (labelled(text="\x1f"), "is blank in a table"),
        (labelled(Label(target="\x1f")), "is blank in a table"),
    ],
)
def test_names_that_an_import_would_change_are_refused_and_an_older_table_stays(
    tmp_path: Path, data: LabelledData, message: str
) -> None:
    (tmp_path / "t.csv").write_text("kept")
    with pytest.raises(DemarcheError, match=message):
        export_table(data, tmp_path / "t.csv")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]


def test_a_value_of_meta_without_a_name_is_counted_as_lost(tmp_path: Path) -> None:
    exported = export_table(labelled(Label(topic="tea"), meta={"": "a", "b": "c"}), tmp_path / "t.csv")
    assert exported.lost == {"values of meta without a name": 1}
    assert (tmp_path / "t.csv").read_text().splitlines()[0].split(",").count("") == 0


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["labels", *map(str, arguments)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    data = labelled(Label(topic="tea", holder="author"), meta={"text": "-x"})
    write_codebook(tmp_path / "code book.yaml", data.codebook)
    write_jsonl(tmp_path / "passages.jsonl", data.passages)
    write_jsonl(tmp_path / "annotations.jsonl", data.annotations)
    return tmp_path / "code book.yaml", tmp_path / "passages.jsonl", tmp_path / "annotations.jsonl"


def test_the_export_prints_the_command_that_reads_the_table_back(
    tmp_path: Path, files: tuple[Path, Path, Path]
) -> None:
    exported = command("export", "table", *files, "--out", tmp_path / "out" / "my table.tsv")
    assert exported.exit_code == 0, exported.output
    assert "1 row of 1 passage and 1 annotation" in exported.stdout
    assert "not in the table: 1 holders\n" in exported.stderr
    words = shlex.split(exported.stdout.splitlines()[-1])
    assert words[:2] == ["demarche", "labels"]
    read = command(*words[2:])
    assert read.exit_code == 0, read.output
    folder = tmp_path / "out" / "my table-imported"
    assert (folder / "passages.jsonl").read_bytes() == files[1].read_bytes()
    assert '"labels": [{"topic": "tea"}]' in (folder / "annotations.jsonl").read_text()


def test_a_table_never_replaces_its_inputs(tmp_path: Path, files: tuple[Path, Path, Path]) -> None:
    for out, message in ((files[1], "is an input"), (tmp_path / "t.xlsx", "ending in .csv, .tsv, .jsonl, .par")):
        refused = command("export", "table", *files, "--out", out)
        assert (refused.exit_code, message in refused.stderr) == (2, True)
    assert files[1].read_text().startswith('{"id": "p1"')


def test_a_carriage_return_does_not_end_a_row(tmp_path: Path) -> None:
    with table_writer(tmp_path / "t.csv", {"a": str, "b": int}) as write:
        write([{"a": "x\ry", "b": 1}, {"a": None, "b": None}])
    assert (tmp_path / "t.csv").read_bytes() == b'a,b\r\n"x\ry",1\r\n,\r\n'
