"""Check what a language model answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from labels.errors import DemarcheError, one_line, suggest
from labels.files import load_json
from labels.reading.prompt import ANSWERS

_QUOTED = 80
# Endpoints that do not constrain an answer may precede it with the model's reasoning, or put it into a code block.
_REASONING = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_BLOCK = re.compile(r"^\s*```(?:json)?\s*\n(.*)\n\s*```\s*$", re.DOTALL)


class BadAnswer(DemarcheError):
    """An answer that is not one by the codebook; the message says why."""


def parse_answer(text: str, topics: Sequence[str]) -> dict[str, str]:
    """Return topic → answer. Raises BadAnswer for whatever the schema of the prompt does not allow."""
    text = _REASONING.sub("", text)
    if block := _BLOCK.match(text):
        text = block[1]
    if not text.strip():
        raise BadAnswer("an empty answer")
    try:
        answer = load_json(text)
    except DemarcheError as error:
        raise BadAnswer(f"{error}: {one_line(_shortened(text))!r}") from None
    if not isinstance(answer, Mapping):
        raise BadAnswer(f"not a JSON object: {one_line(_shortened(text))!r}")
    for topic, value in answer.items():
        if topic not in topics:
            raise BadAnswer(f"topic {one_line(_shortened(topic))!r} is not in the codebook{suggest(topic, topics)}")
        if value not in ANSWERS:
            raise BadAnswer(
                f"{one_line(_shortened(str(value)))!r} as the answer on {topic!r}{suggest(str(value), ANSWERS)}"
            )
    missing = [topic for topic in topics if topic not in answer]
    if missing:
        raise BadAnswer(f"no answer on {', '.join(map(repr, missing[:5]))}")
    return {topic: answer[topic] for topic in topics}


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…"
