"""A machine-learning backend for Label Studio: it asks for predictions over HTTP, and a tagger answers.

The requests are those of Label Studio 1.23: GET /health, POST /setup with the project's configuration, POST /predict
with tasks. What an answer says comes back in the user's browser, or in the list of models of the project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from labels.codebook import Codebook, fits
from labels.errors import DemarcheError, explain
from labels.passages import Passage
from labels.tools.label_studio import Controls, controls_in, prediction
from labels.tools.work import ORIGIN, Origin, Suggestion

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse

Suggest = Callable[[Sequence[Passage]], Sequence[Suggestion]]
"""What a model says of passages."""


class Backend:
    """Answers Label Studio for the projects of one codebook; `suggest` is the model of the name `version`."""

    def __init__(self, codebook: Codebook, suggest: Suggest, version: str) -> None:
        self.codebook = codebook
        self.suggest = suggest
        self.version = version
        self.controls = Controls.of(codebook)

    def check_configuration(self, configuration: str) -> None:
        """Raise DemarcheError if a project has not the controls of the model's topics."""
        missing = sorted(controls_in_codebook(self.controls) - controls_in(configuration))
        if missing:
            raise DemarcheError(
                f"the project has no control {missing[0]!r}: it was not made for codebook {self.codebook.reference}, "
                "which the model has; make it with `demarche labels export label-studio`"
            )

    def predict(self, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return a prediction for each task. Raises DemarcheError for a task of another project."""
        passages = [self._passage(task) for task in tasks]
        suggestions = self.suggest(passages)
        return [
            prediction(suggestion, passage.text, self.controls)
            for passage, suggestion in zip(passages, suggestions, strict=True)
        ]

    def _passage(self, task: Mapping[str, Any]) -> Passage:
        data = task.get("data")
        place = f"task {task.get('id')}"
        if not isinstance(data, dict) or ORIGIN not in data:
            raise DemarcheError(f"{place}: not made by `demarche labels export label-studio`")
        try:
            origin = Origin.model_validate(data[ORIGIN])
            passage = Passage.model_validate({**origin.passage, "text": data.get("text")})
        except ValidationError as error:
            raise DemarcheError(f"{place}: {'; '.join(explain(error))}") from None
        if fits(origin.codebook, self.codebook) == "other":
            raise DemarcheError(f"{place}: of a project with codebook {origin.codebook}, not {self.codebook.reference}")
        return passage


def controls_in_codebook(controls: Controls) -> set[str]:
    return {"topics", *(f"stance {name}" for name in controls.names.values())}


def application(backend: Backend) -> Starlette:
    """Return the application that a server runs."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def health(request: Request) -> JSONResponse:
        return JSONResponse({"status": "UP", "model_class": "demarche", "model_version": backend.version})

    async def setup(request: Request) -> JSONResponse:
        body = await _body(request)
        backend.check_configuration(str(body.get("schema") or ""))
        return JSONResponse({"model_version": backend.version})

    async def predict(request: Request) -> JSONResponse:
        body = await _body(request)
        tasks = body.get("tasks")
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            raise DemarcheError("`tasks` is not a list of tasks")
        results = await run_in_threadpool(backend.predict, tasks)
        return JSONResponse({"results": results, "model_version": backend.version})

    async def versions(request: Request) -> JSONResponse:
        return JSONResponse({"versions": [backend.version]})

    async def nothing_to_do(request: Request) -> JSONResponse:
        # Label Studio tells a model of every annotation; this one is trained with `demarche train`.
        return JSONResponse({})

    def mistake(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=400)

    return Starlette(
        routes=[
            Route("/", health),
            Route("/health", health),
            Route("/setup", setup, methods=["POST"]),
            Route("/predict", predict, methods=["POST"]),
            Route("/versions", versions),
            Route("/webhook", nothing_to_do, methods=["POST"]),
            Route("/train", nothing_to_do, methods=["POST"]),
        ],
        exception_handlers={DemarcheError: mistake},
    )


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request. Raises DemarcheError if there is none."""
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise DemarcheError("the body of the request is not a JSON object")
    return body
