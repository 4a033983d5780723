"""Tables of every layout: wide and long, by annotator, topic, target, number and passage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.check import LabelledData
from labels.codebook import STANCES, Codebook, Topic
from labels.gold.agreement import agreements
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import Imported, import_table
from labels.tables.patterns import match_column
from tests.tables import BOOK, csv, jsonl, labels_of, refused

NONE = ImportOptions(empty={"": "none"})
CODERS = TableColumns(id="id", topics=("{annotator}_topics",), stance="{annotator}_{topic}")
TWO_CODERS = """id,text,anna_topics,anna_tea,anna_rain,bert_topics,bert_tea,bert_rain
1,Tea cheers.,tea,favor,,tea,neutral,
2,Rain and tea.,tea;rain,favor,against,rain,,against
3,A walk.,,,,,,
"""


def test_patterns_say_whose_topics_and_whose_stance_on_which_topic(tmp_path: Path) -> None:
    imported = import_table(csv(tmp_path, TWO_CODERS), CODERS, NONE)
    assert labels_of(imported) == {
        ("1", "anna"): [("tea", None, "favor")],
        ("1", "bert"): [("tea", None, "neutral")],
        ("2", "anna"): [("tea", None, "favor"), ("rain", None, "against")],
        ("2", "bert"): [("rain", None, "against")],
        ("3", "anna"): [],
        ("3", "bert"): [],
    }
    assert imported.codebook.topic_ids == ("rain", "tea")


def test_what_empty_cells_mean_is_asked_with_their_number(tmp_path: Path) -> None:
    message = refused(csv(tmp_path, TWO_CODERS), CODERS)
    assert "2 empty cells (the 3 columns of 'anna' 1, the 3 columns of 'bert' 1)" in message
    assert "--empty none" in message
    assert "--empty unread" in message


def test_empty_cells_may_mean_that_the_text_was_not_read(tmp_path: Path) -> None:
    imported = import_table(csv(tmp_path, TWO_CODERS), CODERS, ImportOptions(empty={"": "unread"}))
    assert {id for id, _ in labels_of(imported)} == {"1", "2"}
    assert len(imported.passages) == 3
    assert "2 empty cells read as no annotation" in imported.how.remarks[0]


def test_empty_cells_may_differ_by_column_and_by_annotator(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,anna,bert,decided\n1,One day.,,tea,\n2,Two days.,tea,,tea\n")
    columns = TableColumns(id="id", votes=("anna", "bert"), gold="decided")
    imported = import_table(table, columns, ImportOptions(empty={"": "none", "gold": "unread"}))
    assert labels_of(imported)["1", "anna"] == []
    assert ("1", "gold") not in labels_of(imported)
    imported = import_table(table, columns, ImportOptions(empty={"": "unread", "bert": "none"}))
    assert set(labels_of(imported)) == {("1", "bert"), ("2", "anna"), ("2", "bert"), ("2", "gold")}


def test_a_name_in_empty_that_is_no_column_is_refused(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,anna,bert\n1,One day.,,tea\n")
    message = refused(table, TableColumns(votes=("anna", "bert")), ImportOptions(empty={"": "none", "ana": "unread"}))
    assert "--empty ana=…" in message
    assert "did you mean 'anna'?" in message


def test_one_column_of_topics_asks_too_but_a_row_that_names_its_annotator_does_not(tmp_path: Path) -> None:
    assert "1 empty cell ('topic' 1)" in refused(
        csv(tmp_path, "text,topic\na b,tea\nc d,\n"), TableColumns(topics=("topic",))
    )
    rows = "id,text,who,topic\n1,a b,ann,tea\n2,c d,ann,\n3,e f,,\n"
    columns = TableColumns(id="id", annotator="who", topics=("topic",))
    imported = import_table(csv(tmp_path, rows), columns, ImportOptions())
    assert labels_of(imported) == {("1", "ann"): [("tea", None, None)], ("2", "ann"): []}
    assert "1 empty cell read as none of the topics ('topic' 1)" in imported.how.remarks


readings = st.dictionaries(st.sampled_from(["tea", "rain", "snow"]), st.sampled_from(STANCES), max_size=3)


@settings(max_examples=4, deadline=None)
@given(rows=st.lists(st.tuples(readings, readings), min_size=6, max_size=12))
def test_wide_and_long_forms_of_the_same_labels_have_the_same_agreement(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[dict[str, str], dict[str, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("forms")
    wide, long, per_topic = [], [], []
    for number, both in enumerate(rows):
        cells: dict[str, Any] = {"id": str(number), "text": f"Text {number}."}
        by_coder = dict(zip(("anna", "bert"), both, strict=True))
        topics = {f"{name}_topics": ";".join(labels) for name, labels in by_coder.items()}
        stances = {
            f"{name}_{topic}": labels.get(topic, "")
            for name, labels in by_coder.items()
            for topic in ("tea", "rain", "snow")
        }
        wide.append(cells | topics | stances)
        per_topic.append(cells | stances)
        for name, labels in by_coder.items():
            for topic, stance in labels.items() or [("", "")]:
                long.append(cells | {"who": name, "topic": topic, "stance": stance})
    book = Codebook(id="days", version="1.0.0", topics=tuple(Topic(id=id) for id in ("tea", "rain", "snow")))
    long_form = TableColumns(id="id", annotator="who", topics=("topic",), stance="stance")
    forms = [
        import_table(jsonl(folder, *wide), CODERS, NONE, book),
        import_table(jsonl(folder, *long), long_form, ImportOptions(), book),
        import_table(jsonl(folder, *per_topic), TableColumns(id="id", stance="{annotator}_{topic}"), NONE, book),
    ]
    assert as_sets(forms[0]) == as_sets(forms[1]) == as_sets(forms[2])
    first, second, third = ([repr(a) for a in agreements(data_of(form), seed=1)] for form in forms)
    assert first == second == third


def as_sets(imported: Imported) -> dict[tuple[str, str], set[Any]]:
    return {key: set(labels) for key, labels in labels_of(imported).items()}


def data_of(imported: Imported) -> LabelledData:
    order = sorted(imported.annotations, key=lambda each: (each.passage, each.annotator))
    return LabelledData(imported.codebook, imported.passages, order)


def test_a_stance_column_per_topic_names_the_topics(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,tea_stance,rain_stance\n1,a b,FAVOR,AGAINST\n2,c d,,neutral\n3,e f,unclear,\n")
    imported = import_table(table, TableColumns(id="id", stance="{topic}_stance"), ImportOptions())
    assert labels_of(imported) == {
        ("1", "table"): [("tea", None, "favor"), ("rain", None, "against")],
        ("2", "table"): [("rain", None, "neutral")],
        ("3", "table"): [("tea", None, None)],
    }


def test_a_stance_column_per_target_has_no_label_where_it_is_empty(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,the mayor stance,the bishop stance\n1,a b,favor,against\n2,c d,,neutral\n3,e f,,\n")
    imported = import_table(table, TableColumns(id="id", stance="{target} stance"), ImportOptions())
    assert labels_of(imported) == {
        ("1", "table"): [(None, "the mayor", "favor"), (None, "the bishop", "against")],
        ("2", "table"): [(None, "the bishop", "neutral")],
    }
    assert "1 of 3 passages have no annotation" in imported.how.remarks


@pytest.mark.parametrize(
    ("option", "about"), [("target", lambda name: (None, name)), ("topics", lambda name: (name, None))]
)
def test_numbered_columns_are_pairs(tmp_path: Path, option: str, about: Any) -> None:
    rows = "id,text,About 1,View 1,About 2,View 2\n1,a b,mayor,favor,bishop,against\n2,c d,bishop,neutral,,\n"
    named: Any = {option: ("About {n}",) if option == "topics" else "About {n}"}
    imported = import_table(csv(tmp_path, rows), TableColumns(id="id", stance="View {n}", **named), ImportOptions())
    assert labels_of(imported) == {
        ("1", "table"): [(*about("mayor"), "favor"), (*about("bishop"), "against")],
        ("2", "table"): [(*about("bishop"), "neutral")],
    }


def test_a_numbered_stance_without_its_topic_is_refused(tmp_path: Path) -> None:
    rows = "id,text,Topic 1,Stance 1,Topic 2,Stance 2\n1,a b,tea,favor,,against\n"
    message = refused(csv(tmp_path, rows), TableColumns(topics=("Topic {n}",), stance="Stance {n}"))
    assert "the stance 'against' has no topic or target: 'Topic 2' is empty" in message
    message = refused(
        csv(tmp_path, "text,Topic 1,Stance 1,Stance 2\na b,tea,,\n"),
        TableColumns(topics=("Topic {n}",), stance="Stance {n}"),
    )
    assert "no column has topics or a target with the number 2" in message


def test_two_columns_may_hold_the_names_of_topics(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,first,second\n1,a b,tea,rain\n2,c d,rain,\n")
    imported = import_table(table, TableColumns(id="id", topics=("first", "second")), ImportOptions())
    assert labels_of(imported) == {
        ("1", "table"): [("tea", None, None), ("rain", None, None)],
        ("2", "table"): [("rain", None, None)],
    }


def test_one_stance_of_several_topics_is_asked_for(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,topics,stance\n1,a b,tea;rain,favor\n2,c d,tea,against\n")
    columns = TableColumns(id="id", topics=("topics",), stance="stance")
    message = refused(table, columns)
    assert "1 row has several topics and one stance (the first: 'tea; rain' with 'favor')" in message
    each = import_table(table, columns, ImportOptions(one_stance="each"))
    assert labels_of(each)["1", "table"] == [("tea", None, "favor"), ("rain", None, "favor")]
    unknown = import_table(table, columns, ImportOptions(one_stance="unknown"))
    assert labels_of(unknown) == {
        ("1", "table"): [("tea", None, None), ("rain", None, None)],
        ("2", "table"): [("tea", None, "against")],
    }


def test_a_list_of_stances_follows_the_list_of_topics(tmp_path: Path) -> None:
    columns = TableColumns(id="id", topics=("topics",), stance="stance")
    table = csv(tmp_path, "id,text,topics,stance\n1,a b,tea; rain,favor;\n2,c d,tea;rain,against; neutral\n")
    assert labels_of(import_table(table, columns, ImportOptions())) == {
        ("1", "table"): [("tea", None, "favor"), ("rain", None, None)],
        ("2", "table"): [("tea", None, "against"), ("rain", None, "neutral")],
    }
    message = refused(csv(tmp_path, "id,text,topics,stance\n1,a b,tea;rain;snow,favor;against\n"), columns)
    assert "give one stance for each topic" in message


def test_a_stance_on_a_topic_that_was_not_chosen_is_refused(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,anna_topics,anna_tea,anna_rain\n1,a b,tea,favor,against\n")
    message = refused(table, CODERS)
    assert "column 'anna_rain' has a stance toward 'rain', which is not among the topics of the row" in message


def test_yes_no_columns_and_stance_columns_per_topic_belong_together(tmp_path: Path) -> None:
    table = csv(
        tmp_path, "id,text,is tea,is rain,tea view,rain view\n1,a b,1,0,favor,\n2,c d,1,1,,against\n3,e f,0,0,,\n"
    )
    columns = TableColumns(id="id", topics=("is {topic}",), stance="{topic} view")
    assert labels_of(import_table(table, columns, ImportOptions())) == {
        ("1", "table"): [("tea", None, "favor")],
        ("2", "table"): [("tea", None, None), ("rain", None, "against")],
        ("3", "table"): [],
    }


def test_annotators_may_judge_the_topic_of_the_row(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,topic,anna's view,bert's view\n1,a b,tea,favor,\n2,c d,rain,neutral,against\n")
    columns = TableColumns(id="id", topics=("topic",), stance="{annotator}'s view")
    assert labels_of(import_table(table, columns, ImportOptions())) == {
        ("1", "anna"): [("tea", None, "favor")],
        ("2", "anna"): [("rain", None, "neutral")],
        ("2", "bert"): [("rain", None, "against")],
    }


def test_a_stance_that_does_not_say_whose_it_is_is_refused(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,anna topics,bert topics,stance\n1,a b,tea,tea,favor\n")
    message = refused(table, TableColumns(topics=("{annotator} topics",), stance="stance"))
    assert "column 'stance' does not say whose stance it is, but 'anna topics' does" in message


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,minutes,anna_topics,anna_tea,ana_rain\n1,a b,3,tea,favor,\n")
    imported = import_table(table, CODERS, ImportOptions())
    assert imported.how.not_read == ["minutes", "ana_rain"]
    assert imported.how.remarks == ["column 'ana_rain' is not read: no column has topics by 'ana'"]


def test_a_name_that_fits_a_pattern_in_two_ways_is_refused(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,a_b_tea\n1,a b,favor\n")
    assert "column 'a_b_tea' may be" in refused(table, TableColumns(stance="{annotator}_{topic}"))
    columns = TableColumns(id="id", stance="{annotator}_{topic}")
    assert labels_of(import_table(table, columns, ImportOptions(), BOOK)) == {("1", "a_b"): [("tea", None, "favor")]}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{coder}_topics", "{coder} is not known"),
        ("{annotator_topics", "brace"),
        ("{annotator}{topic}", "nothing between two placeholders"),
        ("{topic}_{topic}", "twice"),
        ("{annotator} labels", "no column matches --topics"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_refused(tmp_path: Path, pattern: str, message: str) -> None:
    table = csv(tmp_path, "id,text,anna_topics\n1,a b,tea\n")
    assert message in refused(table, TableColumns(topics=(pattern,)))


def test_a_column_whose_name_has_braces_is_no_pattern(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,{topic}\n1,a b,tea\n")
    imported = import_table(table, TableColumns(id="id", topics=("{topic}",)), ImportOptions())
    assert labels_of(imported) == {("1", "table"): [("tea", None, None)]}


def test_a_long_name_of_separators_is_matched_at_once() -> None:
    assert len(match_column("{annotator}_{topic}_{target}_{id}_{n}", "_" * 99)) == 0
    assert len(match_column("{annotator}_{topic}_{target}_{id}", "a_" * 49 + "a")) == 20
    assert match_column("{annotator}_{topic}", "a_" * 5000) == []


def test_renamed_columns_fit_a_pattern(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,Q1,Q2\n1,a b,favor,against\n")
    options = ImportOptions(rename={"Q1": "tea_stance", "Q2": "rain_stance"})
    imported = import_table(table, TableColumns(id="id", stance="{topic}_stance"), options)
    assert labels_of(imported) == {("1", "table"): [("tea", None, "favor"), ("rain", None, "against")]}
    assert "there is no column 'Q3'" in refused(table, TableColumns(stance="Q2"), ImportOptions(rename={"Q3": "x"}))
    assert "there is a column 'Q2' already" in refused(
        table, TableColumns(stance="Q2"), ImportOptions(rename={"Q1": "Q2"})
    )


def test_the_questions_below_the_header_of_a_survey_export_are_left_out(tmp_path: Path) -> None:
    rows = (
        "ResponseId,text,Q1_topics\n"
        'Response ID,"Read the passage:","Which topics?\nChoose all"\n'
        '"{""ImportId"":""_recordId""}","{""ImportId"":""QID9""}","{""ImportId"":""QID1""}"\n'
        'R_1,One day.,"Tea, black or green,Rain"\n'
        "R_2,One day.,Rain\n"
    )
    book = Codebook(id="days", version="1.0.0", topics=(Topic(id="tea"), Topic(id="rain", name="Rain")))
    columns = TableColumns(annotator="ResponseId", topics=("Q1_topics",))
    options = ImportOptions(separator=",", values={"Tea, black or green": "tea"})
    imported = import_table(csv(tmp_path, rows), columns, options, book)
    assert [sorted(labels) for labels in labels_of(imported).values()] == [
        [("rain", None, None), ("tea", None, None)],
        [("rain", None, None)],
    ]
    assert any("Qualtrics" in remark for remark in imported.how.remarks)


def test_a_row_per_annotator_may_have_columns_per_passage(tmp_path: Path) -> None:
    labels = csv(tmp_path, "coder,p1_topics,p1_view,p2_topics,p2_view\nanna,tea,favor,rain,against\nbert,,,rain,\n")
    texts = csv(tmp_path, "key,body\np1,Tea cheers.\np2,Rain falls.\np3,A walk.\n", name="texts.csv")
    columns = TableColumns(text="body", id="key", annotator="coder", topics=("{id}_topics",), stance="{id}_view")
    imported = import_table(labels, columns, NONE, texts=texts)
    assert labels_of(imported) == {
        ("p1", "anna"): [("tea", None, "favor")],
        ("p2", "anna"): [("rain", None, "against")],
        ("p1", "bert"): [],
        ("p2", "bert"): [("rain", None, None)],
    }
    assert [passage.text for passage in imported.passages] == ["Tea cheers.", "Rain falls.", "A walk."]


def test_topics_that_are_never_apart_may_be_one_answer_with_a_separator(tmp_path: Path) -> None:
    table = csv(tmp_path, 'id,text,topics\n1,a b,"tea, hot or cold,rain"\n2,c d,"tea, hot or cold"\n3,e f,rain\n')
    columns = TableColumns(id="id", topics=("topics",))
    (note,) = import_table(table, columns, ImportOptions(separator=",")).notes
    assert "topics 'tea' and 'hot or cold' are never apart (2 cells)" in note
    assert "--value 'tea, hot or cold=TOPIC'" in note
    options = ImportOptions(separator=",", values={"tea, hot or cold": "tea"})
    imported = import_table(table, columns, options)
    assert imported.notes == []
    assert labels_of(imported)["1", "table"] == [("tea", None, None), ("rain", None, None)]


def test_an_empty_answer_in_a_survey_is_asked_for_although_the_row_names_its_annotator(tmp_path: Path) -> None:
    rows = 'who,id,text,topic\nWho,No,Text,Topic\n"{""ImportId"":""a""}","{""ImportId"":""b""}",,\nann,1,a b,\n'
    columns = TableColumns(id="id", annotator="who", topics=("topic",))
    assert "1 empty cell ('topic' 1)" in refused(csv(tmp_path, rows), columns)


def test_decided_topics_without_the_stances_of_the_annotators_are_counted(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,ann_topic,ann_stance,final\n1,a b,tea,favor,tea\n")
    columns = TableColumns(id="id", topics=("{annotator}_topic",), stance="{annotator}_stance", gold="final")
    imported = import_table(table, columns, ImportOptions())
    assert "decided topics without a stance: 1" in imported.how.remarks[0]


def test_empty_cells_between_filled_ones_are_counted(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,tea,rain\n1,a b,x,\n2,c d,x,x\n")
    imported = import_table(table, TableColumns(id="id", topics=("tea", "rain")), ImportOptions())
    assert imported.how.remarks == ["1 empty cell in columns of yes and no read as no"]
