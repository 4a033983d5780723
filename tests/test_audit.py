"""The list of training labels that the model contradicts: what is on it, and how it comes back."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from labels.check import read_labelled
from labels.codebook import Codebook, write_codebook
from labels.files import write_jsonl
from labels.gold.adjudication import Example, Target, adjudicate
from labels.passages import Annotation, Label
from tests.conftest import BOOK, ENCODER, demarche, make_articles, trained

FILES = ("codebook.yaml", "passages.jsonl", "annotations.jsonl")


def mislabel(ids: Sequence[str], annotator: str = "one") -> None:
    """Give the passages of the workspace other topics than they have."""
    _, _, annotations = make_articles()
    others = {(): ("tea",), ("tea",): ("rain",), ("rain",): ("tea",)}
    for place, annotation in enumerate(annotations):
        if annotation.passage in ids:
            topics = tuple(sorted({label.topic or "" for label in annotation.labels}))
            labels = tuple(Label(topic=topic, stance="favor") for topic in others.get(topics, ()))
            annotations[place] = annotation.model_copy(update={"labels": labels, "annotator": annotator})
    write_jsonl(Path("annotations.jsonl"), annotations)


def rows_of(file: Path | str) -> list[dict[str, str]]:
    with Path(file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def import_filled_in(output: str, file: Path, answers: dict[str, dict[str, str]]) -> list[Annotation]:
    """Write answers into the list, run the command that the audit printed, and return the new annotations."""
    rows = rows_of(file)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(row | answers.get(row["id"], {}) for row in rows)
    command = next(line for line in output.splitlines() if line.startswith("  demarche "))
    result = demarche(*shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    folder = file.with_suffix("")
    return read_labelled("codebook.yaml", [folder / "passages.jsonl"], [folder / "annotations.jsonl"]).annotations


def decided(*more: Path) -> dict[str, Example]:
    data = read_labelled("codebook.yaml", ["passages.jsonl"], ["annotations.jsonl", *more])
    return {example.passage.id: example for example in adjudicate(data.passages, data.annotations)}


def train_and_dev() -> list[str]:
    from training.config import read_config
    from training.prepare import prepare

    prepared = prepare(read_config("config.yaml"))
    return [example.passage.id for split in ("train", "dev") for example in prepared.examples_in(split)]


def test_wrong_labels_are_first_and_a_correction_decides_after_the_import(workspace: Path) -> None:
    wrong = train_and_dev()[::15]
    mislabel(wrong)
    result = demarche("labels", "audit", "config.yaml", "--out", "list.csv", "--n", "20")
    assert result.exit_code == 0, result.output
    rows = rows_of("list.csv")
    first = [row["id"] for row in rows[: len(wrong)]]
    assert len(set(first) & set(wrong)) >= 0.8 * len(wrong)
    assert len(rows) == 20
    probabilities = [float(row["probability"]) for row in rows]
    assert probabilities == sorted(probabilities)
    assert probabilities[0] < 0.1

    one, other, unread = (row["id"] for row in rows[:3])
    answers = {one: {"topic_1": "rain", "stance_1": "against", "topic_2": "tea"}, other: {"topic_1": "none"}}
    new = import_filled_in(result.output, Path("list.csv"), answers)
    assert {each.passage for each in new} == {one, other}
    examples = decided(Path("list/annotations.jsonl"))
    assert dict(examples[one].topics) == {"rain": True, "tea": True}
    assert examples[one].stances[Target("rain")] == "against"
    assert examples[other].topics == {}
    assert examples[unread] == decided()[unread]


def test_labels_of_test_are_not_audited(workspace: Path) -> None:
    result = demarche("labels", "audit", "config.yaml", "stance=null", "--out", "list.jsonl", "--n", "1000")
    assert result.exit_code == 0, result.output
    listed = [line.split('"')[3] for line in Path("list.jsonl").read_text().splitlines()]
    assert sorted(listed) == sorted(train_and_dev())


def test_no_more_passages_are_shown_than_are_listed(workspace: Path) -> None:
    result = demarche("labels", "audit", "config.yaml", "stance=null", "--out", "list.csv", "--n", "3")
    shown = [line.split()[0] for line in result.output.splitlines() if line.startswith("article-")]
    assert shown == [row["id"] for row in rows_of("list.csv")]
    assert len(shown) == 3


def test_a_blind_list_shows_neither_the_labels_nor_the_model(workspace: Path) -> None:
    result = demarche("labels", "audit", "config.yaml", "stance=null", "--out", "list.csv", "--n", "30", "--blind")
    assert list(rows_of("list.csv")[0]) == [
        "id", "article", "title", "source", "published", "text",
        "topic_1", "stance_1", "topic_2", "stance_2", "topic_3", "stance_3",
    ]  # fmt: skip
    assert "probability" not in result.output
    assert "least probable" not in result.output


def test_nobody_is_asked_about_a_tie(workspace: Path) -> None:
    passage = train_and_dev()[0]
    _, _, annotations = make_articles()
    (first,) = (each for each in annotations if each.passage == passage)
    second = {"tea", "rain"} - {label.topic for label in first.labels}
    other = Annotation(
        passage=passage,
        annotator="two",
        codebook=BOOK.reference,
        labels=tuple(Label(topic=topic) for topic in second or {"tea"} if topic),
    )
    write_jsonl(Path("annotations.jsonl"), [*annotations, other])
    assert decided()[passage].tied_topics
    demarche("labels", "audit", "config.yaml", "stance=null", "--out", "list.csv", "--n", "1000")
    assert passage not in [row["id"] for row in rows_of("list.csv")]


def test_labels_by_gold_are_named_since_no_annotator_overrides_them(workspace: Path) -> None:
    mislabel(train_and_dev()[:1], annotator="gold")
    result = demarche("labels", "audit", "config.yaml", "stance=null", "--out", "list.csv", "--n", "5")
    assert "note: 1 of these passages is labelled by 'gold'" in result.output


def test_a_run_is_audited_by_its_name_on_the_labels_as_they_are_now(store: Path) -> None:
    trained("stance=null")
    result = demarche("labels", "audit", "tiny", "--out", "list.csv")
    assert result.exit_code == 0, result.output
    assert "changed" not in result.output
    mislabel(train_and_dev()[:1])
    result = demarche("labels", "audit", "tiny", "--out", "list.csv")
    assert "warning: the labels have changed since tiny was trained" in result.output


def test_stances_toward_named_targets_come_back_and_those_left_empty_do_not(workspace: Path) -> None:
    _, passages, annotations = make_articles()
    kept = [
        each.model_copy(
            update={"labels": tuple(Label(target=f"the {each_.topic}", stance=each_.stance) for each_ in each.labels)}
        )
        for each in annotations
        if each.labels
    ]
    write_codebook(Path("codebook.yaml"), Codebook(id="tiny", version="1.0.0", topics=()))
    write_jsonl(Path("annotations.jsonl"), kept)
    write_jsonl(Path("passages.jsonl"), passages)
    result = demarche("labels", "audit", "config.yaml", "topics=null", "--out", "list.csv", "--n", "9")
    assert result.exit_code == 0, result.output
    rows = rows_of("list.csv")
    first = rows[0]
    assert "write the stance toward each target into the empty columns" in result.output
    assert "topic" not in result.output.partition("write ")[2].partition("demarche")[0]
    assert first["target_1"].startswith("the ")
    assert first["stance_1"] == ""
    new = import_filled_in(result.output, Path("list.csv"), {first["id"]: {"stance_1": "neutral"}})
    assert [each.passage for each in new] == [first["id"]]
    assert new[0].labels[0] == Label(target=first["target_1"], stance="neutral")


def test_a_family_that_is_trained_once_is_audited_on_dev_alone(workspace: Path) -> None:
    from tests.conftest import tiny_encoder

    encoder = f"stance={ENCODER.format(tiny_encoder())}"
    result = demarche("labels", "audit", "config.yaml", "topics=null", encoder, "stance.epochs=1", "--out", "list.csv")
    assert result.exit_code == 0, result.output
    assert "warning: stance: this family is not cross-fitted, so only " in result.output
    from training.config import read_config
    from training.prepare import prepare

    dev = {example.passage.id for example in prepare(read_config("config.yaml")).examples_in("dev")}
    assert {row["id"] for row in rows_of("list.csv")} <= dev


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--out", "list.csv"], "no such run"),
        (["missing.yaml", "--out", "list.csv"], "missing.yaml"),
        (["config.yaml", "--out", "list.docx"], "not the name of a table"),
    ],
)
def test_a_mistake_is_one_plain_message(store: Path, arguments: list[str], message: str) -> None:
    result = demarche("labels", "audit", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert not Path("list.csv").exists()
