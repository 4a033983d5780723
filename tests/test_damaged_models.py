"""A model whose parts were changed and sealed anew gives sound tags or a DemarcheError: nothing else, and never a hang."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from labels.errors import DemarcheError
from labels.gold.adjudication import Target
from labels.passages import Passage
from models import saved
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.familiarity import Familiarity
from models.families.joint import Joint
from models.reader import OnePass, Reader, TwoStage
from models.tagger import Tagger, TaggerSettings
from tests.conftest import BOOK
from tests.families import FAMILIES, WITH_ENCODER, JointTask, fitted

# One process runs all of them, so that each model is fitted once.
pytestmark = pytest.mark.xdist_group("families")
EACH = int(os.environ.get("DAMAGES", "3"))
"""Damages of each kind that are tried on each file."""
TEXTS = ["The council praises the teapot and the kettle", "An umbrella, a drizzle", "茶 🫖", "tea " * 60, "x" * 900]
PASSAGES = [Passage(id=str(n), article="a", text=text, start=0, end=len(text)) for n, text in enumerate(TEXTS)]
TARGETS = [Target("tea"), Target("rain"), Target(None, "Bob", (0, 2)), None, Target(None, "x" * 500)]
WEIRD = [None, True, -1, 0, 3, 10**400, 1e300, float("nan"), float("inf"), "", "x", "\0\x1b[2J", [], [1], {}, {"x": 1}]

Random = random.Random


def tagger(task: str, name: str) -> Tagger:
    model = fitted(task, name, brief=True)
    reader: Reader
    if isinstance(model, JointTask):
        reader = OnePass(model.joint)
    else:
        reader = TwoStage(model, None) if task == "topics" else TwoStage(None, model)
    settings = TaggerSettings(
        input=("text",),
        review=0.1,
        topic_calibration=TopicCalibration(curves=(Platt(), Platt()), thresholds=(0.3, 0.3))
        if reader.reads_topics
        else None,
        stance_calibration=StanceCalibration() if reader.reads_stance else None,
        languages=("en",),
        familiarity=Familiarity(words=("council", "teapot", "the"), mean=0.9, lowest=0.1),
    )
    return Tagger(BOOK, reader, settings)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    @cache
    def save(task: str, name: str) -> Path:
        folder = tmp_path_factory.mktemp("sound") / "model"
        tagger(task, name).save(folder)
        return folder

    return save


# Damages of JSON


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a JSON value, of long lists only the first ones."""
    parts = value.items() if isinstance(value, dict) else enumerate(value[:9]) if isinstance(value, list) else ()
    for key, part in list(parts)[:300]:
        yield (*path, key)
        yield from places(part, (*path, key))


def change(value: Any, rng: Random, *, holds: type | tuple[type, ...], by: Callable[[Any, Any], None]) -> Any:
    """Change one value in JSON, one that stands in a container of the type `holds`."""
    found = [place for place in places(value) if isinstance(_at(value, place[:-1]), holds)]
    if found:
        *path, key = rng.choice(found)
        by(_at(value, path), key)
    return value


def _at(value: Any, path: Any) -> Any:
    for key in path:
        value = value[key]
    return value


def _rename(container: Any, key: Any) -> None:
    container[f"{key}s"] = container.pop(key)


JSON_DAMAGES: dict[str, Callable[[Any, Random], Any]] = {
    "a key dropped": lambda v, rng: change(v, rng, holds=dict, by=lambda c, key: c.pop(key)),
    "a key renamed": lambda v, rng: change(v, rng, holds=dict, by=_rename),
    "an entry dropped": lambda v, rng: change(v, rng, holds=list, by=lambda c, key: c.pop(key)),
    "an entry twice": lambda v, rng: change(v, rng, holds=list, by=lambda c, key: c.append(c[key])),
    "a value of another type": lambda v, rng: change(
        v, rng, holds=(dict, list), by=lambda c, key: c.__setitem__(key, rng.choice(WEIRD))
    ),
    "something else": lambda v, rng: rng.choice(WEIRD),
}

# Damages of arrays


def _one(arrays: dict[str, Any], rng: Random, make: Callable[[Any], Any]) -> dict[str, Any]:
    name = rng.choice(sorted(arrays))
    return arrays | {name: np.ascontiguousarray(make(arrays[name]))}


def _with(value: float) -> Callable[[Any], Any]:
    def make(array: Any) -> Any:
        array = array.copy()
        array.reshape(-1)[array.size // 2] = value
        return array

    return make


ARRAY_DAMAGES: dict[str, Callable[[dict[str, Any], Random], dict[str, Any]]] = {
    "not a number": lambda a, rng: _one(a, rng, _with(math.nan)),
    "infinite": lambda a, rng: _one(a, rng, _with(-math.inf)),
    "overflowing": lambda a, rng: _one(a, rng, _with(3e38)),
    "halves": lambda a, rng: _one(a, rng, lambda x: x.astype(np.float16)),
    "doubles or singles": lambda a, rng: _one(a, rng, lambda x: x.astype(np.float32 if x.itemsize > 4 else np.float64)),
    "whole numbers": lambda a, rng: _one(a, rng, lambda x: x.astype(np.int64)),
    "a row less": lambda a, rng: _one(a, rng, lambda x: x[:-1]),
    "a column less": lambda a, rng: _one(a, rng, lambda x: x[..., :-1]),
    "an axis more": lambda a, rng: _one(a, rng, lambda x: x[None]),
    "flat": lambda a, rng: _one(a, rng, lambda x: x.reshape(-1)),
    "turned": lambda a, rng: _one(a, rng, lambda x: x.T),
    "empty": lambda a, rng: _one(a, rng, lambda x: x[:0]),
    "twice": lambda a, rng: _one(a, rng, lambda x: np.concatenate([x, x])),
    "an array missing": lambda a, rng: {name: a[name] for name in sorted(a)[1:]},
    "an array more": lambda a, rng: a | {"more": np.zeros(3, np.float32)},
}

# Damages of any file

BYTE_DAMAGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "cut short": lambda raw, rng: raw[: rng.randrange(len(raw))],
    "empty": lambda raw, rng: b"",
    "a byte changed": lambda raw, rng: (
        raw[: (at := rng.randrange(len(raw)))] + bytes([rng.randrange(256)]) + raw[at + 1 :]
    ),
    "noise": lambda raw, rng: rng.randbytes(300),
    "nested deep": lambda raw, rng: b"[" * 100_000,
    "a header beyond the file": lambda raw, rng: b"\xff" * 8 + raw[8:],
}


def damages(file: Path) -> dict[str, Callable[[Random], None]]:
    """Return the name of each damage of a file → a function that does it."""

    def of_bytes(damage: Callable[[bytes, Random], bytes], rng: Random) -> None:
        file.write_bytes(damage(file.read_bytes(), rng))

    def of_json(damage: Callable[[Any, Random], Any], rng: Random) -> None:
        file.write_text(json.dumps(damage(json.loads(file.read_bytes()), rng)), encoding="utf-8")

    def of_arrays(damage: Callable[[dict[str, Any], Random], dict[str, Any]], rng: Random) -> None:
        save_file(damage(load_file(file), rng), file, {"format": "pt"})

    every: dict[str, Callable[[Random], None]] = {"missing": lambda rng: file.unlink()}
    every |= {name: partial(of_bytes, damage) for name, damage in BYTE_DAMAGES.items()}
    if file.suffix == ".json":
        every |= {name: partial(of_json, damage) for name, damage in JSON_DAMAGES.items()}
    if file.suffix == ".safetensors":
        every |= {name: partial(of_arrays, damage) for name, damage in ARRAY_DAMAGES.items()}
    return every


def check(folder: Path) -> str | None:
    """Load a model and tag with it. Return the message of a DemarcheError; any other exception fails the test."""
    message, tags = None, []
    try:
        loaded = Tagger.load(folder)
        tags = [tag for of_passage in loaded.tag(PASSAGES, TARGETS) for tag in of_passage]
    except DemarcheError as error:
        message = str(error)
    assert message is None or all(line.isprintable() for line in message.split("\n"))
    for tag in tags:
        assert tag.topic_probability is None or 0 <= tag.topic_probability <= 1
        assert tag.stances is None or sum(tag.stances) == pytest.approx(1)
    return message


def own_files(folder: Path) -> list[Path]:
    """The files of a model's family, except those of its encoder."""
    files = (path for path in folder.rglob("*/*") if path.is_file() and path.parent.name != saved.ENCODER)
    return sorted(path.relative_to(folder) for path in files)


def encoder_files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob(f"{saved.ENCODER}/*"))


def try_all(sound: Path, files: list[Path], folder: Path, *, each: int) -> dict[str, str | None]:
    """Return the outcome of every damage of the files."""
    assert check(sound) is None
    outcomes = {}
    for file in files:
        for name in damages(sound / file):
            for number in range(each):
                shutil.rmtree(folder, ignore_errors=True)
                shutil.copytree(sound, folder)
                damages(folder / file)[name](Random(f"{file} {name} {number}"))
                saved.seal(folder)
                outcomes[f"{file}: {name}, {number}"] = check(folder)
    return outcomes


@pytest.mark.parametrize(
    ("task", "name"), [(task, name) for task, name in FAMILIES if task != "stance with spans" or name == "linear"]
)
def test_a_damaged_model_gives_sound_tags_or_an_error(
    task: str, name: str, models: Callable[[str, str], Path], tmp_path: Path
) -> None:
    sound = models(task, name)
    outcomes = try_all(
        sound, own_files(sound), tmp_path / "model", each=(EACH + 2) // 3 if name in WITH_ENCODER else EACH
    )
    for what in ("not a number", "infinite", "a row less", "a column less", "turned", "missing", "whole numbers"):
        for place, message in outcomes.items():
            if f".safetensors: {what}," in place and "turned" not in place:
                assert message is not None, place
    assert all(message for place, message in outcomes.items() if "cut short" in place or "empty" in place)


def test_damaged_settings_of_a_tagger_give_sound_tags_or_an_error(
    models: Callable[[str, str], Path], tmp_path: Path
) -> None:
    for task in ("topics", "stance"):
        outcomes = try_all(models(task, "majority"), [Path("tagger.json")], tmp_path / "model", each=5 * EACH)
        assert all(message for place, message in outcomes.items() if "cut short" in place or "renamed" in place)


@pytest.mark.parametrize("name", ["embedding", "zero_shot"])
def test_a_damaged_encoder_gives_sound_tags_or_an_error(
    name: str, models: Callable[[str, str], Path], tmp_path: Path
) -> None:
    sound = models("topics", name)
    outcomes = try_all(sound, encoder_files(sound), tmp_path / "model", each=(EACH + 2) // 3)
    for place, message in outcomes.items():
        if "model.safetensors" in place and any(what in place for what in ("not a number", "missing", "column less")):
            assert message is not None, place


@pytest.mark.parametrize(
    "manifest",
    ["[]", "{}", '{"demarche_model": 1}', '{"demarche_model": 1, "files": [[1, 2]]}', '{"demarche_model": "x", "files": {}}',
     '{"demarche_model": 1, "files": {"a": 1}}', '{"demarche_model": 1, "files": [["a", "b"], [1, "c"]]}',
     '{"demarche_model": 1, "files": {"\\u001b[2J": "x"}}', '{"demarche_model": 1, "files": {"../../a": "x"}}', "[" * 9999],
)  # fmt: skip
def test_a_manifest_of_anything_else_is_an_error(
    manifest: str, models: Callable[[str, str], Path], tmp_path: Path
) -> None:
    shutil.copytree(models("topics", "majority"), tmp_path / "model")
    (tmp_path / "model" / saved.MANIFEST).write_text(manifest, encoding="utf-8")
    assert check(tmp_path / "model") is not None


def test_parts_of_two_models_are_not_mixed(models: Callable[[str, str], Path], tmp_path: Path) -> None:
    shutil.copytree(models("topics", "linear on words"), tmp_path / "model")
    other = models("topics", "linear") / "topics"
    for name in ("vocabulary.json", "weights.safetensors", "family.json"):
        shutil.rmtree(tmp_path / "model")
        shutil.copytree(models("topics", "linear on words"), tmp_path / "model")
        shutil.copy(other / name, tmp_path / "model" / "topics" / name)
        saved.seal(tmp_path / "model")
        # Settings that leave no n-grams out fit a vocabulary without some.
        assert (check(tmp_path / "model") is None) == (name == "family.json")


def test_a_model_of_another_codebook_is_an_error(models: Callable[[str, str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(models("topics", "linear on words"), folder)
    text = (folder / "codebook.yaml").read_text(encoding="utf-8")
    (folder / "codebook.yaml").write_text(text + "- id: snow\n", encoding="utf-8")
    saved.seal(folder)
    assert "different numbers of topics" in (check(folder) or "")


def test_a_joint_reader_counts_its_topics(models: Callable[[str, str], Path]) -> None:
    reader = Tagger.load(models("topics", "joint")).reader
    assert isinstance(reader, OnePass)
    assert isinstance(reader.joint, Joint)
    assert reader.topics([]).shape == (0, len(BOOK.topics))
