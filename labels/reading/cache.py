"""Keep each answer of a language model as soon as it is there, so that no question is asked twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from labels.errors import DemarcheError, Problems
from labels.files import Frozen, check_output, read_jsonl
from labels.reading.prompt import Prompt


class Question(NamedTuple):
    """One reading of a passage: the number of the reading from 0, and the user's message."""

    passage: str
    reading: int
    message: str

    def key(self, prompt: Prompt) -> str:
        """Return a digest of all that decides the answer: the prompt with model and settings, the text, the reading."""
        return hashlib.sha256(json.dumps([prompt.digest, self.message, self.reading]).encode()).hexdigest()[:32]


class Kept(Frozen):
    """An answer as a line of the file, with the tokens that the endpoint counted, if it did."""

    key: str
    passage: str
    reading: int
    answer: Mapping[str, str]
    tokens_in: int | None = None
    tokens_out: int | None = None


class Cache:
    """The answers of a file, to which new ones are added line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, Kept] = {}
        self._file = -1

    def __contains__(self, key: str) -> bool:
        return key in self._kept

    def __getitem__(self, key: str) -> Kept:
        return self._kept[key]

    def add(self, kept: Kept) -> None:
        """Append an answer in one write, so that a killed process leaves a whole line or none."""
        line = (json.dumps(kept.model_dump(), ensure_ascii=False) + "\n").encode()
        if os.write(self._file, line) < len(line):
            raise DemarcheError(f"{self._path}: cannot be written: the disk is full")
        self._kept[kept.key] = kept

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """Open the file, which is made if need be. Raises DemarcheError if another process has it open."""
        from filelock import FileLock, Timeout

        check_output(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        cache = cls(path)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise DemarcheError(
                f"{path}: another process is reading into this file; wait for it, or name another --out"
            ) from None
        try:
            cache._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            cache._read()
            yield cache
        finally:
            if cache._file >= 0:
                os.close(cache._file)
                if not cache._kept:
                    path.unlink(missing_ok=True)
            lock.release()

    def _read(self) -> None:
        raw = self._path.read_bytes()
        whole = raw.rfind(b"\n") + 1
        if whole < len(raw):
            # The last line was cut short, by a full disk or a loss of power: its question is asked again.
            os.truncate(self._path, whole)
        problems = Problems()
        for _, kept in read_jsonl(self._path, Kept, problems):
            self._kept[kept.key] = kept
        problems.raise_any()
