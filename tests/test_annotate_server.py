"""The page to label passages on: nobody else gets in, and its command says what it cannot serve."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from labels.annotate.journal import Journal
from labels.annotate.server import make_app
from labels.codebook import write_codebook
from labels.files import write_jsonl
from labels.passages import Annotation, Label
from tests.conftest import BOOK, demarche
from tests.test_annotate import PORT, TOKEN, journal_of, passages, read, session, unwritable


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with closing(session(tmp_path / "anna.jsonl")) as page:
        app = make_app(page, token=TOKEN, port=PORT, suggest=lambda passage: [Label(topic="rain", stance="against")])
        client = TestClient(app, base_url=f"http://127.0.0.1:{PORT}")
        client.params = {"token": TOKEN}
        yield client


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        ({}, False),
        ({"headers": {"origin": f"http://127.0.0.1:{PORT}", "sec-fetch-site": "same-origin"}}, False),
        ({"headers": {"host": f"localhost:{PORT}"}}, False),
        ({"params": {"token": "another"}}, True),
        ({"params": {"token": "é"}}, True),
        ({"headers": {"host": "news.example"}}, True),
        ({"headers": {"host": f"127.0.0.1:{PORT + 1}"}}, True),
        ({"headers": {"origin": "http://news.example"}}, True),
        ({"headers": {"origin": "null"}}, True),
        ({"headers": {"sec-fetch-site": "cross-site"}}, True),
        ({"headers": {"sec-fetch-site": "same-site"}}, True),
    ],
)
def test_other_hosts_sites_and_tokens_are_refused(client: TestClient, request_: Any, refused: bool) -> None:
    for path in ("/", "/page.js", "/state"):
        response = client.get(path, **request_)
        assert response.status_code == (403 if refused else 200)
        assert "tea" not in response.text or not refused
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]


def test_a_form_of_another_site_cannot_save(client: TestClient) -> None:
    response = client.post(
        "/reading", content='{"passage": "p0", "labels": []}', headers={"content-type": "text/plain"}
    )
    assert response.status_code == 403


def test_the_suggestion_is_given_on_request_and_the_journal_knows(client: TestClient, tmp_path: Path) -> None:
    client.post("/reading", json={"passage": "p1", "labels": [], "revision": 0})
    assert client.post("/suggestion", json={"passage": "p0"}).json()["labels"][0]["topic"] == "rain"
    done = [(action.what, action.passage) for action in Journal(journal_of(tmp_path / "anna.jsonl")).actions]
    assert done == [("read", "p1"), ("suggestion", "p0")]


def test_a_reading_that_is_in_the_journal_alone_is_told_and_shown(client: TestClient, tmp_path: Path) -> None:
    with unwritable(tmp_path / "anna.jsonl"):
        answer = client.post("/reading", json={"passage": "p0", "labels": [], "revision": 0})
        assert answer.status_code == 507
        assert "cannot be written" in answer.json()["error"]
        assert (answer.json()["revision"], answer.json()["reading"]["labels"]) == (1, [])
        undone = client.post("/undo", json={})
        assert (undone.status_code, undone.json()["passage"], undone.json()["reading"]) == (507, "p0", None)
    assert client.post("/reading", json={"passage": "p0", "labels": [], "revision": 2}).status_code == 200
    assert set(read(tmp_path / "anna.jsonl")) == {"p0"}


@pytest.mark.parametrize("body", ["[]", "nonsense", '{"passage": "p0"}', '{"passage": "p0", "revision": "x"}', '{"passage": "p0", "revision": 1e999}', '{"passage": "\\ud83e", "revision": 0}', '{"passage": "p0", "revision": 0, "labels": [], "note": "\\ud83e"}', '{"passage": "p0", "revision": 0, "annotator": "bert"}', '{"revision": 0, "passage": "p0", "labels": [{"topic": 1}]}', "[" * 100_000])  # fmt: skip
def test_a_request_that_is_no_reading_is_answered_with_what_is_wrong(client: TestClient, body: str) -> None:
    for path in ("/reading", "/suggestion"):
        response = client.post(path, content=body, headers={"content-type": "application/json"})
        assert response.status_code == 422 or (path == "/suggestion" and '"p0"' in body)
        assert response.status_code == 200 or response.json()["error"]


def test_a_page_that_is_closed_within_a_request_saves_nothing_of_it(client: TestClient, tmp_path: Path) -> None:
    parts = iter(
        [{"type": "http.request", "body": b'{"passage": "p0"', "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> Any:
        return next(parts)

    async def send(message: Any) -> None:
        pass

    headers = {"host": f"127.0.0.1:{PORT}", "content-type": "application/json"}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/reading",
        "query_string": f"token={TOKEN}".encode(),
    }
    scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]
    assert read(tmp_path / "anna.jsonl") == {}


def test_a_stale_tab_gets_the_present_reading(client: TestClient) -> None:
    client.post("/reading", json={"passage": "p0", "labels": [{"topic": "tea"}], "revision": 0})
    stale = client.post("/reading", json={"passage": "p0", "labels": [], "revision": 0})
    assert stale.status_code == 409
    assert stale.json()["reading"]["labels"][0]["topic"] == "tea"
    assert client.post("/reading", json={"passage": "p0", "labels": [], "revision": 1}).status_code == 200


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_codebook(tmp_path / "codebook.yaml", BOOK)
    write_jsonl(tmp_path / "passages.jsonl", passages())
    return tmp_path


def test_the_command_refuses_what_it_cannot_serve(files: Path) -> None:
    arguments = ["labels", "annotate", "passages.jsonl", "--annotator", "anna", "--codebook", "codebook.yaml"]
    refused = demarche(*arguments, "--out", "anna.csv")
    assert refused.exit_code == 2
    assert "JSON lines are written here" in refused.output
    for options, message in (
        (["anna", "--out", "passages.jsonl"], "is an input and would be overwritten"),
        ([" ", "--out", "anna.jsonl"], "annotator ' '"),
        (["../anna", "--out", "anna.jsonl"], "annotator '../anna'"),
    ):
        named = ["labels", "annotate", "passages.jsonl", "--codebook", "codebook.yaml", "--annotator", *options]
        assert message in demarche(*named).output
    assert not list(files.glob("*.jsonl.*"))
    write_codebook(files / "targets.yaml", BOOK.model_copy(update={"topics": ()}))
    no_topics = demarche(*arguments[:-1], "targets.yaml", "--out", "anna.jsonl")
    assert no_topics.exit_code == 2
    assert "has no topics" in no_topics.output
    write_jsonl(files / "done.jsonl", [Annotation(passage=f"p{n}", annotator="anna", codebook=BOOK.reference, labels=()) for n in range(3)])  # fmt: skip
    done = demarche(*arguments, "--out", "done.jsonl", "--next", "2")
    assert done.exit_code == 2
    assert "all passages are read" in done.output


def test_ctrl_c_ends_the_page_and_says_where_the_annotations_are(files: Path) -> None:
    older = BOOK.model_copy(update={"version": "1.0.9"}).reference
    write_jsonl(files / "anna.jsonl", [Annotation(passage="p0", annotator="anna", codebook=older, labels=())])
    command = [sys.executable, "-m", "demarche", "labels", "annotate", "passages.jsonl", "--annotator", "anna"]
    command += ["--codebook", "codebook.yaml", "--out", "anna.jsonl"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    printed = [process.stdout.readline() for _ in range(3)]
    assert printed[0] == "2 of 3 passages to read, on this page:\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(timeout=30) == 130
    *_, where, check, command_line = rest.splitlines()
    assert (where, check) == ("1 of 3 passages read; annotations in anna.jsonl", "check them with:")
    assert f"made with {older}, which stay so" in process.stderr.read()
    assert demarche(*command_line.split()[1:]).exit_code == 0
