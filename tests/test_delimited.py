"""Delimited tables of every form that spreadsheets and people write."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import DemarcheError, Problems
from labels.file_format import FileFormat
from labels.table_files import read_rows

ROWS = [{"id": "1", "text": "The ferry left.", "topic": "ferry"}, {"id": "2", "text": "It rained.", "topic": "rain"}]
PLAIN = "id,text,topic\n1,The ferry left.,ferry\n2,It rained.,rain\n"


def read(path: Path, content: str | bytes, **form: str) -> tuple[list[Any], list[str], list[str]]:
    """Return the rows, the problems and the notes, each as `line: what`."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    problems = Problems()
    rows = [row for _, row in read_rows(path, problems, FileFormat(**form))]
    texts = [[f"{one.line}: {one.what}" for one in ones] for ones in (problems, problems.notes)]
    return rows, texts[0], texts[1]


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "\ufeffsep=;\n"])
def test_the_line_that_tells_a_spreadsheet_the_separator_is_read(tmp_path: Path, first: str) -> None:
    rows, problems, _ = read(tmp_path / "t.csv", first + PLAIN.replace(",", ";"))
    assert (rows, problems) == (ROWS, [])


def test_a_separator_may_be_any_character(tmp_path: Path) -> None:
    content = PLAIN.replace(",", "^")
    assert read(tmp_path / "t.csv", "sep=^\n" + content)[0] == ROWS
    assert read(tmp_path / "t.csv", content, delimiter="^")[0] == ROWS
    assert read(tmp_path / "t.csv", PLAIN.replace(",", "\t"), delimiter="tab")[0] == ROWS
    assert read(tmp_path / "t.tsv", PLAIN)[0] == ROWS


@pytest.mark.parametrize("mark", [":", "^", "~"])
def test_a_separator_that_was_not_found_is_asked_for(tmp_path: Path, mark: str) -> None:
    rows, problems, _ = read(tmp_path / "t.csv", PLAIN.replace(",", mark))
    assert rows == []
    assert problems[0].endswith(f"name what separates cells, e.g. --delimiter {mark!r}")
    assert read(tmp_path / "t.csv", "text\nOne: two.\nThree.\n")[1] == []


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n"])
def test_a_delimiter_that_cannot_be_meant_is_refused(tmp_path: Path, delimiter: str) -> None:
    with pytest.raises(DemarcheError, match="--delimiter"):
        read(tmp_path / "t.csv", PLAIN, delimiter=delimiter)


@pytest.mark.parametrize("above", ["# exported 2020\n", "# by hand, in May\n#\n\n# twice\n", "\n#a,b\n"])
def test_comment_lines_above_the_header_are_skipped_with_a_word(tmp_path: Path, above: str) -> None:
    path = tmp_path / "t.csv"
    rows, problems, notes = read(path, above + PLAIN)
    assert (rows, problems) == (ROWS, [])
    (note,) = notes
    assert "skipped: #" in note
    problems_below = read(path, above + PLAIN + "3,cut\n")[1]
    assert problems_below[0].startswith(f"{above.count(chr(10)) + 4}: 2 cells")


def test_a_name_may_begin_with_a_number_sign(tmp_path: Path) -> None:
    rows, problems, notes = read(tmp_path / "t.tsv", "#1 ID\t#2 text\n7\tOne.\n")
    assert (rows, problems, notes) == ([{"#1 ID": "7", "#2 text": "One."}], [], [])


@pytest.mark.parametrize(
    "content",
    [
        "1,The ferry left.,ferry\n2,It rained.,rain\n",
        "a1,The ferry left at noon,ferry\na2,It rained.,rain\na3,It came back.,ferry\n",
        '"The ferry left, as it does every day.",2020-05-04\n"It rained for hours.",2020-05-05\n',
        "501.0,The ferry left.\n502,It rained.\n",
    ],
)
def test_a_file_without_a_header_is_refused_and_read_with_names(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.csv"
    rows, problems, _ = read(path, content)
    assert rows == []
    assert problems[0].startswith("1: the first line looks like data")
    width = len(next(csv.reader([content.splitlines()[0]])))
    rows, problems, _ = read(path, content, names=", ".join("abc"[:width]))
    assert (len(rows), list(rows[0]), problems) == (content.count("\n"), list("abc"[:width]), [])


@pytest.mark.parametrize(
    "header",
    [
        "id,text,topic",
        "ID,Tweet text of the day,2019",
        "Timestamp,What do you think of the ferry?,Q3",
        "0,1,2",
        ",Text.,label",
        "Timestamp,The ferry should stay.,Your name",
    ],
)
def test_a_header_of_any_words_is_a_header(tmp_path: Path, header: str) -> None:
    rows, problems, _ = read(tmp_path / "t.csv", header + "\n1,The ferry left early.,0\n2,It rained for hours.,1\n")
    assert (len(rows), problems) == (2, [])


words = st.text("abcdefgh", min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(names=st.lists(words, min_size=2, max_size=4, unique=True), seed=st.integers(0, 99))
def test_plain_names_are_never_taken_for_data(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], seed: int
) -> None:
    rng = random.Random(seed)
    stream = io.StringIO()
    cells = [[f"A sentence of {rng.random()} words.", *(str(rng.randint(0, 3)) for _ in names[1:])] for _ in range(5)]
    csv.writer(stream).writerows([names, *cells])
    rows, problems, _ = read(tmp_path_factory.mktemp("csv") / "t.csv", stream.getvalue())
    assert (len(rows), problems) == (5, [])


def test_a_title_above_the_header_is_refused_with_a_word(tmp_path: Path) -> None:
    _, problems, _ = read(tmp_path / "t.csv", "Ferries of May\n" + PLAIN)
    assert problems == ["1: 'Ferries of May' is one cell where the lines below have 3; remove what is above the header"]


def test_a_line_with_too_many_cells_is_named(tmp_path: Path) -> None:
    rows, problems, _ = read(tmp_path / "t.csv", PLAIN + "3,One day, at last,rain\n4,Last.\n")
    assert rows == ROWS
    assert problems == [
        "4: 4 cells where the header has 3; put quotes (\") around a cell that contains ','",
        "5: 2 cells where the header has 3; the line is cut, or a quote is missing",
    ]


@pytest.mark.parametrize("cell", ["“One day, at last”", "„One day, at last“"])
def test_curly_quotes_do_not_quote(tmp_path: Path, cell: str) -> None:
    rows, problems, _ = read(tmp_path / "t.csv", PLAIN + f"3,{cell},rain\n4,It is “fine”.,rain\n")
    assert len(rows) == 3
    assert problems == [
        '4: 4 cells where the header has 3; curly quotes (“ ”) quote no cell: put straight ones (") around it'
    ]


def test_empty_cells_at_the_end_of_a_line_are_no_cells(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", PLAIN.replace("ferry\n", "ferry,,\n"))[:2] == (ROWS, [])


@pytest.mark.parametrize(("place", "said"), [(0, "in line 2"), (200, "2")])
def test_a_zero_byte_is_refused_with_its_place(tmp_path: Path, place: int, said: str) -> None:
    filler = "2,It rained.,rain\n" * 500
    content = f"id,text,topic\n1,One\0 day.,trade\n{filler}" if place == 0 else f"{PLAIN}{filler}3,One\0 day.,trade\n"
    problems = read(tmp_path / "t.csv", content)[1]
    assert len(problems) == 1
    assert "zero byte" in problems[0]
    if place == 0:
        assert said in problems[0]
    else:
        assert problems[0].startswith("504: column 'text'")


@pytest.mark.parametrize("names", ["a,,b", ",", " "])
def test_names_of_columns_may_not_be_empty(tmp_path: Path, names: str) -> None:
    with pytest.raises(DemarcheError, match="--names"):
        read(tmp_path / "t.csv", PLAIN, names=names)


def test_cells_that_repeat_the_name_of_their_column_are_no_sign_of_data(tmp_path: Path) -> None:
    content = "Your message to us,Ferries,Harbour\nThe ferry left early.,Ferries,\nIt rained for hours.,,Harbour\n"
    rows, problems, _ = read(tmp_path / "t.csv", content)
    assert (len(rows), problems) == (2, [])


@pytest.mark.parametrize(
    "content",
    [
        "Words of the speech,201,202\nThe ferry left early.,1,0\nIt rained for hours.,0,1\n",
        "Words of the speech,ferry\nThe ferry left early.,ferry\nIt rained for hours.,rain\n",
    ],
)
def test_a_line_with_a_column_that_the_options_name_is_the_header(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.csv"
    assert "if it is the header, name one of its columns" in read(path, content)[1][0]
    problems = Problems()
    rows = list(read_rows(path, problems, columns=["Words of the speech"]))
    assert (len(rows), list(problems)) == (2, [])


def test_columns_without_a_name_are_called_by_their_number(tmp_path: Path) -> None:
    rows, problems, _ = read(tmp_path / "t.csv", "text,,\nThe ferry left.,x,\nIt rained.,,\n")
    assert problems == []
    assert rows == [{"text": "The ferry left.", "column 2 (no name)": "x"}, {"text": "It rained."}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["t.tsv", "t.csv"])
def test_stray_quotes_in_a_tsv_file_swallow_no_lines(tmp_path: Path, name: str, end: str) -> None:
    lines = [
        "id\ttopic\ttext\tyear",
        '1\tferry\t"It left.\t2001',
        "2\train\tIt rained.\t2002",
        '3\train\tIt stopped."\t2003',
    ]
    rows, problems, _ = read(tmp_path / name, end.join(lines))
    assert problems == []
    assert [row["text"] for row in rows] == ['"It left.', "It rained.", 'It stopped."']


def test_a_quoted_cell_of_a_tsv_file_may_hold_tabs_and_lines(tmp_path: Path) -> None:
    rows, problems, _ = read(tmp_path / "t.tsv", 'id\ttext\ttopic\n1\t"One\tday.\nTwo."\train\n')
    assert (rows, problems) == ([{"id": "1", "text": "One\tday.\nTwo.", "topic": "rain"}], [])
    quoted = '"id"\t"text"\n"1"\t"One\n\tday."\n'
    assert read(tmp_path / "t.tsv", quoted)[0] == [{"id": "1", "text": "One\n\tday."}]


@pytest.mark.parametrize("text", ["#ferry is late again", "# one"])
def test_with_names_a_line_that_begins_with_a_number_sign_is_a_row(tmp_path: Path, text: str) -> None:
    rows, problems, notes = read(tmp_path / "t.csv", f'{text},"a;b,c"\n\nIt rained.,rain\n', names="text,topic")
    assert rows == [{"text": text, "topic": "a;b,c"}, {"text": "It rained.", "topic": "rain"}]
    assert (problems, notes) == ([], [])
