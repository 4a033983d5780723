"""The registered model behind `mlflow models serve`, as the README starts it, and what it needs installed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from labels.gold.adjudication import adjudicate
from models.examples import NoCallback
from tests.conftest import BOOK, REPOSITORY, make_articles, tiny_encoder
from tests.test_tagging import RUSSIAN
from tests.test_train import trained
from training.config import read_config
from training.fit import fit
from training.tracking.run import pip_requirements

IMPORTED = """
import builtins, os, sys
from types import SimpleNamespace

real, imported = builtins.__import__, set()

def note(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and (globals or {}).get("__name__", "").split(".")[0] in ("labels", "models", "training"):
        imported.add(name.split(".")[0])
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = note
from training.tracking.serving import ServedTagger

served = ServedTagger()
served.load_context(SimpleNamespace(artifacts={"tagger": sys.argv[1]}))
served.predict(["The council praises the teapot, the kettle and the samovar."])
assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
print(*(imported & sys.modules.keys()) - set(sys.stdlib_module_names) - {"labels", "models", "training"})
"""


@pytest.mark.parametrize("family", ["linear", pytest.param("embedding", marks=pytest.mark.slow)])
def test_the_requirements_are_the_packages_that_serving_imports(family: str, model: Path, workspace: Path) -> None:
    if family == "embedding":
        model = workspace / "model"
        config = read_config("config.yaml", [f"topics={{kind: embedding, encoder: {tiny_encoder()}}}"])
        _, passages, annotations = make_articles(20)
        examples = adjudicate(passages, annotations)
        fit(config, BOOK, examples[:45], examples[45:], callback=NoCallback()).tagger.save(model)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    environment.pop("MLFLOW_DISABLE_TELEMETRY")
    modules = subprocess.run(
        [sys.executable, "-c", IMPORTED, str(model)], env=environment, check=True, capture_output=True, text=True
    ).stdout.split()
    packages = {{"sklearn": "scikit-learn", "yaml": "pyyaml"}.get(module, module) for module in modules}
    assert {line.partition("==")[0] for line in pip_requirements(model)} == packages


def test_a_registered_model_answers_for_a_list_of_texts(store: Path) -> None:
    trained()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bin = Path(sys.executable).parent
    command = [str(bin / "mlflow"), "models", "serve", "--env-manager", "local", "-m", "models:/tiny-tagger@champion"]
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{store}", "PATH": f"{bin}:{os.environ['PATH']}"}
    with Path("serve.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "-p", str(port)], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        answer = _ask(port, ["The council praises the teapot, the kettle and the samovar.", "A goal.", " ", RUSSIAN])
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=30)
    tea, nothing, blank, russian = answer
    assert [(tag["topic"], tag["stance"]) for tag in tea["tags"] if tag["assigned"]] == [("tea", "favor")]
    assert tea["language"] == "en"
    assert not any(tag["assigned"] for tag in nothing["tags"])
    assert blank == {"language": None, "other_language": False, "tags": []}
    assert russian == {"language": "ru", "other_language": True, "tags": []}


def _ask(port: int, texts: list[str]) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        json.dumps({"inputs": texts}).encode(),
        {"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                predictions: list[dict[str, Any]] = json.load(response)["predictions"]
                return predictions
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise AssertionError(Path("serve.log").read_text()) from None
            time.sleep(0.3)
