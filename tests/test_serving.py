"""The registered model behind `mlflow models serve`, as the README starts it."""

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

from tests.test_tagging import RUSSIAN
from tests.test_train import trained


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
        said = _ask(port, ["The council praises the teapot, the kettle and the samovar.", "A goal.", " ", RUSSIAN])
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=30)
    tea, nothing, blank, russian = said
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
            with urllib.request.urlopen(request, timeout=30) as answer:
                found: list[dict[str, Any]] = json.load(answer)["predictions"]
                return found
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise AssertionError(Path("serve.log").read_text()) from None
            time.sleep(0.3)
