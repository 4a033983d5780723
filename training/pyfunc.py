"""What MLflow loads to serve a registered tagger; `demarche tag` does without it."""

from pathlib import Path
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel, PythonModelContext

from labels.passages import Passage
from models.tagger import Tag, Tagger


class ServedTagger(PythonModel):  # type: ignore[misc]
    """A list of texts in; for each, its tags at or near their threshold."""

    def load_context(self, context: PythonModelContext) -> None:
        self.tagger = Tagger.load(Path(context.artifacts["tagger"]))

    def predict(self, model_input: list[str], params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        passages = [
            Passage(id=str(position), article=str(position), text=text or " ", start=0, end=len(text or " "))
            for position, text in enumerate(model_input)
        ]
        return [{"tags": [_plain(tag) for tag in tags]} for tags in self.tagger.tag(passages)]


def _plain(tag: Tag) -> dict[str, Any]:
    return {
        "topic": tag.topic,
        "topic_probability": tag.topic_probability,
        "assigned": tag.assigned,
        "review": tag.review,
        "stance": tag.stance,
        "stance_probability": tag.stance_probability,
    }


mlflow.models.set_model(ServedTagger())
