"""Vectors of texts from an encoder, cached in a file between runs."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Self, cast
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from labels.errors import DemarcheError
from models.cache import cache_folder
from models.encoders import files, loading, windows
from models.encoders.device import Device, is_exact
from models.encoders.forward import Forward
from models.encoders.windows import Window
from models.examples import Query
from models.saved import ENCODER

_CHUNK = 1024  # texts encoded between two writes to the cache, so that a kill loses little
_KEYS_PER_QUERY = 500
_LOCK_TIMEOUT = 30.0  # seconds for which another process may hold the file
_RECENT = 4096  # texts whose vectors a loaded model keeps: more than a batch of articles has


class Vectors:
    """Encodes texts or queries as unit vectors (n, width), the normalised means of their token states.

    A query is encoded with its target next to the text. A long text is the mean of its windows. `cache` is a SQLite
    file of vectors of texts by the sha256 of the text; queries are not cached. Without it, the vectors of recent texts
    are kept in memory, since stance is read in the same texts as topics.
    """

    def __init__(self, tokenizer: Any, encoder: Any, device: Device, *, max_length: int, cache: Path | None = None):
        self.tokenizer = tokenizer
        self.encoder = encoder.to(device.name)
        self.width: int = encoder.config.hidden_size
        self.device = device
        self._states = Forward(self.encoder)
        self._length = loading.window_length(tokenizer, encoder, max_length)
        self._cache = cache
        self._recent: dict[tuple[str, bool], npt.NDArray[np.float32]] = {}

    @classmethod
    def of_encoder(cls, name: str, device: Device, *, max_length: int) -> Self:
        """Return the vectors of the encoder that a config names, cached between runs."""
        folder = files.locate(name)
        cache_name = f"{files.digest(folder)}-{max_length}-{str(device).replace(' ', '-')}.sqlite"
        cache = cache_folder("vectors") / cache_name
        return cls(*loading.load(folder, name), device, max_length=max_length, cache=cache)

    @classmethod
    def load(cls, folder: Path, device: Device, *, max_length: int) -> Vectors:
        """Return the vectors of a saved encoder, which the parts of a model that have the same encoder share."""
        key = (files.digest(folder / ENCODER), device, max_length)
        vectors = _loaded.get(key)
        if vectors is None:
            vectors = _loaded[key] = cls(*loading.load(folder / ENCODER), device, max_length=max_length)
            vectors._states.freeze(device)
        return vectors

    def save(self, folder: Path) -> None:
        loading.save(self.tokenizer, self.encoder, folder / ENCODER)

    def of(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        distinct = list(dict.fromkeys(texts))
        # The cache holds vectors in the precision of the device.
        cache = None if is_exact() and self.device.bf16 else self._cache
        vectors = self._recall(distinct) if cache is None else self._look_up(distinct, cache)
        row = {text: number for number, text in enumerate(distinct)}
        return vectors[[row[text] for text in texts]]

    def of_queries(self, queries: Sequence[Query]) -> npt.NDArray[np.float32]:
        return self._encode(queries)

    def windows(self, inputs: Sequence[str] | Sequence[Query]) -> list[Window]:
        if not len(inputs):
            return []
        split = windows.window_queries if isinstance(inputs[0], Query) else windows.window_texts
        return split(self.tokenizer, cast(Any, inputs), length=self._length)

    def _recall(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        precision = is_exact()
        new = [text for text in texts if (text, precision) not in self._recent]
        self._recent.update(zip([(text, precision) for text in new], self._encode(new), strict=True))
        vectors = np.array([self._recent[text, precision] for text in texts], dtype=np.float32)
        for oldest in list(islice(self._recent, max(0, len(self._recent) - _RECENT))):
            del self._recent[oldest]
        return vectors.reshape(len(texts), self.width)

    def _look_up(self, texts: Sequence[str], file: Path) -> npt.NDArray[np.float32]:
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        try:
            with closing(sqlite3.connect(file, timeout=_LOCK_TIMEOUT)) as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
                )
                cached = dict(_read_cached(connection, keys))
                missing = [row for row, key in enumerate(keys) if key not in cached]
                for start in range(0, len(missing), _CHUNK):
                    rows = missing[start : start + _CHUNK]
                    new = [vector.tobytes() for vector in self._encode([texts[row] for row in rows])]
                    pairs = list(zip([keys[row] for row in rows], new, strict=True))
                    cached |= dict(pairs)
                    with connection:
                        connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", pairs)
        except sqlite3.DatabaseError as error:
            raise DemarcheError(
                f"{file}: the cached vectors cannot be used ({error}); free some space, or delete the file to rebuild it"
            ) from None
        joined = b"".join(cached[key] for key in keys)
        return np.frombuffer(joined, dtype=np.float32).reshape(len(keys), self.width)

    def _encode(self, inputs: Sequence[str] | Sequence[Query]) -> npt.NDArray[np.float32]:
        input_windows = self.windows(inputs)
        each = np.zeros((len(input_windows), self.width))
        self.encoder.eval()
        with self.device.inference():
            for rows in windows.length_sorted_batches(input_windows, tokens=self.device.tokens_at_once):
                batch = windows.model_inputs([input_windows[row] for row in rows], self.tokenizer, self.encoder)
                batch = {name: tensor.to(self.device.name) for name, tensor in batch.items()}
                each[rows] = windows.masked_mean(self._states(batch), batch["attention_mask"]).cpu().numpy()
        means = windows.mean_by_row(each, input_windows, rows=len(inputs))
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True).clip(1e-12), dtype=np.float32)


_loaded: WeakValueDictionary[tuple[str, Device, int], Vectors] = WeakValueDictionary()


def _read_cached(connection: sqlite3.Connection, keys: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        chunk = keys[start : start + _KEYS_PER_QUERY]
        placeholders = ",".join("?" * len(chunk))
        yield from connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({placeholders})", chunk)
