"""The values of cells make the labels that were meant, or are refused with advice that makes no false labels."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.codebook import STANCES, Codebook, Topic
from labels.errors import DemarcheError
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import Imported, import_table
from tests.tables import BOOK, csv, jsonl, labels_of, refused

TOPICS = TableColumns(topics=("topic",))
STANCE = TableColumns(topics=("topic",), stance="stance")
CATS = TableColumns(topics=("cats",))


def advised(message: str) -> dict[str, str]:
    """Return the values that the options between backticks of a message map."""
    parts = [part for advice in re.findall("`([^`]*)`", message) for part in shlex.split(advice)]
    return dict(pair.rpartition("=")[::2] for option, pair in pairwise(parts) if option == "--value")


def topics_of(imported: Imported) -> list[list[str | None]]:
    return [[topic for topic, _, _ in labels] for labels in labels_of(imported).values()]


@pytest.mark.parametrize(("yes", "no"), [(1.0, 0.0), (1, 0), (True, False), ("yes", "no"), ("TRUE", "FALSE")])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_mapping_of_topics_to_yes_and_no_gives_the_topics_with_yes(
    tmp_path: Path, yes: Any, no: Any, as_text: bool
) -> None:
    cats = [{"tea": yes, "rain": no}, {"tea": no, "rain": no}, {"tea": yes, "rain": yes}]
    table = jsonl(tmp_path, *({"text": f"text {n}", "cats": str(c) if as_text else c} for n, c in enumerate(cats)))
    imported = import_table(table, CATS, ImportOptions())
    assert topics_of(imported) == [["tea"], [], ["tea", "rain"]]
    assert any("yes and no" in note for note in imported.notes)


def test_a_mapping_of_topics_to_scores_asks_which_score_means_yes(tmp_path: Path) -> None:
    table = jsonl(tmp_path, *({"text": f"{n}.", "cats": {"tea": n / 10, "rain": 1 - n / 10}} for n in range(1, 10)))
    message = refused(table, CATS)
    assert "--yes-from SCORE" in message
    assert message.count("\n") == 0
    imported = import_table(table, CATS, ImportOptions(yes_from=0.65))
    assert topics_of(imported) == [["rain"]] * 3 + [[]] * 3 + [["tea"]] * 3


@pytest.mark.parametrize("columns", [("tea",), ("tea", "rain")])
def test_a_score_is_no_topic(tmp_path: Path, columns: tuple[str, ...]) -> None:
    table = csv(tmp_path, "text,tea,rain\na b,0.7,0.2\nc d,0.1,0.9\n")
    assert "--yes-from SCORE" in refused(table, TableColumns(topics=columns))
    imported = import_table(table, TableColumns(topics=columns), ImportOptions(yes_from=0.5))
    assert topics_of(imported)[0] == ["tea"]


@pytest.mark.parametrize("values", [{}, {"1": "favor"}, {"1": "favor", "-1": "against"}])
def test_a_mapping_of_topics_to_numbers_that_may_be_stances_asks_what_they_are(
    tmp_path: Path, values: dict[str, str]
) -> None:
    table = jsonl(tmp_path, {"text": "a b", "cats": {"tea": 1, "rain": 0}}, {"text": "c d", "cats": {"tea": -1}})
    message = refused(table, CATS, ImportOptions(values=values))
    left = {"-1", "0", "1"} - values.keys()
    assert advised(message) == dict.fromkeys(left, "STANCE")
    options = ImportOptions(values={"1": "favor", "-1": "against", "0": ""})
    assert labels_of(import_table(table, CATS, options)) == {
        ("1", "table"): [("tea", None, "favor")],
        ("2", "table"): [("tea", None, "against")],
    }


EMPTY = ["NA", "N/A", "n/a", "nan", "NaN", "NULL", "#N/A", "<NA>", "-", "—", "?"]


@pytest.mark.parametrize("word", [*EMPTY, "None", "none", "nil"])
def test_a_word_for_an_empty_cell_is_no_topic_unless_it_is_said_to_be_one(tmp_path: Path, word: str) -> None:
    table = csv(tmp_path, f"text,topic\na b,{word}\nc d,tea\n")
    message = refused(table, TOPICS)
    assert f"table.csv:2: topic {word!r} may" in message
    assert advised(message) == {word: ""}
    imported = import_table(table, TOPICS, ImportOptions(values={word: ""}, empty={"": "none"}))
    assert topics_of(imported) == [[], ["tea"]]
    assert topics_of(import_table(table, TOPICS, ImportOptions(values={word: word}))) == [[word], ["tea"]]
    book = Codebook(id="tiny", version="1.0.0", topics=(Topic(id="tea"), Topic(id=word)))
    assert topics_of(import_table(table, TOPICS, ImportOptions(), book)) == [[word], ["tea"]]
    assert f"--value {shlex.quote(word + '=')}" in refused(table, TOPICS, codebook=BOOK)


@pytest.mark.parametrize("word", EMPTY)
def test_a_word_for_an_empty_cell_may_mean_that_the_text_was_not_read(tmp_path: Path, word: str) -> None:
    table = csv(tmp_path, f"text,topic\na b,{word}\nc d,tea\n")
    imported = import_table(table, TOPICS, ImportOptions(values={word: ""}, empty={"": "unread"}))
    assert labels_of(imported) == {("3", "table"): [("tea", None, None)]}


def test_a_missing_stance_is_no_stance_and_said_so(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,stance\na b,tea,NA\nc d,tea,nan\ne f,tea,favor\n")
    imported = import_table(table, STANCE, ImportOptions())
    assert [labels[0][2] for labels in labels_of(imported).values()] == [None, None, "favor"]
    assert any("stance 'NA' is read as no stance" in note for note in imported.notes)


def test_a_topic_may_have_the_name_of_a_missing_stance(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,stance\na b,NA,NA\nc d,NA,against\n")
    imported = import_table(table, STANCE, ImportOptions(values={"NA": "NA"}))
    assert list(labels_of(imported).values()) == [[("NA", None, None)], [("NA", None, "against")]]


@pytest.mark.parametrize("word", ["none", "-", "?", "NONE"])
def test_a_word_that_may_be_a_stance_is_refused(tmp_path: Path, word: str) -> None:
    table = csv(tmp_path, f"text,topic,stance\na b,tea,{word}\n")
    assert advised(refused(table, STANCE)) == {word: "STANCE"}


def test_a_missing_vote_is_no_vote(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,about,ann,bob\na b,x,favor,NA\nc d,x,nan,against\n")
    columns = TableColumns(target="about", votes=("ann", "bob"))
    assert list(labels_of(import_table(table, columns, ImportOptions()))) == [("2", "ann"), ("3", "bob")]
    table = jsonl(tmp_path, {"text": "a b", "about": "x", "votes": "favor;NA;against"})
    imported = import_table(table, TableColumns(target="about", votes=("votes",)), ImportOptions())
    assert list(labels_of(imported)) == [("1", "votes#1"), ("1", "votes#3")]
    assert any("vote 'NA' is read as no vote" in note for note in imported.notes)


def test_a_value_that_is_read_twice_in_a_row_is_counted_once(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,gold\na b,NA,tea\n")
    assert "rows)" not in refused(table, TableColumns(topics=("topic",), gold="gold"))


@pytest.mark.parametrize("word", ["NA", "none", "?"])
def test_a_word_for_an_empty_cell_is_no_target(tmp_path: Path, word: str) -> None:
    table = csv(tmp_path, f"text,about,stance\na b,{word},favor\nc d,tea,favor\n")
    columns = TableColumns(target="about", stance="stance")
    message = refused(table, columns)
    assert f"target {word!r} may stand for an empty cell" in message
    imported = import_table(table, columns, ImportOptions(values={word: word}))
    assert labels_of(imported)["2", "table"] == [(None, word, "favor")]


def test_bad_values_are_reported_once_each_with_their_number_and_first_line(tmp_path: Path) -> None:
    rows = "".join(f"text {n},tea,{'pro' if n % 2 else 'contra'}\n" for n in range(149))
    message = refused(csv(tmp_path, "text,topic,stance\n" + rows), STANCE)
    assert message.count("\n") == 0
    assert "table.csv:2: 2 values are not" in message
    assert "'contra' (75 rows, first line 2), 'pro' (74 rows, first line 3)" in message
    assert "`--value contra=against --value pro=favor`" in message
    imported = import_table(tmp_path / "table.csv", STANCE, ImportOptions(values=advised(message)))
    assert len(imported.annotations) == 149


@pytest.mark.parametrize(
    "word", ["1", "4", "mixed", "NONE", "disfavor", "unfavorable", "not against", "antifavor", "nö"]
)
def test_advice_names_a_stance_only_for_a_word_that_means_it(tmp_path: Path, word: str) -> None:
    table = csv(tmp_path, f"text,topic,stance\na b,tea,{word}\n")
    message = refused(table, STANCE)
    assert advised(message) == {word: "STANCE"}
    with pytest.raises(DemarcheError, match="write a stance in place of STANCE"):
        import_table(table, STANCE, ImportOptions(values=advised(message)))


@pytest.mark.parametrize(
    ("word", "stance"), [("favour", "favor"), ("agianst", "against"), ("Con", "against"), ("FOR", "favor")]
)
def test_advice_names_the_stance_of_a_misspelling_or_synonym(tmp_path: Path, word: str, stance: str) -> None:
    table = csv(tmp_path, f"text,topic,stance\na b,tea,{word}\n")
    assert advised(refused(table, STANCE)) == {word: stance}


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text("abcfghinorstuv-10. '", min_size=1, max_size=9), min_size=1, max_size=4))
def test_the_advice_of_a_message_can_be_followed_as_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    rows = [{"text": f"text {n}", "topic": "tea", "stance": word} for n, word in enumerate(words)]
    table = jsonl(tmp_path_factory.mktemp("advice"), *rows)
    try:
        import_table(table, STANCE, ImportOptions())
    except DemarcheError as error:
        said = {value: "neutral" if new == "STANCE" else new for value, new in advised(str(error)).items()}
        assert said
        assert set(said.values()) <= {*STANCES, ""}
        imported = import_table(table, STANCE, ImportOptions(values=said))
        assert len(imported.annotations) == len(rows)


def test_a_column_of_one_and_zero_asks_which_topic_is_meant(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic\na b,1\nc d,0\ne f,1.0\n")
    message = refused(table, TOPICS)
    assert advised(message) == {"1": "TOPIC", "0": "", "1.0": "TOPIC"}
    options = ImportOptions(values={"1": "tea", "0": ""})
    assert topics_of(import_table(table, TOPICS, options)) == [["tea"], [], ["tea"]]
    codes = import_table(table, TOPICS, ImportOptions(values={"1": "1", "0": "0"}))
    assert topics_of(codes) == [["1"], ["0"], ["1"]]


def test_numbers_of_classes_are_topics(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic\na b,0\nc d,1\ne f,2\n")
    assert topics_of(import_table(table, TOPICS, ImportOptions())) == [["0"], ["1"], ["2"]]


def test_true_among_topics_is_refused(tmp_path: Path) -> None:
    assert "topic 'true' says yes or no" in refused(csv(tmp_path, "text,topic\na b,tea\nc d,true\n"), TOPICS)


@pytest.mark.parametrize("cell", ["Tea", " tea ", "TEA", "tea", "\u200btea", "te\u00ada", "“Tea”"])
def test_a_spelling_of_a_topic_of_the_codebook_is_that_topic(tmp_path: Path, cell: str) -> None:
    imported = import_table(csv(tmp_path, f"text,topic\na b,{cell}\n"), TOPICS, ImportOptions(), BOOK)
    assert topics_of(imported) == [["tea"]]
    assert (cell.strip() == "tea") != any("is read as 'tea'" in note for note in imported.notes)


@pytest.mark.parametrize(
    ("id", "name", "cell"),
    [("501", "", "501.0"), ("arms_control", "", "Arms control"), ("ac", "Arms control", "arms-control")],
)
def test_a_topic_may_be_named_by_its_name_or_as_a_spreadsheet_writes_it(
    tmp_path: Path, id: str, name: str, cell: str
) -> None:
    book = Codebook(id="tiny", version="1.0.0", topics=(Topic(id=id, name=name), Topic(id="-501")))
    assert topics_of(import_table(csv(tmp_path, f"text,topic\na b,{cell}\n"), TOPICS, ImportOptions(), book)) == [[id]]


def test_two_topics_of_one_spelling_are_not_joined(tmp_path: Path) -> None:
    book = Codebook(id="tiny", version="1.0.0", topics=(Topic(id="Tea"), Topic(id="tea")))
    table = csv(tmp_path, "text,topic\na b,TEA\n")
    assert "topic 'TEA' is not in the codebook" in refused(table, TOPICS, codebook=book)


@pytest.mark.parametrize(
    ("cells", "options"),
    [
        (["Tea", "tea", "tea", "TEA"], {"tea": "tea"}),
        (["501", "501.0"], {"501.0": "501"}),
        (["501.0", "504.0", "H"], {"501.0": "501", "504.0": "504"}),
        (["arms control", "arms control", "Arms_Control"], {"arms_control": "arms control"}),
    ],
)
def test_spellings_of_one_topic_are_pointed_out_with_the_options_that_join_them(
    tmp_path: Path, cells: list[str], options: dict[str, str]
) -> None:
    table = jsonl(tmp_path, *({"text": f"text {n}", "topic": cell} for n, cell in enumerate(cells)))
    (note,) = import_table(table, TOPICS, ImportOptions()).notes
    assert advised(f"`{note.rpartition(': ')[2]}`") == options
    joined = import_table(table, TOPICS, ImportOptions(values=options))
    assert joined.notes == []
    assert len(joined.codebook.topics) == len({cell.casefold().replace("_", " ").removesuffix(".0") for cell in cells})


@pytest.mark.parametrize("cells", [["1", "-1", "2"], ["501.0", "501.1"], ["A", "A-", "B"], ["tea", "teas"]])
def test_different_topics_are_not_taken_for_spellings_of_one(tmp_path: Path, cells: list[str]) -> None:
    table = jsonl(tmp_path, *({"text": f"text {n}", "topic": cell} for n, cell in enumerate(cells)))
    assert import_table(table, TOPICS, ImportOptions()).notes == []


def test_spellings_of_targets_and_annotators_are_pointed_out(tmp_path: Path) -> None:
    rows = "text,who,about,stance\na b,Ann,Tea,favor\na b,ann,tea,favor\n"
    columns = TableColumns(annotator="who", target="about", stance="stance")
    notes = import_table(csv(tmp_path, rows), columns, ImportOptions()).notes
    assert any("target" in note and "'Tea' (1) and 'tea' (1)" in note for note in notes)
    assert any("annotator" in note and "'Ann' (1) and 'ann' (1)" in note for note in notes)


LISTS: list[Any] = [
    ["tea", "rain"], '["tea", "rain"]', "['tea', 'rain']", "('tea', 'rain')", "tea;rain", "tea; rain", "tea|rain", "tea | rain|",
    "tea\nrain", "tea\r\nrain", '{"choices": ["tea", "rain"]}', {"choices": ["tea", "rain"]}, {"tea": True, "rain": 1},
]  # fmt: skip


@pytest.mark.parametrize("cell", LISTS)
def test_every_wrapping_of_a_list_is_read_alike(tmp_path: Path, cell: Any) -> None:
    imported = import_table(jsonl(tmp_path, {"text": "a b", "topic": cell}), TOPICS, ImportOptions())
    assert topics_of(imported) == [["tea", "rain"]]


@pytest.mark.parametrize("cell", ["(tea)", "(other) tea", "(a, b"])
def test_a_topic_in_parentheses_is_no_list(tmp_path: Path, cell: str) -> None:
    assert topics_of(import_table(jsonl(tmp_path, {"text": "a", "topic": cell}), TOPICS, ImportOptions())) == [[cell]]


def test_a_huge_number_in_a_list_is_refused(tmp_path: Path) -> None:
    cell = f"[0x{'f' * 5000}]"
    assert "looks like a list but is not one" in refused(jsonl(tmp_path, {"text": "a b", "topic": cell}), TOPICS)


@pytest.mark.parametrize("separator", [",", "/", "+"])
def test_topics_divided_by_another_separator_are_pointed_out(tmp_path: Path, separator: str) -> None:
    cells = [f"tea{separator} rain", "tea", "snow"]
    table = jsonl(tmp_path, *({"text": f"text {n}", "topic": cell} for n, cell in enumerate(cells)))
    (note,) = import_table(table, TOPICS, ImportOptions()).notes
    assert f"--separator {separator!r}" in note
    assert topics_of(import_table(table, TOPICS, ImportOptions(separator=separator)))[0] == ["tea", "rain"]
    assert f"--separator {separator!r}" in refused(table, TOPICS, codebook=BOOK) or separator == "+"


def test_a_comma_in_the_name_of_a_topic_is_not_pointed_out(tmp_path: Path) -> None:
    table = jsonl(tmp_path, {"text": "a", "topic": "Fishing, ports"}, {"text": "b", "topic": "Mines"})
    assert import_table(table, TOPICS, ImportOptions()).notes == []


def test_stances_read_as_topics_are_pointed_out(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic\na b,FAVOR\nc d,against\n")
    (note,) = import_table(table, TOPICS, ImportOptions()).notes
    assert "are stances; if the column holds stances, name it with --stance" in note


def test_a_word_that_is_mapped_to_a_stance_may_still_mean_no_topic(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,stance\na b,none,none\nc d,tea,none\n")
    assert "topic 'none' may mean none" in refused(table, STANCE, ImportOptions(values={"none": "neutral"}))


def test_a_row_per_target_is_no_repeated_text(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,about,stance\na b,Roe,favor\na b,Doe,against\n")
    assert import_table(table, TableColumns(target="about", stance="stance"), ImportOptions()).notes == []


def test_yes_no_columns_read_other_words_as_they_are_told(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,tea,rain\na b,yes,si\nc d,NA,no\n")
    columns = TableColumns(topics=("tea", "rain"))
    message = refused(table, columns)
    assert "column 'rain': 'si' is neither true nor false" in message
    assert "column 'tea': 'NA' may stand for an empty cell" in message
    assert topics_of(import_table(table, columns, ImportOptions(values={"si": "yes", "NA": "no"}))) == [
        ["tea", "rain"],
        [],
    ]


def test_a_value_and_its_decimals_are_mapped_alike(tmp_path: Path) -> None:
    table = jsonl(
        tmp_path, *({"text": f"t {n}", "topic": "tea", "stance": s} for n, s in enumerate(["1", "1.0", 1.0, 1]))
    )
    imported = import_table(table, STANCE, ImportOptions(values={"1": "favor"}))
    assert [labels[0][2] for labels in labels_of(imported).values()] == ["favor"] * 4


def test_a_message_quotes_values_for_the_shell(tmp_path: Path) -> None:
    value = "it's $HOME, not sure"
    table = jsonl(tmp_path, {"text": "a b", "topic": "tea", "stance": value})
    message = refused(table, STANCE)
    assert shlex.quote(f"{value}=STANCE") in message
    assert advised(message) == {value: "STANCE"}
