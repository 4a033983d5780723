"""A tagger suggests labels to Label Studio: with the tasks of a project, and as its machine-learning backend."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from labels.codebook import Codebook, Topic
from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.passages import Passage
from labels.tools.label_studio import configuration, export
from labels.tools.work import prepare
from models.tagger import Tagger
from tagging.label_studio_backend import Backend, application
from tagging.rows import Names, rows_of
from tagging.suggestions import suggestion_of, suggestions_of
from tests.conftest import BOOK, make_articles

PASSAGES = make_articles(4, seed=9)[1]


@pytest.fixture(scope="module")
def tagger(model: Path) -> Tagger:
    return Tagger.load(model)


@pytest.fixture
def backend(tagger: Tagger) -> Backend:
    return Backend(
        BOOK, lambda passages: [suggestion_of(tags, "tagger v3") for tags in tagger.tag(passages)], "tagger v3"
    )


def ask(backend: Backend, path: str, body: Any = None) -> tuple[int, Any]:
    """Send a request to the application as a server does, and return the status and the answer."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET" if body is None else "POST", "path": path, "query_string": b"", "headers": [],
        "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 9090), "root_path": "",
    }  # fmt: skip
    asyncio.run(application(backend)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def tasks(folder: Path, book: Codebook = BOOK) -> list[dict[str, Any]]:
    lost: Counter[str] = Counter()
    export(folder, book, prepare(book, PASSAGES, [], {}, lost), lost)
    return [{"id": n, **each} for n, each in enumerate(json.loads((folder / "tasks.json").read_text()), start=1)]


def topics(prediction: dict[str, Any]) -> list[str]:
    return [
        topic for each in prediction["result"] if each["from_name"] == "topics" for topic in each["value"]["choices"]
    ]


def test_a_model_answers_label_studio(backend: Backend, tagger: Tagger, tmp_path: Path) -> None:
    assert ask(backend, "/health")[1]["status"] == "UP"
    setup = {"project": "1.2", "schema": configuration(BOOK), "hostname": "", "access_token": "x", "extra_params": None}
    assert ask(backend, "/setup", setup) == (200, {"model_version": "tagger v3"})
    status, answer = ask(backend, "/predict", {"tasks": tasks(tmp_path), "label_config": configuration(BOOK)})
    assert status == 200
    assigned = [[tag.topic for tag in tags if tag.assigned] for tags in tagger.tag(PASSAGES)]
    assert [topics(each) for each in answer["results"]] == assigned
    assert any(assigned)
    assert all(each["model_version"] == "tagger v3" for each in answer["results"])


def test_the_project_of_another_codebook_gets_no_predictions(backend: Backend, tmp_path: Path) -> None:
    other = Codebook(id="village", version="1.0.0", topics=(Topic(id="tea"), Topic(id="rain")))
    assert ask(backend, "/setup", {"schema": "<View><Text name='t' value='$text'/></View>"})[0] == 400
    status, answer = ask(backend, "/predict", {"tasks": tasks(tmp_path, other)})
    assert status == 400
    assert "task 1: of a project with codebook village@1.0.0, not tiny@1.0.0" in answer["error"]


@pytest.mark.parametrize("body", [[], {"tasks": "x"}, {"tasks": [1]}, {"tasks": [{"data": {"text": "Tea."}}]}])
def test_a_request_that_is_none_of_label_studio_is_refused(body: Any, backend: Backend) -> None:
    assert ask(backend, "/predict", body)[0] == 400


def tags_file(folder: Path, tagger: Tagger, passages: list[Passage], codebook: str = BOOK.reference) -> Path:
    names = Names("tagger v3", codebook, None)
    rows = [
        row
        for passage, tags in zip(passages, tagger.tag(passages), strict=True)
        for row in rows_of(passage, tags, skipped_as=None, language="en", names=names).tags
    ]
    write_jsonl(folder / "tags.jsonl", map(dict, rows))
    return folder / "tags.jsonl"


def test_tags_become_the_same_suggestions_as_the_model_itself_makes(tagger: Tagger, tmp_path: Path) -> None:
    lost: Counter[str] = Counter()
    other = PASSAGES[0].model_copy(update={"text": "x", "end": PASSAGES[0].start + 1})
    suggestions = suggestions_of(tags_file(tmp_path, tagger, PASSAGES[:-1]), BOOK, [other, *PASSAGES[1:]], lost)
    assert +lost == {"tagged passages with another text": 1, "passages without tags": 1}
    direct = {p.id: suggestion_of(tags, "tagger v3") for p, tags in zip(PASSAGES, tagger.tag(PASSAGES), strict=True)}
    assert {id: each.marks for id, each in suggestions.items()} == {id: direct[id].marks for id in suggestions}
    scores = [(each.score, direct[id].score) for id, each in suggestions.items() if each.score is not None]
    assert all(own == pytest.approx(score, abs=1e-5) for own, score in scores)


def test_a_file_of_passages_may_be_tagged_as_articles(tagger: Tagger, tmp_path: Path) -> None:
    cut = [p.model_copy(update={"article": p.id, "id": f"{p.id}#1", "start": 0, "end": len(p.text)}) for p in PASSAGES]
    lost: Counter[str] = Counter()
    assert set(suggestions_of(tags_file(tmp_path, tagger, cut), BOOK, PASSAGES, lost)) == {p.id for p in PASSAGES}
    assert not +lost


def test_tags_of_another_codebook_are_no_suggestions(tagger: Tagger, tmp_path: Path) -> None:
    tags = tags_file(tmp_path, tagger, PASSAGES, "village@1.0.0")
    with pytest.raises(DemarcheError, match=r"a model with codebook village@1\.0\.0, not tiny"):
        suggestions_of(tags, BOOK, PASSAGES, Counter())
    with pytest.raises(DemarcheError, match="no row is about one of these passages"):
        suggestions_of(tags_file(tmp_path, tagger, PASSAGES[:1]), BOOK, PASSAGES[1:], Counter())
