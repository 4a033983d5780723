"""The model that MLflow loads to serve a registered tagger; `demarche tag` does not use it."""

from pathlib import Path
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel, PythonModelContext
from mlflow.telemetry import set_telemetry_client
from pydantic import BaseModel

from labels.passages import Passage
from models.language import detect_language, is_other_language
from models.quiet import quiet_libraries
from models.tagger import Tag, Tagger


class ServedTag(BaseModel):
    """A topic at or near its threshold, and the stance toward it."""

    topic: str
    topic_probability: float
    assigned: bool
    review: bool
    stance: str | None
    stance_probability: float | None


class ServedPassage(BaseModel):
    """The tags of a text; none, with `other_language` set, if the model was not trained on the text's language."""

    language: str | None
    other_language: bool
    tags: list[ServedTag]


class ServedTagger(PythonModel):
    """A pyfunc model that returns the language and tags of each text in a list."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the tagger."""
        quiet_libraries()
        # `mlflow models serve` imports MLflow before this module, so apply the variable again.
        set_telemetry_client()
        self.tagger = Tagger.load(Path(context.artifacts["tagger"]))

    def predict(self, model_input: list[str], params: dict[str, Any] | None = None) -> list[ServedPassage]:
        """Tag each text as a passage of its own."""
        trained = self.tagger.settings.languages
        languages = [detect_language(text, trained) for text in model_input]
        # A text of only white space is not a passage and gets no tags.
        positions = [
            position
            for position, (text, code) in enumerate(zip(model_input, languages, strict=True))
            if text.strip() and not is_other_language(code, trained)
        ]
        tags = self.tagger.tag([_passage(model_input[position]) for position in positions])
        tags_at = dict(zip(positions, tags, strict=True))
        return [
            ServedPassage(
                language=code,
                other_language=is_other_language(code, trained),
                tags=[_served(tag) for tag in tags_at.get(position, [])],
            )
            for position, code in enumerate(languages)
        ]


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
