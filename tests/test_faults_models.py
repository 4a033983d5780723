"""Faulty models, runs and stores, and options out of range."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from tests.faults import EVALUATE, TRAIN, Fault, Make, both, check_fault, parameters, put


def harmed_store(statement: str) -> Make:
    def make(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
            connection.execute(statement)
            connection.commit()

    return make


def model_with(name: str, content: bytes, *, sealed: bool = False) -> Make:
    """A copy of the model with one part written anew."""

    def make(folder: Path) -> None:
        from models import saved

        put(f"copy/{name}", content)(folder)
        if sealed:
            saved.seal(folder / "copy")

    return make


FAULTS: dict[str, Fault] = {
    # Models
    "a model of pickles": Fault(
        "tag articles.jsonl --model foreign --out t.csv",
        ("foreign: not a Demarche model", "manifest.json"),
        put("foreign/model.pkl", b"\x80\x04K\x01."),
    ),
    "a model of another library": Fault(
        "evaluate foreign passages.jsonl annotations.jsonl",
        "foreign: not a Demarche model",
        both(
            put("foreign/config.json", '{"model_type": "bert"}'),
            put("foreign/model.safetensors", b"\x08\0\0\0\0\0\0\0{}      "),
        ),
    ),
    "a manifest of something else": Fault(
        "evaluate foreign passages.jsonl annotations.jsonl",
        "foreign/manifest.json: not a Demarche manifest",
        put("foreign/manifest.json", '{"name": "web app"}'),
    ),
    "a manifest nested deep": Fault(
        "evaluate foreign passages.jsonl annotations.jsonl",
        "foreign/manifest.json: not a Demarche manifest",
        put("foreign/manifest.json", "[" * 100_000),
    ),
    "an empty manifest": Fault(
        "evaluate foreign passages.jsonl annotations.jsonl",
        "foreign: not a model that this version can read",
        put("foreign/manifest.json", '{"demarche_model": 1, "files": {}}'),
    ),
    "a byte changed: evaluate": Fault(
        "evaluate copy passages.jsonl annotations.jsonl",
        "copy/tagger.json: changed since",
        model_with("tagger.json", b"{}"),
    ),
    "sealed by something else: settings": Fault(
        "evaluate copy passages.jsonl annotations.jsonl",
        "copy: not a model that this version can read",
        model_with("tagger.json", b'{"colour": 1}', sealed=True),
    ),
    "sealed by something else: weights": Fault(
        "tag articles.jsonl --model copy --out t.csv",
        "copy: not a model that this version can read",
        model_with("topics/weights.safetensors", b"12345678", sealed=True),
    ),
    "a model that is a file": Fault(
        "evaluate config.yaml passages.jsonl annotations.jsonl", "config.yaml: no such model folder"
    ),
    "a model nobody registered": Fault(
        "tag articles.jsonl --model models:/nobody@champion --out t.csv",
        ("models:/nobody@champion: no such model in sqlite:", "registered models: none"),
    ),
    "a version beyond all numbers": Fault(
        "evaluate models:/x/99999999999999999999 passages.jsonl annotations.jsonl", "no such model"
    ),
    "a model address that does not exist": Fault(
        "tag articles.jsonl --model models:/ --out t.csv", "expected models:/NAME@ALIAS"
    ),
    "a model nobody can promote": Fault("runs promote nobody/1", ("nobody/1", "runs list")),
    "a version beyond all numbers that nobody can promote": Fault(
        "runs promote nobody/99999999999999999999", ("nobody/99999999999999999999: no such", "runs list")
    ),
    "a model without a version to go back to": Fault("runs rollback nobody", "nobody: no "),
    "a promotion forced without a reason": Fault("runs promote nobody/1 --force", "--reason"),
    "an alias that MLflow reserves": Fault("runs promote nobody/1 --alias latest", "latest: not an alias"),
    "runs nobody made": Fault("runs compare one other", ("one: no such run", "runs list")),
    "an experiment nobody made": Fault("runs list --experiment none", ("no experiment 'none'", "there are: Default")),
    # Stores
    **{
        f"{what}: {command.split()[0]} {command.split()[1]}": Fault(command, messages, make, env=env)
        for command in (
            TRAIN,
            "runs list",
            "runs compare a b",
            "runs leaderboard",
            "runs promote a/1",
            "runs rollback a",
            "evaluate models:/a@b passages.jsonl annotations.jsonl",
            "tag articles.jsonl --model models:/a@b --out t.csv",
        )
        for what, messages, make, env in (
            (
                "a dead store",
                "http://127.0.0.1:1: the tracking server does not answer",
                lambda folder: None,
                {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"},
            ),
            (
                "a store of an older version",
                ("mlflow.db", "mlflow db upgrade"),
                harmed_store("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'"),
                {},
            ),
        )
    },
    "an address with a blank": Fault(
        "runs list", "http://a b/: the tracking server does not answer", env={"MLFLOW_TRACKING_URI": "http://a b/"}
    ),
    "an address with half a bracket": Fault(
        "runs list", "http://[a: not a valid URL", env={"MLFLOW_TRACKING_URI": "http://[a"}
    ),
    "a port beyond all ports": Fault(TRAIN, "not a valid URL", env={"MLFLOW_TRACKING_URI": "postgresql://a:99999/b"}),
    "a store without a file": Fault(TRAIN, "sqlite://: names no file", env={"MLFLOW_TRACKING_URI": "sqlite://"}),
    "a database of another program": Fault(
        TRAIN,
        "other.db: a database of another program",
        lambda folder: sqlite3.connect(folder / "other.db").execute("CREATE TABLE metrics (a)"),
        env={"MLFLOW_TRACKING_URI": "sqlite:///other.db"},
    ),
    # Options
    "a seed below zero: evaluate": Fault(EVALUATE + " --seed -1", "--seed"),
    "a seed below zero: compare": Fault("runs compare a b --seed -1", "--seed"),
    "more runs than MLflow can list": Fault("runs list --most 99999999", "--most"),
    "a port that does not exist": Fault("ui --port 99999", "--port"),
}


@pytest.mark.parametrize("fault", parameters(FAULTS))
def test_a_faulty_model_or_store_is_reported_in_a_line_and_nothing_is_lost(
    fault: Fault, town: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_fault(fault, town, model, monkeypatch)


def test_a_port_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = CliRunner().invoke(app, ["ui", "--port", str(other.getsockname()[1])])
    assert result.exit_code == 2
    assert "the UI cannot listen on this address" in result.output
