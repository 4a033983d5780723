"""What MLflow loads to serve a registered tagger; `demarche tag` does without it."""

from pathlib import Path
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel, PythonModelContext
from pydantic import BaseModel

from labels.passages import Passage
from models.tagger import Tag, Tagger


class ServedTag(BaseModel):
    """A topic at or near its threshold, and the stance toward it."""

    topic: str
    topic_probability: float
    assigned: bool
    review: bool
    stance: str | None
    stance_probability: float | None


class ServedTagger(PythonModel):
    """A list of texts in; for each, its tags."""

    def load_context(self, context: PythonModelContext) -> None:
        self.tagger = Tagger.load(Path(context.artifacts["tagger"]))

    def predict(self, model_input: list[str], params: dict[str, Any] | None = None) -> list[list[ServedTag]]:
        # A text of white space alone is no passage; it gets no tags.
        there = [position for position, text in enumerate(model_input) if text.strip()]
        passages = [_passage(model_input[position]) for position in there]
        found = dict(zip(there, self.tagger.tag(passages), strict=True))
        return [[_served(tag) for tag in found.get(position, [])] for position in range(len(model_input))]


def _passage(text: str) -> Passage:
    return Passage(id="served", article="served", text=text, start=0, end=len(text))


def _served(tag: Tag) -> ServedTag:
    return ServedTag(
        topic=tag.topic,
        topic_probability=tag.topic_probability or 0.0,
        assigned=tag.assigned,
        review=tag.review,
        stance=tag.stance,
        stance_probability=tag.stance_probability,
    )


mlflow.models.set_model(ServedTagger())
