"""Passages and readings go to an annotation tool, and come back in its own export format."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labels.codebook import STANCES, Codebook, Topic, write_codebook
from labels.errors import DemarcheError, Problems
from labels.files import read_jsonl, write_jsonl
from labels.passages import Annotation, Label, Passage, Shares
from labels.tools import argilla, doccano, label_studio, prodigy
from labels.tools.collected import Imported
from labels.tools.offsets import from_utf16, to_utf16
from labels.tools.work import Exported, SuggestedTopic, Suggestion, prepare
from tests.conftest import BOOK, demarche

TEXT = "😀 The mayor praised tea.\nRain fell 🌧 on the bakers,\r\nwho scorned umbrellas."
TOOLS = {"label-studio": label_studio, "prodigy": prodigy, "doccano": doccano, "argilla": argilla}
USERS = {"anna": "b4c7c3a2-9dab-467f-83a9-b5ebd687812b", "bert": "0c1f1c6e-7a86-4d1c-8f3f-1f6c6c1de0aa"}


def passage(id: str = "p 1", text: str = TEXT) -> Passage:
    return Passage(id=id, article=f"{id}'s", text=text, start=7, end=7 + len(text), title="T", meta={"n": 1, "ü": None})


def reading(*labels: Label, by: str = "anna", of: str = "p 1") -> Annotation:
    return Annotation(passage=of, annotator=by, codebook=BOOK.reference, labels=labels)


def span(words: str, text: str = TEXT) -> tuple[int, int]:
    return text.index(words), text.index(words) + len(words)


def export(
    tool: str, folder: Path, *annotations: Annotation, passages: list[Passage] | None = None, book: Codebook = BOOK,
    suggestions: dict[str, Suggestion] | None = None,
) -> Exported:  # fmt: skip
    lost: Counter[str] = Counter()
    tasks = prepare(book, passages or [passage()], annotations, suggestions or {}, lost)
    more: dict[str, Any] = {"users": USERS} if tool == "argilla" else {}
    return TOOLS[tool].export(folder, book, tasks, lost, **more)  # type: ignore[attr-defined, no-any-return]


# What each tool makes of its own files, as the real ones did (benchmarks/label_studio.py, benchmarks/doccano.py).


def of_label_studio(folder: Path) -> Path:
    tasks = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    for number, task in enumerate(tasks, start=1):
        task |= {"id": number, "drafts": [], "meta": {}, "inner_id": number}
        for annotation in task.setdefault("annotations", []):
            annotation |= {
                "import_id": annotation["id"], "id": 100, "updated_by": None, "completed_by": 1, "was_cancelled": False,
                "updated_at": "2026-01-01T00:00:00Z", "prediction": {},
            }  # fmt: skip
    return write(folder / "export.json", json.dumps(tasks))


def of_prodigy(folder: Path) -> Path:
    return folder / "answers.jsonl"


def of_doccano(folder: Path) -> Path:
    rows = [json.loads(line) for line in (folder / "data.jsonl").read_bytes().split(b"\n") if line]
    for number, row in enumerate(rows, start=1):
        row |= {"id": number, "cats": sorted(row["cats"]), "entities": sorted(row["entities"]), "Comments": []}
    return write(folder / "anna.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def of_argilla(folder: Path, status: str = "submitted") -> Path:
    flat = []
    for record in json.loads((folder / "records.json").read_text(encoding="utf-8")):
        row = {"id": record["id"], "status": "pending", **record["fields"], **record["metadata"]}
        for question, responses in record["responses"].items():
            row[f"{question}.responses"] = [each["value"] for each in responses]
            row[f"{question}.responses.users"] = [each["user_id"] for each in responses]
            row[f"{question}.responses.status"] = [status for _ in responses]
        flat.append(row)
    columns = {column for row in flat for column in row}
    return write(folder / "flat.json", json.dumps([dict.fromkeys(columns) | row for row in flat]))


EXPORTS: dict[str, Callable[[Path], Path]] = {
    "label-studio": of_label_studio, "prodigy": of_prodigy, "doccano": of_doccano, "argilla": of_argilla,
}  # fmt: skip


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(tool: str, file: Path, book: Codebook = BOOK, **more: Any) -> Imported:
    if tool == "argilla":
        ids = {id: name for name, id in USERS.items() if id in file.read_text(encoding="utf-8")}
        more.setdefault("names", ids)
    if tool == "doccano":
        more.setdefault("empty", "none")
    return TOOLS[tool].read(file, book, **more)  # type: ignore[attr-defined, no-any-return]


def plain(annotations: Any) -> dict[tuple[str, str], Any]:
    """Return the readings, with the labels of each in any order, since tools sort them."""
    return {(a.passage, a.annotator): (a.codebook, sorted(map(repr, a.labels))) for a in annotations}


def without_spans(annotation: Annotation) -> Annotation:
    labels = tuple(Label(topic=label.topic, stance=label.stance) for label in annotation.labels)
    return annotation.model_copy(update={"labels": labels})


_IDS = st.sampled_from(
    ["tea", 'rain, or "drizzle"', "чай 茶", "<b>&amp;", "a: b", "it's", "🌧", "none", "x  y", "tea; milk"]
)
_TEXTS = st.text("ab 😀🌧👩🏽‍🚀e\u0301\n\r\t\u2028\xa0\ufeff茶й<&\"'\\{[,:", min_size=1, max_size=30).filter(
    lambda text: text.strip() != ""
)


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Codebook, list[Passage], list[Annotation]]:
    ids = draw(st.lists(_IDS, min_size=1, max_size=4, unique=True))
    book = Codebook(id="town", version="1.2.0", topics=tuple(Topic(id=id) for id in ids))
    texts = draw(st.lists(_TEXTS, min_size=1, max_size=3))
    passages = [passage(f"{number} 'ü\"", text) for number, text in enumerate(texts)]
    annotations = []
    for each in passages:
        labels = []
        for topic in draw(st.lists(st.sampled_from(ids), unique=True)):
            start = draw(st.integers(0, len(each.text) - 1))
            end = draw(st.integers(start + 1, len(each.text)))
            # A holder that the text names can be marked in it in every tool.
            holder = each.text[start:end].strip() or None
            labels.append(
                Label(
                    topic=topic,
                    stance=draw(st.sampled_from([*STANCES, None])),
                    evidence=draw(st.sampled_from([(start, end), None])),
                    holder=draw(st.sampled_from([holder, None])),
                )
            )
        version = draw(st.sampled_from(["1.2.0", "1.1.0"]))
        annotations.append(
            Annotation(passage=each.id, annotator="anna", codebook=f"town@{version}", labels=tuple(labels))
        )
    return book, passages, annotations


@pytest.mark.parametrize("tool", TOOLS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=labelled())
def test_topics_stance_holder_and_evidence_survive_the_round_trip(
    tool: str, data: tuple[Codebook, list[Passage], list[Annotation]], tmp_path: Path
) -> None:
    book, passages, annotations = data
    lost = export(tool, tmp_path, *annotations, passages=passages, book=book).lost
    imported = read(tool, EXPORTS[tool](tmp_path), book)
    if lost:  # the spans of doccano must not overlap, and those of Argilla not end after the number of code points
        assert tool in ("doccano", "argilla")
        annotations = [without_spans(each) for each in annotations]
        imported = imported._replace(annotations=[without_spans(each) for each in imported.annotations])
    assert plain(imported.annotations) == plain(annotations)
    assert imported.passages == passages
    assert not imported.left_out


@pytest.mark.parametrize("tool", ["label-studio", "prodigy", "argilla"])
def test_the_readings_of_two_annotators_come_back(tool: str, tmp_path: Path) -> None:
    both = [reading(Label(topic="tea", holder="nobody in the text" if tool != "prodigy" else None)), reading(by="bert")]
    export(tool, tmp_path, *both)
    assert plain(read(tool, EXPORTS[tool](tmp_path)).annotations) == plain(both)


@pytest.mark.parametrize("tool", TOOLS)
def test_what_a_tool_cannot_hold_is_counted(tool: str, tmp_path: Path) -> None:
    target = Label(target="the fair", stance="favor")
    shares = Label(topic="tea", shares=Shares(favor=0.5, against=0.5))
    passages = [passage(), passage("p 2")]
    unsure = reading(shares, target).model_copy(update={"doubt": True, "note": "or is it rain?"})
    lost = export(tool, tmp_path, unsure, reading(target, of="p 2"), passages=passages).lost
    assert lost == {
        "doubts and notes": 1, "shares of a stance": 1, "labels of a target without a topic": 2, "readings of targets alone": 1,
    }  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("other", TOOLS)
def test_the_file_of_another_tool_is_refused(tool: str, other: str, tmp_path: Path) -> None:
    export(other, tmp_path, reading(Label(topic="tea")))
    if tool != other:
        with pytest.raises(DemarcheError, match=f"demarche labels import {other}"):
            read(tool, EXPORTS[other](tmp_path))


@pytest.mark.parametrize("tool", TOOLS)
def test_the_export_of_another_codebook_is_refused(tool: str, tmp_path: Path) -> None:
    export(tool, tmp_path, reading(Label(topic="tea")))
    other = Codebook(id="village", version="1.0.0", topics=BOOK.topics)
    with pytest.raises(DemarcheError, match=r"of a project with codebook tiny@1\.0\.0, not village@1\.0\.0"):
        read(tool, EXPORTS[tool](tmp_path), other)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_text_that_was_changed_in_the_tool_is_refused(tool: str, tmp_path: Path) -> None:
    export(tool, tmp_path, reading(Label(topic="tea")))
    file = EXPORTS[tool](tmp_path)
    known = {"p 1": passage(text=TEXT.replace("mayor", "major"))}
    with pytest.raises(DemarcheError, match="another text than in the file of --passages"):
        read(tool, file, known=known)


def tasks_of_label_studio(folder: Path, *annotations: dict[str, Any]) -> Path:
    """Return the export of one task with these annotations."""
    export("label-studio", folder)
    file = of_label_studio(folder)
    task = json.loads(file.read_text(encoding="utf-8"))[0]
    return write(file, json.dumps([task | {"annotations": list(annotations)}]))


def annotation(*results: dict[str, Any], by: Any = 1, **more: Any) -> dict[str, Any]:
    return {"id": 9, "completed_by": by, "result": list(results), "was_cancelled": False, "import_id": None, **more}


def chosen(*topics: str) -> dict[str, Any]:
    return {"from_name": "topics", "to_name": "text", "type": "choices", "value": {"choices": list(topics)}}


def stance(topic: str, value: str) -> dict[str, Any]:
    return {"from_name": f"stance {topic}", "to_name": "text", "type": "choices", "value": {"choices": [value]}}


def marked(label: str, topic: str, words: str, **more: Any) -> dict[str, Any]:
    start, end = span(words)
    value = {"start": start, "end": end, "text": words, "labels": [f"{label}: {topic}"], **more}
    return {"from_name": f"spans {topic}", "to_name": "text", "type": "labels", "value": value}


def test_a_submission_without_topics_has_none_and_a_skipped_task_is_unread(tmp_path: Path) -> None:
    file = tasks_of_label_studio(
        tmp_path, annotation(), annotation(by={"id": 2, "email": "bert@x.org"}, was_cancelled=True)
    )
    imported = read("label-studio", file, names={"1": "anna"})
    assert plain(imported.annotations) == plain([reading()])
    assert imported.left_out == {"skipped readings": 1}


def test_a_holder_may_be_marked_in_the_text(tmp_path: Path) -> None:
    file = tasks_of_label_studio(tmp_path, annotation(chosen("tea"), marked("holder", "tea", "The mayor")))
    assert read("label-studio", file).annotations[0].labels == (Label(topic="tea", holder="The mayor"),)


def test_the_last_reading_of_an_annotator_counts(tmp_path: Path) -> None:
    file = tasks_of_label_studio(
        tmp_path,
        annotation(chosen("tea"), updated_at="2026-02-02"),
        annotation(chosen("rain"), updated_at="2026-02-01"),
    )
    imported = read("label-studio", file)
    assert [label.topic for each in imported.annotations for label in each.labels] == ["tea"]
    assert imported.left_out == {"earlier readings by the same annotator": 1}


@pytest.mark.parametrize("user", [None, {}])
def test_a_reading_by_nobody_is_refused_with_its_task(user: Any, tmp_path: Path) -> None:
    file = tasks_of_label_studio(tmp_path, annotation(chosen("tea")) | {"completed_by": user})
    with pytest.raises(DemarcheError, match=r"task .*: a reading has no annotator; write who made it"):
        read("label-studio", file)


def test_marks_on_a_topic_that_was_unchosen_are_counted_and_left_out(tmp_path: Path) -> None:
    file = tasks_of_label_studio(
        tmp_path, annotation(chosen("tea"), marked("evidence", "tea", "tea"), marked("evidence", "tea", "Rain"),
                             marked("evidence", "rain", "Rain"))
    )  # fmt: skip
    imported = read("label-studio", file)
    assert imported.annotations[0].labels == (Label(topic="tea", evidence=span("tea")),)
    assert imported.left_out == {
        "evidence spans of a topic that was not chosen": 1, "further evidence spans of a label (the first is kept)": 1,
    }  # fmt: skip


def test_a_reading_that_was_changed_in_label_studio_is_by_whoever_changed_it(tmp_path: Path) -> None:
    export("label-studio", tmp_path, reading(Label(topic="tea")))
    file = of_label_studio(tmp_path)
    [task] = json.loads(file.read_text(encoding="utf-8"))
    task["annotations"][0] |= {"updated_by": 7, "result": [chosen("rain")]}
    write(file, json.dumps([task]))
    assert plain(read("label-studio", file).annotations) == plain([reading(Label(topic="rain"), by="7")])


@pytest.mark.parametrize(
    ("results", "what"),
    [
        ([chosen("tee")], "'tee' is not in codebook tiny@1.0.0; known: rain, tea"),
        ([chosen("tea"), stance("tea", "pro")], "'pro' is not one of favor, against, neutral"),
        ([chosen("tea"), stance("tea", "favor"), stance("tea", "against")], "two stances toward 'tea'"),
        ([{"from_name": "topics", "value": "tea"}], "a result has no value"),
        ([{"from_name": "topics", "value": {"choices": "tea"}}], "choices is not a list of texts"),
        ([{"from_name": "sentiment", "value": {"choices": ["good"]}}], "has the control 'sentiment'"),
        ([marked("evidence", "tea", "tea", end=4000)], "outside the passage"),
        ([marked("evidence", "tea", "tea", text="rain")], "does not read 'rain'"),
    ],
)  # fmt: skip
def test_a_result_that_the_project_cannot_have_is_refused(results: list[Any], what: str, tmp_path: Path) -> None:
    with pytest.raises(DemarcheError) as error:
        read("label-studio", tasks_of_label_studio(tmp_path, annotation(*results)))
    assert what in str(error.value)
    assert "record 1: " in str(error.value)


def test_predictions_have_scores_and_the_name_of_the_model(tmp_path: Path) -> None:
    said = Suggestion("tagger v3", (SuggestedTopic("tea", 0.9, "favor", 0.7), SuggestedTopic("rain", 0.8, None, None)))
    export("label-studio", tmp_path, suggestions={"p 1": said})
    [prediction] = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))[0]["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("tagger v3", 0.7)
    assert [each["value"]["choices"] for each in prediction["result"]] == [["tea", "rain"], ["favor"]]
    export("argilla", tmp_path, suggestions={"p 1": said})
    suggestions = json.loads((tmp_path / "records.json").read_text(encoding="utf-8"))[0]["suggestions"]
    assert suggestions["topics"] == {"value": ["tea", "rain"], "agent": "tagger v3", "score": [0.9, 0.8]}
    assert suggestions["stance_tea"] == {"value": "favor", "agent": "tagger v3", "score": 0.7}


def answers(folder: Path, *rows: dict[str, Any]) -> Path:
    """Return the output of `prodigy db-out` with these answers to one task."""
    export("prodigy", folder)
    task = json.loads((folder / "tasks.jsonl").read_text(encoding="utf-8"))
    return write(folder / "answers.jsonl", "".join(json.dumps(task | row) + "\n" for row in rows))


def test_an_ignored_task_of_prodigy_is_unread(tmp_path: Path) -> None:
    file = answers(tmp_path, {"answer": "ignore", "_session_id": "a-anna"}, {"answer": "reject", "_session_id": "a-bert"},
                   {"answer": "accept", "accept": [], "_session_id": "a-carl"})  # fmt: skip
    imported = read("prodigy", file, names={"a-carl": "carl"})
    assert plain(imported.annotations) == plain([reading(by="carl")])
    assert sum(imported.left_out.values()) == 2


def test_a_rejected_binary_task_means_that_the_label_does_not_hold(tmp_path: Path) -> None:
    file = answers(
        tmp_path, {"label": "tea: favor", "answer": "accept"}, {"label": "rain", "answer": "reject"},
        {"label": "tea", "answer": "accept", "_session_id": "bert"},
    )  # fmt: skip
    imported = read("prodigy", file, annotator="anna")
    assert plain(imported.annotations) == plain([reading(Label(topic="tea", stance="favor"))])
    assert imported.left_out == {"readings in which some topics were not answered": 1}


def test_the_last_answer_to_a_binary_task_counts(tmp_path: Path) -> None:
    file = answers(
        tmp_path, {"label": "tea", "answer": "reject", "_timestamp": 20}, {"label": "rain", "answer": "accept"},
        {"label": "tea", "answer": "accept", "_timestamp": 10},
    )  # fmt: skip
    imported = read("prodigy", file, annotator="anna")
    assert plain(imported.annotations) == plain([reading(Label(topic="rain"))])
    assert imported.left_out == {"earlier answers to the same task": 1}


def test_a_topic_that_is_rejected_has_no_stance(tmp_path: Path) -> None:
    file = answers(tmp_path, {"label": "tea", "answer": "reject"}, {"label": "tea: favor", "answer": "accept"})
    with pytest.raises(DemarcheError, match=r"accepts and rejects labels of 'tea'"):
        read("prodigy", file, annotator="anna")


def test_answers_without_an_annotator_ask_for_the_name(tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match=r"answers.jsonl:1: .*--annotator-name"):
        read("prodigy", answers(tmp_path, {"answer": "accept"}))


def test_an_example_of_doccano_without_labels_is_a_question(tmp_path: Path) -> None:
    export("doccano", tmp_path, reading(Label(topic="tea")), passages=[passage(), passage("p 2")])
    file = of_doccano(tmp_path)
    with pytest.raises(DemarcheError, match=r"anna.jsonl:2: has no labels: add --empty none"):
        read("doccano", file, empty=None)
    assert plain(read("doccano", file, empty="unread").annotations) == plain([reading(Label(topic="tea"))])
    assert len(read("doccano", file, empty="none").annotations) == 2


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("text-classification", Label(topic="tea", stance="favor")),
        ("sequence-labeling", Label(topic="tea", stance="favor", evidence=span("umbrellas"))),
    ],
)
def test_a_project_of_doccano_of_one_kind_loses_the_rest(kind: Any, kept: Label, tmp_path: Path) -> None:
    label = Label(topic="tea", stance="favor", holder="The mayor", evidence=span("umbrellas"))
    lost: Counter[str] = Counter()
    tasks = prepare(BOOK, [passage()], [reading(label)], {}, lost)
    exported = doccano.export(tmp_path, BOOK, tasks, lost, kind=kind)
    assert exported.lost["holders"] == 1
    assert read("doccano", tmp_path / "data.jsonl", annotator="anna").annotations[0].labels == (kept,)


@pytest.mark.parametrize("tool", ["doccano", "argilla"])
def test_pages_in_javascript_count_an_emoji_as_two(tool: str, tmp_path: Path) -> None:
    export(tool, tmp_path, reading(Label(topic="tea", evidence=span("mayor"))))
    exported = EXPORTS[tool](tmp_path).read_text(encoding="utf-8")
    row = json.loads(exported) if tool == "doccano" else json.loads(exported)[0]
    found = (
        row["entities"][0][:2] if tool == "doccano" else [row["spans.responses"][0][0][end] for end in ("start", "end")]
    )
    assert found == [place + 1 for place in span("mayor")]


def test_a_span_does_not_end_within_a_character() -> None:
    assert from_utf16(TEXT, to_utf16(TEXT, (0, len(TEXT)))) == (0, len(TEXT))
    with pytest.raises(DemarcheError, match="within a character"):
        from_utf16(TEXT, (1, 5))
    with pytest.raises(DemarcheError, match="outside the passage"):
        from_utf16(TEXT, (0, 4000))


def test_doccano_takes_the_labels_of_one_annotator(tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match="anna, bert; name one with --annotator"):
        export("doccano", tmp_path, reading(), reading(by="bert"))


def test_two_annotators_are_not_one_user_of_argilla(tmp_path: Path) -> None:
    tasks = prepare(BOOK, [passage()], [reading(), reading(by="bert")], {}, Counter())
    with pytest.raises(DemarcheError, match="--user: 'anna' and 'bert' are one user"):
        argilla.export(tmp_path, BOOK, tasks, Counter(), users={"anna": USERS["anna"], "bert": USERS["anna"]})


def test_drafts_and_discarded_responses_of_argilla_are_left_out(tmp_path: Path) -> None:
    export("argilla", tmp_path, reading(Label(topic="tea")))
    assert read("argilla", of_argilla(tmp_path, "draft"), names={}).left_out == {"drafts": 1}
    assert read("argilla", of_argilla(tmp_path, "discarded"), names={}).left_out == {"discarded responses": 1}


def test_records_of_argilla_without_the_status_of_responses_are_refused(tmp_path: Path) -> None:
    export("argilla", tmp_path, reading(Label(topic="tea")))
    with pytest.raises(DemarcheError, match="flatten=True"):
        read("argilla", tmp_path / "records.json", names={})


@pytest.mark.parametrize("tool", TOOLS)
def test_the_commands_write_and_read_the_files_of_a_tool(tool: str, workspace: Path) -> None:
    labels = ["codebook.yaml", "passages.jsonl", "annotations.jsonl"]
    user = ["--user", f"one={USERS['anna']}"] if tool == "argilla" else []
    exported = demarche("labels", "export", tool, *labels, "--out", "for-tool", *user)
    assert exported.exit_code == 0, exported.output
    assert f"demarche labels import {tool}" in exported.output
    file = EXPORTS[tool](workspace / "for-tool")
    named = {
        "argilla": ["--annotator", f"{USERS['anna']}=one"],
        "doccano": ["--annotator-name", "one", "--empty", "none"],
    }
    result = demarche("labels", "import", tool, file, "--codebook", "codebook.yaml", "--passages", "passages.jsonl",
                      "--out", "back", *named.get(tool, []))  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "demarche labels check codebook.yaml back/passages.jsonl back/annotations.jsonl" in result.output
    before, after = ([each for _, each in read_jsonl(Path(name), Annotation, Problems())]
                     for name in ("annotations.jsonl", "back/annotations.jsonl"))  # fmt: skip
    assert plain(after) == plain(before)
    assert Path("back/passages.jsonl").read_text() == Path("passages.jsonl").read_text()


def test_all_broken_lines_are_reported_and_nothing_is_written(workspace: Path) -> None:
    row = {
        "text": "x",
        "cats": ["tee"],
        "demarche": {"codebook": "tiny@1.0.0", "passage": {"id": "x", "article": "x", "start": 0, "end": 1}},
    }
    stranger = {"text": "Tea.", "label": []}
    lines = [json.dumps(row), "{", "[1]", json.dumps(stranger), json.dumps({**row, "cats": []})]
    write(workspace / "anna.jsonl", "\n".join(lines))
    result = demarche("labels", "import", "doccano", "anna.jsonl", "--codebook", "codebook.yaml", "--out", "back")
    assert result.exit_code == 2
    for line in range(1, 6):
        assert f"anna.jsonl:{line}: " in result.output
    assert not Path("back").exists()


def test_a_codebook_that_gives_two_labels_one_name_is_refused(tmp_path: Path) -> None:
    book = Codebook(id="town", version="1.0.0", topics=(Topic(id="tea"), Topic(id="tea: favor")))
    with pytest.raises(DemarcheError, match="rename a topic"):
        export("prodigy", tmp_path, book=book)
    commas = Codebook(id="town", version="1.0.0", topics=(Topic(id="tea, milk"), Topic(id="tea; milk")))
    with pytest.raises(DemarcheError, match="rename one"):
        export("label-studio", tmp_path, book=commas)


def test_an_export_of_nobody_is_refused(workspace: Path) -> None:
    write_codebook(workspace / "codebook.yaml", BOOK)
    write_jsonl(workspace / "passages.jsonl", [passage()])
    demarche("labels", "export", "label-studio", "codebook.yaml", "passages.jsonl", "--out", "p")
    result = demarche("labels", "import", "label-studio", of_label_studio(Path("p")), "--codebook", "codebook.yaml",
                      "--out", "back")  # fmt: skip
    assert result.exit_code == 2
    assert "no passage has been read yet" in result.output
