"""Vectors of texts from a frozen encoder, computed once: what was encoded before is read from a file."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt

from labels.errors import DemarcheError
from models import encoders, windows
from models.cache import cache_folder
from models.encoders import Machine
from models.examples import Query
from models.saved import ENCODER
from models.windows import Window

_CHUNK = 1024  # texts at a time, so that a kill loses little
_AT_ONCE = 500  # keys that one query may name
_PATIENCE = 30.0  # seconds for which another process may hold the file


class Vectors:
    """Texts, or queries, → (n, width), the mean of the token states, each of length 1.

    A query is read with its target beside the text. A long text is the mean of its windows. With `kept`, vectors of
    texts are looked up there by the text's sha256 first, and written there.
    """

    def __init__(self, tokenizer: Any, encoder: Any, machine: Machine, *, max_length: int, kept: Path | None = None):
        self.tokenizer = tokenizer
        self.encoder = encoder.to(machine.device)
        self.width: int = encoder.config.hidden_size
        self.machine = machine
        self._length = encoders.longest(tokenizer, encoder, max_length)
        self._kept = kept

    @classmethod
    def of_encoder(cls, name: str, machine: Machine, *, max_length: int) -> Self:
        """Those of an encoder as configs name it, kept between runs."""
        folder = encoders.locate(name)
        kept = (
            cache_folder("vectors") / f"{encoders.digest(folder)}-{max_length}-{str(machine).replace(' ', '-')}.sqlite"
        )
        return cls(*encoders.load(folder, name), machine, max_length=max_length, kept=kept)

    @classmethod
    def load(cls, folder: Path, machine: Machine, *, max_length: int) -> Self:
        return cls(*encoders.load(folder / ENCODER), machine, max_length=max_length)

    def save(self, folder: Path) -> None:
        encoders.save(self.tokenizer, self.encoder, folder / ENCODER)

    def of(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        distinct = list(dict.fromkeys(texts))
        found = self._encoded(distinct) if self._kept is None else self._looked_up(distinct, self._kept)
        place = {text: row for row, text in enumerate(distinct)}
        return found[[place[text] for text in texts]]

    def of_queries(self, queries: Sequence[Query]) -> npt.NDArray[np.float32]:
        return self._encoded(queries)

    def windows(self, asked: Sequence[str] | Sequence[Query]) -> list[Window]:
        if not len(asked):
            return []
        cut = windows.of_queries if isinstance(asked[0], Query) else windows.of_texts
        return cut(self.tokenizer, cast(Any, asked), length=self._length)

    def _looked_up(self, texts: Sequence[str], file: Path) -> npt.NDArray[np.float32]:
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        try:
            with closing(sqlite3.connect(file, timeout=_PATIENCE)) as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
                )
                known = dict(_known(connection, keys))
                missing = [row for row, key in enumerate(keys) if key not in known]
                for start in range(0, len(missing), _CHUNK):
                    rows = missing[start : start + _CHUNK]
                    new = [vector.tobytes() for vector in self._encoded([texts[row] for row in rows])]
                    pairs = list(zip([keys[row] for row in rows], new, strict=True))
                    known |= dict(pairs)
                    with connection:
                        connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", pairs)
        except sqlite3.DatabaseError as error:
            raise DemarcheError(
                f"{file}: the kept vectors cannot be used ({error}); make room, or delete the file: it is made anew"
            ) from None
        joined = b"".join(known[key] for key in keys)
        return np.frombuffer(joined, dtype=np.float32).reshape(len(keys), self.width)

    def _encoded(self, asked: Sequence[str] | Sequence[Query]) -> npt.NDArray[np.float32]:
        found = self.windows(asked)
        each = np.zeros((len(found), self.width))
        self.encoder.eval()
        with self.machine.reading():
            for rows in windows.batches(found):
                inputs = windows.inputs([found[row] for row in rows], self.tokenizer, self.encoder)
                inputs = {name: tensor.to(self.machine.device) for name, tensor in inputs.items()}
                states = self.encoder(**inputs).last_hidden_state.float()
                each[rows] = encoders.mean(states, inputs["attention_mask"]).cpu().numpy()
        means = windows.mean_of_rows(each, found, rows=len(asked))
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True).clip(1e-12), dtype=np.float32)


def _known(connection: sqlite3.Connection, keys: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        marks = ",".join("?" * len(some))
        yield from connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some)
