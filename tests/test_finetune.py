"""Fine-tuning: curves, checkpoints, earlier models to start from, and unusual training data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.codebook import Topic, write_codebook
from labels.errors import DemarcheError
from labels.files import write_jsonl
from models.examples import JointExamples, NoCallback, Query, TopicExamples
from models.families import joint
from models.families.encoder import EncoderTopics, EncoderTopicsSettings
from models.families.joint import Joint, JointSettings, describe
from tests.conftest import BOOK, CPU, ENCODER, REPOSITORY, alone, make_articles, tiny_encoder, train
from tests.faults import file_size_limit
from training.tracking import registry
from training.tracking import runs as tracking
from training.tracking.callback import RunCallback
from training.tracking.client import open_store


def test_loss_and_dev_metrics_of_each_epoch_are_logged_to_the_run(store: Path) -> None:
    result = train(*alone(tiny_encoder()))
    assert result.exit_code == 0, result.output
    (run,) = tracking.runs()
    curve = open_store().get_metric_history(run.id, "training/stance/loss")
    assert [point.step for point in curve] == [1, 2, 3]
    curves = {name for name in run.metrics if name.startswith("training/")}
    assert curves == {f"training/stance/{metric}" for metric in ("loss", "dev/loss", "dev/macro_f1")}
    assert not any(Path(os.environ["DEMARCHE_CACHE"]).glob("checkpoints/*"))


def test_the_members_of_an_average_are_trained_with_different_seeds(store: Path) -> None:
    member = ENCODER.format(tiny_encoder())
    result = train("topics=null", f"stance={{kind: average, of: [{member}, {member}]}}", "tracking.register=null")
    assert result.exit_code == 0, result.output
    (run,) = tracking.runs()
    stance = registry.fetch(f"runs:/{run.id}/tagger").folder / "stance"
    first, second = ((stance / number / "head.safetensors").read_bytes() for number in "01")
    assert first != second
    assert {f"training/stance/member_{number}/dev/macro_f1" for number in (1, 2)} <= run.metrics.keys()


def is_whole(state: Path) -> bool:
    """Whether the state of a checkpoint, which is written last, was written to its end."""
    try:
        json.loads(state.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def test_training_that_was_killed_in_an_epoch_ends_with_the_same_metrics(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = [*alone(tiny_encoder()), "stance.epochs=4", "stance.batch_size=2", "stance.patience=10"]
    monkeypatch.setenv("DEMARCHE_CACHE", str(tmp_path / "cache"))
    command = [sys.executable, "-m", "demarche", "train", "config.yaml", *slow]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    killed = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    checkpoints = tmp_path / "cache" / "checkpoints"
    deadline = time.monotonic() + 120
    while not any(is_whole(state) for state in checkpoints.glob("*/checkpoint-*/trainer_state.json")):
        assert time.monotonic() < deadline
        assert killed.poll() is None, killed.stderr and killed.stderr.read()
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert list(checkpoints.glob("*/checkpoint-*"))
    resuming = train(*slow)
    assert resuming.exit_code == 0, resuming.output
    assert not list(checkpoints.iterdir())
    uninterrupted = train(*slow)
    assert uninterrupted.exit_code == 0, uninterrupted.output
    whole, resumed, stopped = tracking.runs()
    assert stopped.status == "KILLED"
    of_resumed, of_whole = (
        {name: run.metrics[name] for name in run.metrics if "training/" not in name} for run in (resumed, whole)
    )
    assert of_resumed == of_whole
    # The first epoch was not trained again.
    history = open_store().get_metric_history(resumed.id, "training/stance/loss")
    assert min(point.step for point in history) > 1


def test_a_checkpoint_that_cannot_be_written_is_a_one_line_error(tmp_path: Path) -> None:
    class KeepsCheckpoints(NoCallback):
        def checkpoints(self, key: str) -> Path:
            return tmp_path

    examples = TopicExamples(["tea", "rain"] * 8, np.tile([[1.0], [0.0]], (8, 1)), list("ab") * 8)
    settings = EncoderTopicsSettings(kind="encoder", encoder=str(tiny_encoder()), epochs=2, max_length=16)
    with file_size_limit(20_000), pytest.raises(DemarcheError) as raised:
        EncoderTopics(settings, device=CPU).fit(examples, examples, callback=KeepsCheckpoints())
    (message,) = str(raised.value).splitlines()
    assert "the checkpoint cannot be written" in message
    assert "DEMARCHE_CACHE" in message


def test_a_family_that_is_calibrated_on_dev_needs_a_dev_split(store: Path) -> None:
    result = train(*alone(tiny_encoder()), "split.dev=0")
    assert result.exit_code == 2
    assert "stance: this family is calibrated on dev, and dev has no stance labels; raise split.dev" in result.output


def test_texts_of_one_character_and_of_20_000_words_can_be_trained_on() -> None:
    texts = ["a", "teapot " * 20_000, "umbrella", "b", "drizzle", "kettle"]
    examples = TopicExamples(texts, np.array([[0.0], [1.0], [0.0]] * 2), list("abcdef"))
    settings = EncoderTopicsSettings(kind="encoder", encoder=str(tiny_encoder()), epochs=2, batch_size=4, max_length=32)
    model = EncoderTopics(settings, device=CPU).fit(examples, examples, callback=NoCallback())
    assert np.isfinite(model.predict_proba(texts[:3])).all()


def test_200_topics_are_trained_a_few_at_a_time_and_a_new_one_has_a_score_of_its_own() -> None:
    words = ("teapot", "kettle", "umbrella", "drizzle")
    topics = tuple(Topic(id=f"t{n}", name=f"{words[n % 4]} {n}", definition="near the old market") for n in range(200))
    book = BOOK.model_copy(update={"topics": topics})
    y = np.full((40, 200, 4), np.nan)
    y[:, :, 0] = 0.0
    y[np.arange(40), np.arange(40) % 199, 0] = 1.0
    texts = [f"the town about {words[n % 4]}" for n in range(40)]
    settings = JointSettings(encoder=str(tiny_encoder()), epochs=2, max_length=32)
    examples = JointExamples(texts, y, [str(n) for n in range(40)])
    model = Joint(settings, describe(book), device=CPU).fit(examples, examples, callback=NoCallback())
    probabilities = model.predict_proba(texts)
    assert probabilities.shape == (40, 200, 4)
    assert np.isfinite(probabilities).all()
    assert len(np.unique(probabilities[:, 199, 0].round(6))) > 1


@pytest.mark.parametrize("family", ["encoder", "joint", "embedding"])
def test_labels_that_are_all_the_same_are_predicted_for_all(family: str, store: Path) -> None:
    rows = [json.loads(line) for line in Path("annotations.jsonl").read_text().splitlines()]
    write_jsonl(Path("annotations.jsonl"), [row | {"labels": [{"topic": "tea", "stance": "favor"}]} for row in rows])
    result = train(*of_family(family), "tracking.register=null")
    assert result.exit_code == 0, result.output
    (run,) = tracking.runs()
    assert run.metrics["test/stance/accuracy"] == 1.0
    assert run.metrics["test/topics/f1/tea"] == 1.0
    assert "test/topics/f1/rain" not in run.metrics


@pytest.mark.parametrize("family", ["encoder", "joint", "embedding"])
def test_a_codebook_of_80_topics_trains(family: str, store: Path) -> None:
    # More than are drawn for a step (16), and than a joint reader reads at once (64).
    more = tuple(Topic(id=f"t{n}", definition=f"the old market {n}") for n in range(78))
    write_codebook(Path("codebook.yaml"), BOOK.model_copy(update={"topics": (*BOOK.topics, *more)}))
    result = train(*of_family(family), "tracking.register=null")
    assert result.exit_code == 0, result.output
    assert "warning: no gold examples of: t0, t1, t2" in result.output
    (run,) = tracking.runs()
    assert run.metrics["test/topics/micro_f1"] > run.metrics["test/baseline/rules_topics_micro_f1"]


def of_family(name: str) -> list[str]:
    """Overrides that train topics and stance with a family."""
    settings = ENCODER.format(tiny_encoder()).replace("encoder,", f"{name},", 1)
    if name == "embedding":
        settings = f"{{kind: embedding, encoder: {tiny_encoder()}, max_length: 32}}"
    if name == "joint":
        return ["topics=null", "stance=null", f"joint={settings}", "precision=fp32"]
    return [f"topics={settings}", f"stance={settings}", "precision=fp32"]


@given(st.integers(0, 30))
def test_topics_drawn_for_a_step_are_weighted_for_all_that_were_not(present: int) -> None:
    model = Joint(JointSettings(encoder=str(tiny_encoder())), describe(BOOK), device=CPU)
    presence, trained = np.zeros((8, 60)), np.arange(0, 60, 2)
    present_topics = trained[:present]
    presence[0, present_topics] = 1.0
    columns, weight = model._draw_topics(presence, trained)
    assert len(set(columns)) == len(columns) == 16
    assert set(columns) <= set(trained)
    # However many topics the passages have, present and absent ones weigh as much as there are of them.
    is_present = np.isin(columns, present_topics)
    assert weight[is_present].sum() == pytest.approx(len(present_topics))
    assert weight[~is_present].sum() == pytest.approx(len(trained) - len(present_topics))
    if present <= 8:
        assert set(present_topics) <= set(columns)


def test_stances_toward_open_targets_do_not_depend_on_the_batch() -> None:
    model = Joint(JointSettings(encoder=str(tiny_encoder()), max_length=32), describe(BOOK), device=CPU)
    model.start()
    queries = [Query(f"the town {'tea rain '[n % 5 :]}", f"target {n % 7}") for n in range(40)]
    stances = model.stances(queries)
    with mock.patch.object(joint, "_QUERIES_AT_ONCE", 3):
        np.testing.assert_allclose(model.stances(queries), stances, atol=2e-5)
    assert model.stances([]).shape == (0, 3)


def test_a_joint_reader_without_a_stance_in_dev_still_has_a_best_epoch() -> None:
    y = np.full((4, 2, 4), np.nan)
    y[:, :, 0] = 1.0
    worse, better = (joint._metrics(np.full((4, 2, 4), z), y, np.arange(2)) for z in (0.0, 2.0))
    assert better["score"] > worse["score"]
    assert better["dev/loss"] < worse["dev/loss"]


def test_checkpoints_that_nobody_resumed_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMARCHE_CACHE", str(tmp_path))
    kept = tmp_path / "checkpoints"
    in_use = RunCallback(None, None)  # type: ignore[arg-type]
    assert in_use.checkpoints("in use") == kept / "in use"
    for name in ("old", "young"):
        (kept / name).mkdir()
    for name in ("old", "in use"):
        os.utime(kept / name, (0, 0))
    new = RunCallback(None, None)  # type: ignore[arg-type]
    assert new.checkpoints("new") == kept / "new"
    assert {path.name for path in kept.glob("*/")} == {"in use", "young", "new"}


def test_a_second_training_starts_from_the_earlier_model(store: Path) -> None:
    assert train(*alone(tiny_encoder()), "stance.epochs=8").exit_code == 0
    (first,) = tracking.runs()
    still = ["stance.epochs=1", "stance.learning_rate=1.0e-9", "name=second"]
    result = train(*alone(tiny_encoder()), f"stance.init=runs:/{first.id}/tagger", *still)
    assert result.exit_code == 0, result.output
    second, _ = tracking.runs()
    client = open_store()
    ended, began = (client.get_metric_history(run.id, "training/stance/dev/macro_f1") for run in (first, second))
    assert began[0].value == max(point.value for point in ended)
    refused = train(*alone(tiny_encoder()), f"stance.init=runs:/{first.id}/tagger", "split.seed=99")
    assert refused.exit_code == 2
    assert "of the passages (by id) that are in test here; keep its split (split.from)" in refused.output
    # The same test split, but the earlier model was trained on what would calibrate this one.
    refused = train(*alone(tiny_encoder()), f"stance.init=runs:/{first.id}/tagger", "split.dev=0.4")
    assert refused.exit_code == 2
    assert "of the passages (by id) that are in dev here; keep its split (split.from)" in refused.output


def test_the_training_data_of_an_earlier_model_counts_through_those_that_start_from_it(store: Path) -> None:
    assert train(*alone(tiny_encoder()), "stance.epochs=1").exit_code == 0
    (first,) = tracking.runs()
    for name in ("passages", "annotations"):
        text = Path(f"{name}.jsonl").read_text()
        Path(f"others-{name}.jsonl").write_text(text.replace("article-", "other-"))
    others = ["data.passages=others-passages.jsonl", "data.annotations=[others-annotations.jsonl]", "name=second"]
    result = train(*alone(tiny_encoder()), "stance.epochs=1", f"stance.init=runs:/{first.id}/tagger", *others)
    assert result.exit_code == 0, result.output
    second, _ = tracking.runs()
    assert registry.trained_on(second.id) > registry.trained_on(first.id)
    refused = train(*alone(tiny_encoder()), f"stance.init=runs:/{second.id}/tagger", "split.seed=99")
    assert refused.exit_code == 2
    assert "that are in dev here" in refused.output or "that are in test here" in refused.output


def test_what_an_earlier_model_was_trained_on_is_not_evaluated_on(store: Path) -> None:
    assert train(*alone(tiny_encoder()), "stance.epochs=1").exit_code == 0
    (first,) = tracking.runs()
    _, passages, annotations = make_articles(seed=5)
    for name, lines in (("passages", passages), ("annotations", annotations)):
        write_jsonl(Path(f"others-{name}.jsonl"), lines)
        text = Path(f"others-{name}.jsonl").read_text()
        Path(f"others-{name}.jsonl").write_text(text.replace("article-", "other-"))
    others = ["data.passages=others-passages.jsonl", "data.annotations=[others-annotations.jsonl]", "--check"]
    old = "evaluation.old={passages: passages.jsonl, annotations: annotations.jsonl}"
    init = f"stance.init=runs:/{first.id}/tagger"
    assert train(*alone(tiny_encoder()), init, *others).exit_code == 0
    assert train(*alone(tiny_encoder()), old, *others).exit_code == 0
    refused = train(*alone(tiny_encoder()), init, old, *others)
    assert refused.exit_code == 2
    count = len(registry.trained_on(first.id))
    assert f"was trained on {count} of the passages (by id) that are in evaluation.old here; " in refused.output
    assert "remove them from the set, or start from a run on other data" in refused.output


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("MODEL", "stance.init: MODEL: its stance model is of kind 'linear'; start from a model of kind 'encoder'"),
        ("nowhere", "nowhere: no such model folder"),
        ("MODEL stance.cross_fit=true", "stance: init and cross_fit are mutually exclusive"),
        ("runs:/0123456789abcdef/tagger", "runs:/0123456789abcdef/tagger: no such model"),
    ],
)
def test_an_earlier_model_that_cannot_be_started_from_is_an_error_before_any_work(
    init: str, message: str, store: Path, model: Path
) -> None:
    result = train(*alone(tiny_encoder()), *f"stance.init={init.replace('MODEL', str(model))}".split())
    assert result.exit_code == 2
    assert message.replace("MODEL", str(model)) in result.output
    assert tracking.runs() == []


@pytest.mark.slow
def test_an_encoder_tags_like_any_model_in_one_process_and_in_two(store: Path, workspace: Path) -> None:
    joint = f"joint={ENCODER.format(tiny_encoder()).replace('kind: encoder', 'kind: joint')}"
    result = train("topics=null", "stance=null", joint, "precision=fp32", "tracking.register=null")
    assert result.exit_code == 0, result.output
    (run,) = tracking.runs()
    assert run.tags["demarche.device"] == "cpu fp32"
    # More than are tagged before other processes start (256).
    articles, _, _ = make_articles(400, seed=4)
    write_jsonl(workspace / "many.jsonl", articles)
    for jobs in ("1", "2"):
        command = ["tag", "many.jsonl", "--model", f"runs:/{run.id}/tagger", "--out", f"{jobs}.jsonl", "--jobs", jobs]
        tagged = CliRunner().invoke(app, command)
        assert tagged.exit_code == 0, tagged.output
    one, two = ([json.loads(line) for line in (workspace / f"{jobs}.jsonl").read_text().splitlines()] for jobs in "12")
    assert len(one) == len(two) > 3 * len(articles)
    assert [(row["passage"], row["topic"]) for row in one] == [(row["passage"], row["topic"]) for row in two]
