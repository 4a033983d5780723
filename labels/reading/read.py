"""Have a language model read passages: what has to be asked, what it will cost, and the answers as annotations."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from labels.errors import DemarcheError
from labels.files import write_jsonl, write_text
from labels.passages import Annotation, Passage
from labels.reading.answers import BadAnswer, parse_answer
from labels.reading.cache import Cache, Kept, Question
from labels.reading.endpoint import Address, Endpoint, Unanswered
from labels.reading.prompt import Prompt, message
from labels.reading.vote import are_unanimous, vote

ATTEMPTS = 3
"""How often a question is asked that gets an answer which is not one by the codebook."""
GIVE_UP = 10
"""Number of passages in a row without an answer after which no more are asked for."""
_BYTES_PER_TOKEN = 4
"""English has about four letters per token, and other scripts, with more bytes per letter, fewer."""

Mask = Callable[[str | None, str], tuple[str | None, str]]
"""Replaces the names of actors in a title and a text."""
Asked = tuple[Passage, list[Question]]
"""A passage and its questions, one for each reading."""
Progress = Callable[[int, int], None]
"""Is told the number of passages that were asked for, and of those that are to be."""


class Files(NamedTuple):
    """The files of a reading: the annotations, and beside them the prompt and the answers.

    The answers are no `.jsonl`, since all of a folder may be annotations (`labels/annotations/*.jsonl`).
    """

    annotations: Path
    prompt: Path
    readings: Path

    @classmethod
    def beside(cls, out: Path) -> Files:
        return cls(out, out.with_name(f"{out.stem}.prompt.json"), out.with_name(f"{out.name}.readings"))


class Estimate(NamedTuple):
    """Requests that are still to be made, and about how many tokens they have."""

    questions: int
    answered: int
    tokens_in: int
    tokens_out: int


class NotRead(NamedTuple):
    """A passage that could not be read, and why."""

    name: str
    reason: str


@dataclass
class Result:
    """What was read; `tokens_in` and `tokens_out` are those that the endpoint counted in this run."""

    annotations: list[Annotation] = field(default_factory=list)
    unread: list[NotRead] = field(default_factory=list)
    not_asked: int = 0
    unanimous: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


def questions_of(passages: Sequence[Passage], prompt: Prompt, mask: Mask | None = None) -> Iterator[Asked]:
    """Yield each passage with its questions, one for each reading."""
    for passage in passages:
        title, text = (passage.title, passage.text) if mask is None else mask(passage.title, passage.text)
        content = message(passage, title, text)
        yield passage, [Question(passage.id, number, content) for number in range(prompt.readings)]


def estimate(questions: Sequence[Question], prompt: Prompt, cache: Cache) -> Estimate:
    """Estimate the tokens of the questions that are not answered yet, without the reasoning of models that reason."""
    keys = {question.key(prompt): question for question in questions}
    asked = [question for key, question in keys.items() if key not in cache]
    system = _tokens("\n".join(prompt.system))
    answer = sum(_tokens(f'"{topic}": "neutral", ') for topic in prompt.topics)
    return Estimate(
        questions=len(asked),
        answered=len(keys) - len(asked),
        tokens_in=sum(system + _tokens(question.message) for question in asked),
        tokens_out=answer * len(asked),
    )


def _tokens(text: str) -> int:
    return math.ceil(len(text.encode()) / _BYTES_PER_TOKEN)


def check_same_annotator(files: Files, prompt: Prompt) -> None:
    """Raise DemarcheError if the files belong to another annotator, whose labels and answers would be lost."""
    begun = [path for path in (files.annotations, files.readings) if path.exists() and path.stat().st_size]
    if not begun:
        return
    if not files.prompt.exists():
        raise DemarcheError(f"{begun[0]}: exists and was not made by `labels read`; name another --out")
    if files.prompt.read_text(encoding="utf-8") != prompt.text:
        raise DemarcheError(
            f"{files.annotations}: was begun with another prompt, model or settings ({files.prompt}); now it would be by "
            f"another annotator, {prompt.annotator}; name another --out"
        )


class Reading:
    """A run over passages: some questions at once, each answer kept as soon as it is there."""

    def __init__(self, prompt: Prompt, cache: Cache, address: Address, *, timeout: float, concurrency: int) -> None:
        self._prompt, self._cache, self._address = prompt, cache, address
        self._timeout, self._concurrency = timeout, concurrency
        self._result = Result()
        self._in_a_row = 0
        self._done = 0

    def read(self, passages: Sequence[Asked], progress: Progress) -> Result:
        """Ask what is not answered yet, and return the votes. `progress` is called after each passage.

        Raises Stopped for an error that every passage would meet; answers up to then are kept.
        """
        keys_of = {passage.id: [question.key(self._prompt) for question in each] for passage, each in passages}
        left = [pair for pair in passages if not all(key in self._cache for key in keys_of[pair[0].id])]
        if left:
            asyncio.run(self._read(iter(left), lambda done: progress(done, len(left))))
        for passage, _ in passages:
            keys = keys_of[passage.id]
            if all(key in self._cache for key in keys):
                answers = [self._cache[key].answer for key in keys]
                self._result.unanimous += are_unanimous(answers)
                self._result.annotations.append(
                    Annotation(
                        passage=passage.id,
                        annotator=self._prompt.annotator,
                        codebook=self._prompt.codebook,
                        labels=vote(answers),
                    )
                )
        return self._result

    async def _read(self, passages: Iterator[Asked], progress: Callable[[int], None]) -> None:
        async with Endpoint(self._address, timeout=self._timeout) as endpoint:
            workers = [asyncio.create_task(self._work(endpoint, passages, progress)) for _ in range(self._concurrency)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, endpoint: Endpoint, passages: Iterator[Asked], progress: Callable[[int], None]) -> None:
        for passage, questions in passages:
            if self._in_a_row >= GIVE_UP:
                self._result.not_asked += 1
                continue
            try:
                for question in questions:
                    await self._answer(endpoint, question)
            except (Unanswered, BadAnswer) as error:
                self._result.unread.append(NotRead(passage.id, str(error)))
                self._in_a_row += 1
            else:
                self._in_a_row = 0
            self._done += 1
            progress(self._done)

    async def _answer(self, endpoint: Endpoint, question: Question) -> None:
        key = question.key(self._prompt)
        for attempt in range(ATTEMPTS):
            if key in self._cache:
                return
            # Another seed, since an endpoint may answer the same question with the same seed in the same way.
            seed = self._prompt.request.seed + question.reading + attempt * self._prompt.readings
            reply = await endpoint.ask(self._prompt.body(question.message, seed=seed))
            self._result.tokens_in += reply.tokens_in or 0
            self._result.tokens_out += reply.tokens_out or 0
            try:
                answer = parse_answer(reply.text, self._prompt.topics)
            except BadAnswer as error:
                if reply.cut:
                    error = BadAnswer(f"cut off at {self._prompt.request.max_tokens} tokens (--max-tokens): {error}")
                if attempt + 1 == ATTEMPTS:
                    raise BadAnswer(f"{error} ({ATTEMPTS} times)") from None
                continue
            kept = Kept(
                key=key,
                passage=question.passage,
                reading=question.reading,
                answer=answer,
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
            )
            self._cache.add(kept)


def write_prompt(files: Files, prompt: Prompt) -> None:
    """Write the prompt, before any question is asked."""
    write_text(files.prompt, prompt.text)


def write_annotations(files: Files, result: Result) -> None:
    write_jsonl(files.annotations, result.annotations)
