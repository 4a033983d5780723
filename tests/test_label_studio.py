"""What annotators do in Label Studio is read as they meant it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labels.errors import DemarcheError
from labels.passages import Label
from labels.tools.work import SuggestedTopic, Suggestion
from tests.tool_exports import export, of_label_studio, plain, read, reading, span, write


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
