"""Serve the page to a browser on this machine, and to nobody else."""

from __future__ import annotations

import html
import secrets
from collections.abc import Awaitable, Callable, Sequence
from importlib import resources
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from labels.annotate.session import NotWritten, Reading, Session, Stale
from labels.codebook import Codebook
from labels.errors import DemarcheError, explain
from labels.files import load_json
from labels.passages import Annotation, Label, Passage

HOST = "127.0.0.1"
Suggest = Callable[[Passage], Sequence[Label]]
"""Returns what a model says of a passage."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TYPES = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
_SHOWN = {"id", "text", "title", "source", "published"}
_LARGEST = 1_000_000
"""Maximum size of a request in bytes."""


def new_token() -> str:
    """Return a token that nobody guesses, for the address of a page."""
    return secrets.token_urlsafe(24)


def make_app(session: Session, *, token: str, port: int, suggest: Suggest | None = None) -> Starlette:
    """Return the web app of a page. Every request needs the token; those of other hosts and sites are refused."""
    page = _Page(session, token, suggest)
    app = Starlette(
        routes=[
            Route("/", page.file),
            Route("/page.css", page.file),
            Route("/page.js", page.file),
            Route("/state", page.state),
            Route("/reading", page.reading, methods=["POST"]),
            Route("/undo", page.undo, methods=["POST"]),
            Route("/suggestion", page.suggestion, methods=["POST"]),
        ]
    )
    app.add_middleware(BaseHTTPMiddleware, dispatch=_Guard(token, port))
    return app


class _Guard:
    """Refuses requests without the token, and those that another site or another name of this machine makes."""

    def __init__(self, token: str, port: int):
        self.token = token
        self.hosts = {f"{HOST}:{port}", f"localhost:{port}"}

    async def __call__(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        what = self._refusal(request)
        response = PlainTextResponse(what, status_code=403) if what else await answer(request)
        response.headers.update(_HEADERS)
        return response

    def _refusal(self, request: Request) -> str | None:
        headers = request.headers
        if headers.get("host") not in self.hosts:
            return "refused: the page has another address; open the one that the command printed"
        origin = headers.get("origin")
        if origin is not None and origin not in {f"http://{host}" for host in self.hosts}:
            return "refused: a request from another site"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "refused: a request from another site"
        if not secrets.compare_digest(request.query_params.get("token", "").encode(), self.token.encode()):
            return "refused: without the token; open the address that the command printed"
        if request.method == "POST" and headers.get("content-type", "").partition(";")[0] != "application/json":
            return "refused: not JSON"
        return None


class _Sent(Reading):
    """A reading, and the revision of the one that it replaces."""

    revision: int


class _Page:
    def __init__(self, session: Session, token: str, suggest: Suggest | None):
        self.session, self.token, self.suggest = session, token, suggest

    async def file(self, request: Request) -> Response:
        name = request.url.path.strip("/") or "page.html"
        text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
        return Response(text.replace("{{token}}", html.escape(self.token)), media_type=f"{_TYPES[name]}; charset=utf-8")

    async def state(self, request: Request) -> Response:
        session = self.session
        readings = session.annotations()
        return _json(
            {
                "annotator": session.annotator,
                "codebook": _to_decide_by(session.codebook),
                "has_model": self.suggest is not None,
                "passages": [
                    passage.model_dump(include=_SHOWN) | self._reading(passage.id, readings.get(passage.id))
                    for passage in session.shown
                ],
            }
        )

    def _reading(self, passage: str, annotation: Annotation | None) -> dict[str, Any]:
        reading = annotation.model_dump(mode="json", include={"labels", "doubt", "note"}) if annotation else None
        return {"reading": reading, "revision": self.session.revision(passage)}

    def _now(self, passage: str) -> dict[str, Any]:
        return self._reading(passage, self.session.annotations().get(passage))

    async def reading(self, request: Request) -> Response:
        try:
            reading = _Sent.model_validate(await _body(request))
            self.session.read(reading, revision=reading.revision)
        except ValidationError as error:
            return _failed(DemarcheError("; ".join(explain(error))))
        except (Stale, NotWritten) as error:
            return _failed(error, **self._now(reading.passage))
        except (DemarcheError, OSError) as error:
            return _failed(error)
        return _json(self._now(reading.passage))

    async def undo(self, request: Request) -> Response:
        try:
            passage = self.session.undo()
        except NotWritten as error:
            return _failed(error, passage=error.passage, **self._now(error.passage))
        except (DemarcheError, OSError) as error:
            return _failed(error)
        return _json({"passage": None} if passage is None else {"passage": passage, **self._now(passage)})

    async def suggestion(self, request: Request) -> Response:
        try:
            id = (await _body(request)).get("passage")
            passage = self.session.passage(id) if isinstance(id, str) else None
            if self.suggest is None or passage is None:
                raise DemarcheError("no model; start the page with --model")
            labels = await run_in_threadpool(self.suggest, passage)
            self.session.show_suggestion(passage.id)
        except (DemarcheError, OSError) as error:
            return _failed(error)
        return _json({"labels": [label.model_dump(mode="json") for label in labels]})


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request. Raises DemarcheError."""
    content = b""
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > _LARGEST:
                raise DemarcheError("too large a request")
    except ClientDisconnect:
        raise DemarcheError("the page was closed") from None
    try:
        plain = load_json(content.decode())
    except UnicodeDecodeError:
        plain = None
    if not isinstance(plain, dict):
        raise DemarcheError("a JSON object is expected")
    return plain


def _failed(error: DemarcheError | OSError, **now: Any) -> Response:
    """Return why an action was refused, or could not be kept."""
    if isinstance(error, OSError):
        return _json({"error": f"not saved: {error.strerror or error}; free disk space, and repeat it"}, status=507)
    status = 409 if isinstance(error, Stale) else 507 if isinstance(error, NotWritten) else 422
    return _json({"error": str(error), **now}, status=status)


def _json(content: dict[str, Any], *, status: int = 200) -> Response:
    return JSONResponse(content, status_code=status)


def _to_decide_by(codebook: Codebook) -> dict[str, Any]:
    """Return what annotators decide by."""
    topics = [
        {
            "id": topic.id,
            "name": topic.label,
            "definition": topic.definition,
            "target": topic.proposition,
            "include": [str(rule) for rule in topic.include],
            "exclude": [str(rule) for rule in topic.exclude],
        }
        for topic in codebook.topics
    ]
    return {
        "reference": codebook.reference,
        "topics": topics,
        "stances": dict(codebook.stances),
        "rules": list(codebook.rules),
    }
