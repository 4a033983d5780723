"""Tables as public data sets come: stance and topics, votes and gold, offsets, blanks of every kind."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.check import read_labelled
from labels.codebook import Codebook, Topic, write_codebook
from labels.errors import BadInput, DemarcheError
from labels.files import write_jsonl
from labels.passages import Label
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import Imported, import_table

Found = dict[tuple[str, str], list[tuple[str | None, str | None, str | None]]]
BOOK = Codebook(id="tiny", version="1.0.0", topics=(Topic(id="tea"), Topic(id="rain")))


def labels_of(found: Imported) -> Found:
    """(passage, annotator) → (topic, target, stance) of each label."""
    return {
        (reading.passage, reading.annotator): [(label.topic, label.target, label.stance) for label in reading.labels]
        for reading in found.annotations
    }


def csv(folder: Path, text: str, *, name: str = "table.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def jsonl(folder: Path, *rows: dict[str, Any], name: str = "table.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def parquet(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "table.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def refused(
    path: Path, columns: TableColumns, options: ImportOptions | None = None, codebook: Codebook | None = None
) -> str:
    with pytest.raises(DemarcheError) as raised:
        import_table(path, columns, options or ImportOptions(), codebook)
    return str(raised.value)


SEMEVAL = (
    "ID,Target,Tweet,Stance\r\n"
    '101,Atheism,"dear lord, thank u ""for all"" 🙏 #SemST",AGAINST\r\n'
    '102,Climate Change is a Real Concern,"two\r\nlines",FAVOR\r\n'
    "103,Climate Change is a Real Concern,@user ok,NONE\r\n"
)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(SEMEVAL, "utf-8"), (SEMEVAL, "utf-8-sig"), (SEMEVAL.replace(",", ";").replace("lord;", "lord,"), "utf-8-sig")],
)
def test_a_stance_csv_reads_with_options_alone(tmp_path: Path, text: str, encoding: str) -> None:
    table = csv(tmp_path, text, encoding=encoding)
    columns = TableColumns(text="Tweet", id="ID", topics=("Target",), stance="Stance")
    found = import_table(table, columns, ImportOptions(values={"NONE": "neutral"}))
    assert [passage.text for passage in found.passages] == [
        'dear lord, thank u "for all" 🙏 #SemST',
        "two\r\nlines",
        "@user ok",
    ]
    climate = "Climate Change is a Real Concern"
    assert labels_of(found) == {
        ("101", "table"): [("Atheism", None, "against")],
        ("102", "table"): [(climate, None, "favor")],
        ("103", "table"): [(climate, None, "neutral")],
    }
    assert found.codebook.topic_ids == ("Atheism", climate)


def test_a_stance_without_a_meaning_is_told_with_its_line_and_what_to_say(tmp_path: Path) -> None:
    columns = TableColumns(text="Tweet", id="ID", target="Target", stance="Stance")
    message = refused(csv(tmp_path, SEMEVAL), columns)
    # Line 103 starts at the file's fifth line: the one before it has two.
    assert "table.csv:5: stance 'NONE'" in message
    assert "--value NONE=neutral" in message


def test_open_targets_take_the_stance_and_no_topics_are_drawn_up(tmp_path: Path) -> None:
    table = csv(tmp_path, "Tweet,Target,Stance\nhe is right on it,Donald Trump,FAVOR\nnever him,Joe Biden,AGAINST\n")
    found = import_table(table, TableColumns(text="Tweet", target="Target", stance="Stance"), ImportOptions())
    assert labels_of(found) == {
        ("2", "table"): [(None, "Donald Trump", "favor")],
        ("3", "table"): [(None, "Joe Biden", "against")],
    }
    assert found.codebook.topics == ()


@pytest.mark.parametrize("name", ["set.tsv", "set.tsv.gz", "set.csv"])
def test_a_tab_separated_set_may_hold_plain_quotes(tmp_path: Path, name: str) -> None:
    text = 'ID\tTweet\tStance\tTarget\n1\t"@a: never" I said\tAGAINST\tx\n2\t"open\tFAVOR\tx\n3\tdone"\tFAVOR\tx\n'
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    found = import_table(path, TableColumns(text="Tweet", id="ID", target="Target", stance="Stance"), ImportOptions())
    assert [passage.text for passage in found.passages] == ['"@a: never" I said', '"open', 'done"']


def test_a_tab_separated_set_may_be_quoted(tmp_path: Path) -> None:
    text = 'Tweet\tStance\tTarget\n"he said ""no""\nand left"\tAGAINST\tx\n'
    found = import_table(
        csv(tmp_path, text, name="set.tsv"),
        TableColumns(text="Tweet", target="Target", stance="Stance"),
        ImportOptions(),
    )
    assert [passage.text for passage in found.passages] == ['he said "no"\nand left']


@pytest.mark.parametrize(
    ("values", "stances"),
    [
        ([1, 0, -1], ["favor", "neutral", "against"]),
        ([1.0, 0.0, -1.0], ["favor", "neutral", "against"]),
        ([1.0, None, float("nan")], ["favor", None, None]),
        (["1", " 0 ", "-1"], ["favor", "neutral", "against"]),
    ],
)
def test_stance_may_be_a_number(tmp_path: Path, values: list[Any], stances: list[str | None]) -> None:
    table = parquet(tmp_path, *({"text": f"text {n}", "about": "x", "y": value} for n, value in enumerate(values)))
    options = ImportOptions(values={"1": "favor", "0": "neutral", "-1": "against"})
    found = import_table(table, TableColumns(target="about", stance="y"), options)
    assert [reading.labels[0].stance for reading in found.annotations] == stances


def test_the_number_of_a_stance_may_also_be_that_of_a_topic(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,stance\na b,1,1\nc d,2,-1\n")
    found = import_table(
        table, TableColumns(topics=("topic",), stance="stance"), ImportOptions(values={"1": "favor", "-1": "against"})
    )
    assert labels_of(found) == {("2", "table"): [("1", None, "favor")], ("3", "table"): [("2", None, "against")]}


def test_a_row_per_annotator_makes_one_passage_of_several_readings(tmp_path: Path) -> None:
    rows = "id,text,who,target,label\n7,same text,ann,x,favor\n7,same text,bob,x,against\n8,other text,ann,x,neutral\n"
    columns = TableColumns(id="id", annotator="who", target="target", stance="label")
    found = import_table(csv(tmp_path, rows), columns, ImportOptions())
    assert [passage.id for passage in found.passages] == ["7", "8"]
    assert labels_of(found) == {
        ("7", "ann"): [(None, "x", "favor")],
        ("7", "bob"): [(None, "x", "against")],
        ("8", "ann"): [(None, "x", "neutral")],
    }


def test_readers_of_one_text_meet_without_an_id(tmp_path: Path) -> None:
    rows = "text,who,topic\nsame text,ann,tea\nother text,ann,rain\nsame text,bob,rain\n"
    found = import_table(csv(tmp_path, rows), TableColumns(annotator="who", topics=("topic",)), ImportOptions())
    assert [passage.id for passage in found.passages] == ["2", "3"]
    assert labels_of(found)["2", "bob"] == [("rain", None, None)]


def test_a_row_that_names_no_reader_and_no_topic_was_not_read(tmp_path: Path) -> None:
    rows = "id,text,who,topic\n7,same text,ann,\n8,other text,,\n9,third text,,tea\n"
    found = import_table(
        csv(tmp_path, rows), TableColumns(id="id", annotator="who", topics=("topic",)), ImportOptions()
    )
    assert [passage.id for passage in found.passages] == ["7", "8", "9"]
    assert labels_of(found) == {("7", "ann"): [], ("9", "table"): [("tea", None, None)]}


def test_two_readers_taken_for_one_are_told_apart_by_the_message(tmp_path: Path) -> None:
    rows = "id,text,target,label\n7,same text,x,favor\n7,same text,x,against\n"
    message = refused(csv(tmp_path, rows), TableColumns(id="id", target="target", stance="label"))
    assert "table.csv:3: id '7'" in message
    assert "--annotator" in message


def test_a_row_per_label_is_one_reading(tmp_path: Path) -> None:
    rows = "id,text,topic,stance\n7,same text,tea,favor\n7,same text,rain,against\n7,same text,rain,against\n"
    found = import_table(
        csv(tmp_path, rows), TableColumns(id="id", topics=("topic",), stance="stance"), ImportOptions()
    )
    assert labels_of(found) == {("7", "table"): [("tea", None, "favor"), ("rain", None, "against")]}


def test_one_id_with_two_texts_is_refused(tmp_path: Path) -> None:
    message = refused(csv(tmp_path, "id,text,topic\n7,one,tea\n7,two,tea\n"), TableColumns(id="id", topics=("topic",)))
    assert "table.csv:3: id '7' has another text in line 2" in message


@pytest.mark.parametrize(
    ("yes", "no"), [("1", "0"), ("1.0", ""), ("TRUE", "False"), ("x", "nan"), (1, 0), (1.0, None), (True, None)]
)
def test_topics_may_have_a_column_each(tmp_path: Path, yes: Any, no: Any) -> None:
    table = parquet(tmp_path, {"text": "a b", "tea": yes, "rain": no}, {"text": "c d", "tea": no, "rain": no})
    found = import_table(table, TableColumns(topics=("tea", "rain")), ImportOptions())
    assert labels_of(found) == {("1", "table"): [("tea", None, None)], ("2", "table"): []}


def test_a_column_of_a_topic_that_is_neither_yes_nor_no_is_told(tmp_path: Path) -> None:
    message = refused(csv(tmp_path, "text,tea,rain\na b,2,0\n"), TableColumns(topics=("tea", "rain")))
    assert "table.csv:2: column 'tea': '2' is neither true nor false" in message


@pytest.mark.parametrize(("cells", "codebook"), [((True, False), None), (("True", "False"), None), ((1, 0), BOOK)])
def test_a_lone_topic_column_may_be_yes_or_no(
    tmp_path: Path, cells: tuple[Any, Any], codebook: Codebook | None
) -> None:
    table = parquet(tmp_path, {"text": "a b", "tea": cells[0]}, {"text": "c d", "tea": cells[1]})
    found = import_table(table, TableColumns(topics=("tea",)), ImportOptions(), codebook)
    assert labels_of(found) == {("1", "table"): [("tea", None, None)], ("2", "table"): []}


@pytest.mark.parametrize(
    ("cell", "separator"),
    [
        ("tea|rain", "|"),
        (" tea ; rain ;", ";"),
        ('["tea", "rain"]', ";"),
        ("['tea', 'rain']", ";"),
        (["tea", "rain"], ";"),
        (["tea", None, "rain", ""], ";"),
        (["tea", "rain", "tea"], ";"),
    ],
)
def test_several_topics_in_one_cell_are_parted(tmp_path: Path, cell: Any, separator: str) -> None:
    found = import_table(
        jsonl(tmp_path, {"text": "a b", "topics": cell}),
        TableColumns(topics=("topics",)),
        ImportOptions(separator=separator),
    )
    assert labels_of(found) == {("1", "table"): [("tea", None, None), ("rain", None, None)]}


@pytest.mark.parametrize("cell", ["['tea' 'rain']", "['tea',", "{tea}", "[" * 500])
def test_a_broken_list_is_told_and_never_read_as_one_topic(tmp_path: Path, cell: str) -> None:
    message = refused(jsonl(tmp_path, {"text": "a b", "topics": cell}), TableColumns(topics=("topics",)))
    assert "table.jsonl:1:" in message
    assert "looks like a list" in message


@pytest.mark.parametrize("cell", [[{"topic": "tea"}], [["tea"]]])
def test_a_topic_that_is_no_text_is_refused(tmp_path: Path, cell: Any) -> None:
    assert "is not a topic" in refused(
        jsonl(tmp_path, {"text": "a b", "topics": cell}), TableColumns(topics=("topics",))
    )


def test_a_mapping_of_topics_carries_stances(tmp_path: Path) -> None:
    # Parquet gives both rows both keys.
    rows = {"text": "a b", "t": {"tea": "favor"}}, {"text": "c d", "t": {"rain": "against", "tea": "neutral"}}
    expected = {
        ("1", "table"): [("tea", None, "favor")],
        ("2", "table"): [("rain", None, "against"), ("tea", None, "neutral")],
    }
    for path in (parquet(tmp_path, *rows), jsonl(tmp_path, *rows)):
        found = labels_of(import_table(path, TableColumns(topics=("t",)), ImportOptions()))
        assert {key: sorted(labels, key=str) for key, labels in found.items()} == expected


def test_a_parquet_file_from_pandas_with_arrays_reads(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": ["a b", "c d", "e f"],
            "topics": [np.array(["tea", "rain"]), np.array([], dtype=object), None],
            "when": pd.to_datetime(["2020-01-31", "2021-02-28", None]),
            "id": [11.0, 12.0, 13.0],
        }
    )
    frame.to_parquet(tmp_path / "table.parquet")
    found = import_table(
        tmp_path / "table.parquet",
        TableColumns(id="id", topics=("topics",), date="when", keep=("when",)),
        ImportOptions(),
    )
    assert labels_of(found) == {
        ("11", "table"): [("tea", None, None), ("rain", None, None)],
        ("12", "table"): [],
        ("13", "table"): [],
    }
    assert [passage.published for passage in found.passages] == ["2020-01-31 00:00:00", "2021-02-28 00:00:00", None]


@pytest.mark.parametrize(
    "votes", [["favor", None, "against"], "favor;;against", '["favor", "", "against"]', "['favor', None, 'against']"]
)
def test_a_list_of_votes_is_a_reading_each(tmp_path: Path, votes: Any) -> None:
    table = jsonl(tmp_path, {"text": "a b", "about": "x", "votes": votes, "mode": "favor"})
    found = labels_of(import_table(table, TableColumns(target="about", votes=("votes",), gold="mode"), ImportOptions()))
    assert [labels[0][2] for labels in found.values()] == ["favor", "against", "favor"]
    assert list(found)[-1] == ("1", "gold")


def test_votes_in_several_columns_are_named_by_them(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,about,ann,bob,cem\na b,x,1,,-1\nc d,x,0,0,0\n")
    options = ImportOptions(values={"1": "favor", "-1": "against", "0": "neutral"})
    found = labels_of(import_table(table, TableColumns(target="about", votes=("ann", "bob", "cem")), options))
    assert found == {
        ("2", "ann"): [(None, "x", "favor")],
        ("2", "cem"): [(None, "x", "against")],
        ("3", "ann"): [(None, "x", "neutral")],
        ("3", "bob"): [(None, "x", "neutral")],
        ("3", "cem"): [(None, "x", "neutral")],
    }


def test_votes_beside_topics_are_stances_toward_them(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,a1,a2,decided\na b,tea,FAVOR,against,favor\nc d,rain,neutral,neutral,\n")
    found = import_table(table, TableColumns(topics=("topic",), votes=("a1", "a2"), gold="decided"), ImportOptions())
    assert labels_of(found) == {
        ("2", "a1"): [("tea", None, "favor")],
        ("2", "a2"): [("tea", None, "against")],
        ("2", "gold"): [("tea", None, "favor")],
        ("3", "a1"): [("rain", None, "neutral")],
        ("3", "a2"): [("rain", None, "neutral")],
    }
    assert found.codebook.topic_ids == ("rain", "tea")


def test_votes_toward_a_target_keep_the_topics_of_the_row(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,about,a1,a2\na b,tea,green tea,favor,against\n")
    found = import_table(table, TableColumns(topics=("topic",), target="about", votes=("a1", "a2")), ImportOptions())
    assert labels_of(found) == {
        ("2", "a1"): [("tea", None, None), (None, "green tea", "favor")],
        ("2", "a2"): [("tea", None, None), (None, "green tea", "against")],
    }


def test_votes_and_gold_may_be_topics(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,mine,a1,a2,decided\na b,tea,tea,rain,tea;rain\n")
    found = import_table(table, TableColumns(topics=("mine",), votes=("a1", "a2"), gold="decided"), ImportOptions())
    assert labels_of(found) == {
        ("2", "table"): [("tea", None, None)],
        ("2", "a1"): [("tea", None, None)],
        ("2", "a2"): [("rain", None, None)],
        ("2", "gold"): [("tea", None, None), ("rain", None, None)],
    }


def test_a_vote_misspelt_among_stances_is_not_taken_for_a_topic(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,a1\na b,tea,favour\nc d,tea,favor\n")
    message = refused(table, TableColumns(topics=("topic",), votes=("a1",)))
    assert "table.csv:3" in message
    assert "--value favour=neutral" in message


@pytest.mark.parametrize("columns", [TableColumns(votes=("y",)), TableColumns(gold="y"), TableColumns(stance="y")])
def test_a_stance_toward_nothing_is_refused(tmp_path: Path, columns: TableColumns) -> None:
    assert "has no target; name --target or --topics" in refused(csv(tmp_path, "text,y\na b,favor\n"), columns)


def test_an_empty_list_says_none_of_the_topics_and_a_blank_says_nothing(tmp_path: Path) -> None:
    table = jsonl(tmp_path, {"text": "a b", "votes": [[], None, ["tea"]], "gold": []}, {"text": "c d", "gold": None})
    found = labels_of(import_table(table, TableColumns(votes=("votes",), gold="gold"), ImportOptions()))
    assert found == {("1", "votes#1"): [], ("1", "votes#3"): [("tea", None, None)], ("1", "gold"): []}


def test_rows_may_lack_keys(tmp_path: Path) -> None:
    table = jsonl(
        tmp_path,
        {"text": "a b", "about": "x", "stance": "favor", "year": 1999},
        {"text": "c d"},
        {"text": "e f", "about": "x"},
        {"text": "g h", "about": None, "stance": "", "year": None},
    )
    found = import_table(
        table, TableColumns(target="about", stance="stance", keep=("year",), date="year"), ImportOptions()
    )
    assert labels_of(found) == {("1", "table"): [(None, "x", "favor")], ("3", "table"): [(None, "x", None)]}
    assert [passage.meta["year"] for passage in found.passages] == [1999, None, None, None]


def test_a_key_may_come_late(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": f"text {n}", "topics": []} for n in range(1500)]
    rows[-1]["title"] = "at last"
    found = import_table(jsonl(tmp_path, *rows), TableColumns(topics=("topics",), title="title"), ImportOptions())
    assert found.passages[-1].title == "at last"


@pytest.mark.parametrize("span", [(4, 8), (4.0, 8.0), ("4", "8.0")])
def test_offsets_may_be_floats(tmp_path: Path, span: tuple[Any, Any]) -> None:
    rows = (
        {"text": "I 🙂 Kiev", "t": "Kiev", "s": "favor", "start": span[0], "end": span[1]},
        {"text": "no mention", "t": "Kiev", "s": "against", "start": None, "end": None},
    )
    for path in (parquet(tmp_path, *rows), jsonl(tmp_path, *rows)):
        columns = TableColumns(target="t", stance="s", target_start="start", target_end="end")
        first, second = import_table(path, columns, ImportOptions()).annotations
        assert first.labels == (Label(target="Kiev", target_span=(4, 8), stance="favor"),)
        assert second.labels == (Label(target="Kiev", stance="against"),)


@pytest.mark.parametrize("start", [4.5, "4.5", "four", "1e999", 10**400, [4]])
def test_an_offset_that_is_no_whole_number_is_told(tmp_path: Path, start: Any) -> None:
    table = jsonl(tmp_path, {"text": "the Kiev line", "t": "Kiev", "s": "favor", "start": start})
    message = refused(table, TableColumns(target="t", stance="s", target_start="start"))
    assert "table.jsonl:1: column 'start'" in message
    assert "is not a whole number" in message


@pytest.mark.parametrize("start", [5, -9, 400])
def test_offsets_that_miss_the_target_are_told(tmp_path: Path, start: int) -> None:
    table = jsonl(tmp_path, {"text": "the Kiev line", "t": "Kiev", "s": "favor", "start": start})
    assert "table.jsonl:1: " in refused(table, TableColumns(target="t", stance="s", target_start="start"))


def test_what_is_kept_can_be_read_back(tmp_path: Path) -> None:
    keep = {"day": date(2020, 1, 31), "n": 3, "score": float("nan"), "tags": ["a", "ß"], "ok": True, "none": None}
    found = import_table(
        parquet(tmp_path, {"text": "a b", "topic": "tea", **keep}),
        TableColumns(topics=("topic",), keep=tuple(keep)),
        ImportOptions(),
    )
    kept = {"day": "2020-01-31", "n": 3, "score": None, "tags": '["a", "ß"]', "ok": True, "none": None}
    assert read_back(tmp_path, found).passages[0].meta == kept


def test_a_blank_is_kept_alike_from_csv_and_json(tmp_path: Path) -> None:
    columns = TableColumns(topics=("topic",), keep=("day",))
    tables = csv(tmp_path, "text,topic,day\na b,tea,\n"), jsonl(tmp_path, {"text": "a b", "topic": "tea", "day": None})
    assert [import_table(path, columns, ImportOptions()).passages[0].meta for path in tables] == [{"day": None}] * 2


def read_back(folder: Path, found: Imported) -> Any:
    write_jsonl(folder / "passages.jsonl", found.passages)
    write_jsonl(folder / "annotations.jsonl", found.annotations)
    write_codebook(folder / "codebook.yaml", found.codebook)
    return read_labelled(folder / "codebook.yaml", folder / "passages.jsonl", [folder / "annotations.jsonl"])


Cell = st.one_of(
    st.text(max_size=8), st.none(), st.booleans(), st.integers(), st.floats(), st.lists(st.text(max_size=4), max_size=3)
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["text", "id", "topics", "when", "gold"]), Cell), max_size=4),
    separator=st.sampled_from([";", "|", ", "]),
)
def test_any_rows_are_read_or_told_and_what_is_read_checks(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], separator: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    columns = TableColumns(id="id", topics=("topics",), date="when", keep=("when",), gold="gold")
    try:
        found = import_table(jsonl(folder, *rows), columns, ImportOptions(separator=separator))
    except DemarcheError:
        return
    if found.annotations:
        again = read_back(folder, found)
        assert (again.passages, again.annotations) == (found.passages, found.annotations)


@settings(max_examples=100, deadline=None)
@given(topics=st.lists(st.text("abcé'-", min_size=1), max_size=4, unique=True))
def test_topics_are_the_same_however_the_cell_lists_them(
    tmp_path_factory: pytest.TempPathFactory, topics: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    cells = [topics, json.dumps(topics), repr(topics), "|".join(topics)]
    table = jsonl(folder, *({"text": f"text {n}", "topics": cell} for n, cell in enumerate(cells)))
    found = import_table(table, TableColumns(topics=("topics",)), ImportOptions(separator="|"))
    expected = [(topic, None, None) for topic in topics]
    assert list(labels_of(found).values()) == [expected] * 4


@pytest.mark.parametrize("name", ["my data @ home.csv", "a\u00a0b\tc.csv", "@.csv"])
def test_any_file_name_makes_a_codebook(tmp_path: Path, name: str) -> None:
    found = import_table(
        csv(tmp_path, "text,topic\na b,tea\n", name=name), TableColumns(topics=("topic",)), ImportOptions()
    )
    assert read_back(tmp_path, found).codebook.topic_ids == ("tea",)


def test_a_topic_outside_the_codebook_is_told_renamed_or_left_out(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic\na b,Tea\nc d,sports\n")
    message = refused(table, TableColumns(topics=("topic",)), codebook=BOOK)
    assert "table.csv:2: topic 'Tea' is not in the codebook; did you mean 'tea'?" in message
    assert "table.csv:3: topic 'sports'" in message
    options = ImportOptions(values={"Tea": "tea", "sports": ""})
    found = import_table(table, TableColumns(topics=("topic",)), options, BOOK)
    assert labels_of(found) == {("2", "table"): [("tea", None, None)], ("3", "table"): []}


def test_a_stance_may_be_left_out(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,stance\na b,tea,unrelated\nc d,tea,favor\n")
    found = import_table(
        table, TableColumns(topics=("topic",), stance="stance"), ImportOptions(values={"unrelated": ""})
    )
    assert labels_of(found) == {("2", "table"): [("tea", None, None)], ("3", "table"): [("tea", None, "favor")]}


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("Text,topic\na,b\n", TableColumns(topics=("topic",)), "table.csv: has no column 'text'; did you mean 'Text'?"),
        ("text,topic\n", TableColumns(topics=("topic",)), "table.csv: has no rows"),
        ("", TableColumns(topics=("topic",)), "table.csv:1: empty"),
        ("text,topic\n ,tea\n", TableColumns(topics=("topic",)), "table.csv:2: column 'text' is empty"),
        ("text,topic\na,b,c\n", TableColumns(topics=("topic",)), "table.csv:2: 3 cells where the header has 2"),
        ("text,y,y\na,b,c\n", TableColumns(topics=("y",)), "table.csv:1: columns 'y' stand twice"),
        ('text,topic\na,b\n"c "no" d",b\n', TableColumns(topics=("topic",)), "table.csv:3: not a CSV table"),
        ('text,topic\na,b\n"open,b\nc,b\n', TableColumns(topics=("topic",)), "table.csv:3: not a CSV table"),
        ("text\na\n", TableColumns(), "--topics, --stance, --votes or --gold"),
    ],
)
def test_mistakes_in_a_table_are_told_by_place(tmp_path: Path, text: str, columns: TableColumns, said: str) -> None:
    assert said in refused(csv(tmp_path, text), columns)


def test_every_bad_row_is_told_at_once(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,about,stance\na,x,pro\n,x,favor\nb,x,con\nc,x,favor\n")
    with pytest.raises(BadInput) as raised:
        import_table(table, TableColumns(target="about", stance="stance"), ImportOptions())
    assert [problem.line for problem in raised.value.problems] == [2, 3, 4]


def test_a_table_in_a_windows_encoding_says_how_to_convert_it(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic\nit’s,tea\n", encoding="windows-1252")
    assert "not UTF-8; save it as UTF-8, e.g. `iconv" in refused(table, TableColumns(topics=("topic",)))


def test_a_table_without_targets_may_be_toward_one_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,stance\nMore of it.,favor\n")
    found = import_table(tmp_path / "t.csv", TableColumns(stance="stance"), ImportOptions(target="a carbon tax"))
    assert [(label.target, label.stance) for label in found.annotations[0].labels] == [("a carbon tax", "favor")]


@pytest.mark.parametrize("text", ['[{"text": "Tea.", "topic": "a"}]', '{"text": "Tea.", "topic": "a"}\n'])
def test_a_json_file_holds_an_array_or_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    assert (
        import_table(tmp_path / "t.json", TableColumns(topics=("topic",)), ImportOptions()).passages[0].text == "Tea."
    )


def test_an_empty_separator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match="--separator"):
        import_table(
            csv(tmp_path, "text,topic\na b,tea\n"), TableColumns(topics=("topic",)), ImportOptions(separator="")
        )
