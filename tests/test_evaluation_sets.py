"""A config may name sets that a model is evaluated on and never learns from."""

from __future__ import annotations

import json
from pathlib import Path

from labels.files import write_jsonl
from tests.conftest import demarche, make_articles, trained
from training.config import read_config
from training.evaluation.predictions import read_predictions
from training.prepare import prepare
from training.tracking import runs as tracking
from training.tracking.client import open_store


def more_articles(workspace: Path, name: str = "more", *, seed: int = 2) -> str:
    """Write another labelled data set, of other articles, and return the override that evaluates a config on it."""
    _, passages, annotations = make_articles(20, seed=seed)
    write_jsonl(
        workspace / f"{name}_passages.jsonl",
        [p.model_copy(update={"id": f"{name}-{p.id}", "article": f"{name}-{p.article}"}) for p in passages],
    )
    write_jsonl(
        workspace / f"{name}_annotations.jsonl",
        [a.model_copy(update={"passage": f"{name}-{a.passage}"}) for a in annotations],
    )
    return f"evaluation.{name}={{passages: {name}_passages.jsonl, annotations: {name}_annotations.jsonl}}"


def change(file: Path, number: int, **fields: object) -> None:
    """Change fields of one line of a file of JSON lines."""
    lines = file.read_text().splitlines()
    lines[number] = json.dumps(json.loads(lines[number]) | fields)
    file.write_text("\n".join(lines) + "\n")


def test_a_config_may_name_another_set_to_be_evaluated_on(store: Path, workspace: Path) -> None:
    output = trained(more_articles(workspace)).output
    assert "on more" in output
    assert "on test" in output
    (run,) = tracking.runs()
    assert run.metrics["more/topics/micro_f1"] > 0.9
    assert run.tags["interval/more/joint/micro_f1"].startswith(f"{run.metrics['more/joint/micro_f1']:.3f} [")
    assert "more/baseline/majority_stance_macro_f1" in run.metrics
    predictions = read_predictions(tracking.fetch_artifact(run.id, "predictions/more.jsonl"))
    assert len(predictions) == 60
    value = f"{run.metrics['more/topics/micro_f1']:.3f}"
    # The columns of the set come before those of test.
    assert f"| topics/micro_f1 &nbsp; | {value} [" in run.tags["mlflow.note.content"]


def test_a_run_records_the_sets_that_it_was_evaluated_on(store: Path, workspace: Path) -> None:
    sets = [more_articles(workspace), more_articles(workspace, "far", seed=3)]
    trained(*sets, "stance=null")
    (run,) = tracking.runs()
    inputs = open_store().get_run(run.id).inputs.dataset_inputs
    digests = {each.tags[0].value: each.dataset.digest for each in inputs}
    assert digests.keys() == {"train", "dev", "test", "more", "far"}
    names = {each.tags[0].value: each.dataset.name for each in inputs}
    assert names["more"] == "more_passages"
    assert run.tags["demarche.evaluation"] == f"far={digests['far']} more={digests['more']}"
    assert run.tags["demarche.data"] == prepare(read_config("config.yaml")).data.digest()


def test_what_was_trained_on_is_not_evaluated_on(store: Path, workspace: Path) -> None:
    prepared = prepare(read_config("config.yaml"))
    learned = [*prepared.examples_in("train"), *prepared.examples_in("dev")]
    one, two, three = (learned[number].passage for number in (0, 6, -1))
    overrides = [more_articles(workspace), more_articles(workspace, "far", seed=3)]
    for name in ("more", "far"):
        text = one.text.upper() + " Twice."
        change(workspace / f"{name}_passages.jsonl", 4, text=text, start=0, end=len(text))
    change(workspace / "more_passages.jsonl", 7, article=two.article)
    change(workspace / "more_passages.jsonl", 8, group=two.article)
    change(workspace / "more_passages.jsonl", 9, id=three.id)
    change(workspace / "more_annotations.jsonl", 9, passage=three.id)
    result = demarche("train", "config.yaml", *overrides)
    assert result.exit_code == 2
    more, far = result.output.splitlines()
    assert "evaluation.more: 4 passages are in train or dev, or in an article of theirs, or nearly the same" in more
    assert f"'more-article-001#2' (nearly {one.id!r})" in more
    assert f"'more-article-002#2' (article {two.article!r}), 'more-article-002#3' (group {two.article!r})" in more
    assert f"{three.id!r} (the same id)" in more
    assert more.endswith("; remove them from the set or from the training data")
    assert far.startswith(
        "evaluation.far: 1 passage is in train or dev, or in an article of theirs, or nearly the same"
    )
    assert f": 'far-article-001#2' (nearly {one.id!r}); remove it from" in far
    assert tracking.runs() == []


def test_a_long_list_of_passages_that_were_trained_on_is_cut_short(workspace: Path) -> None:
    result = demarche(
        "train", "config.yaml", "evaluation.same={passages: passages.jsonl, annotations: annotations.jsonl}", "--check"
    )
    assert result.exit_code == 2
    assert result.output.count("(the same id)") == 20
    assert "(the same id), …; remove them" in result.output


def test_a_passage_without_labels_may_be_one_that_was_trained_on(workspace: Path) -> None:
    override = more_articles(workspace)
    learned = prepare(read_config("config.yaml")).examples_in("train")[0].passage
    with (workspace / "more_passages.jsonl").open("a") as file:
        file.write(learned.model_dump_json() + "\n")
    assert demarche("train", "config.yaml", override, "--check").exit_code == 0


def test_a_set_without_gold_is_reported_before_any_work(workspace: Path) -> None:
    override = more_articles(workspace)
    gold = workspace / "more_annotations.jsonl"
    lines = [json.loads(line) for line in gold.read_text().splitlines()]
    for line in lines:
        line["labels"] = [{"topic": label["topic"]} for label in line["labels"] if label["topic"] == "tea"]
    write_jsonl(gold, lines)
    result = demarche("train", "config.yaml", override, "--check")
    assert result.exit_code == 2
    assert "evaluation.more: has no stances; " in result.output
    result = demarche("train", "config.yaml", override, "--check", "stance=null")
    assert result.exit_code == 0
    assert (
        "warning: evaluation.more: no gold examples of: rain; how well they are found is not measured" in result.output
    )
    tied = [
        line | {"annotator": who, "labels": labels}
        for line in lines
        for who, labels in (("a", []), ("b", [{"topic": "tea"}]))
    ]
    write_jsonl(gold, tied)
    result = demarche("train", "config.yaml", override, "--check", "stance=null")
    assert result.exit_code == 2
    assert "evaluation.more: has a tied topic in every passage; adjudicate some" in result.output


def test_warnings_about_a_set_are_reported(workspace: Path) -> None:
    override = more_articles(workspace)
    gold = workspace / "more_annotations.jsonl"
    gold.write_text(gold.read_text().replace("tiny@1.0.0", "tiny@1.0.1"))
    result = demarche("train", "config.yaml", override, "--check")
    assert "warning: more_annotations.jsonl:1: made with tiny@1.0.1" in result.output
    assert prepare(read_config("config.yaml", [override])).data.warnings == []
