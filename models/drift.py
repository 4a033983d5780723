"""Whether articles are like the training texts of a model: a two-sample test on their words, and the size of the difference.

A classifier learns to tell one passage of each article from one of each training article, on half of both, and is tested
on the other half (classifier two-sample test, Lopez-Paz and Oquab 2017). Its AUC is the size of the difference: 0.5 if
nothing tells them apart. The test permutes articles, since passages of an article are alike.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from models.cleaning import clean
from models.examples import FloatArray
from models.saved_parts import Array, BadPart, read_arrays

MOST = 1000
"""Number of articles compared, on either side: chosen by a digest of their names, so that their order plays no part."""
FEWEST = 40
"""With fewer articles, on either side, hardly any difference would be significant."""
FEWEST_WORDS, MOST_WORDS = 12, 30
"""Of a passage its first words are compared, so that its length plays no part; a shorter passage is left out."""
SIGNIFICANT = 0.01
LARGE, SLIGHT = 0.7, 0.6
"""The AUC from which a difference is called drift, and from which it is mentioned as slight."""
_SIZE = 1024  # columns that the hashed words are added up in
_RIDGE = 1.0
_PERMUTATIONS = 999
# Names tell news of one year from that of another, whatever the matter: only words in lower case count.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+")
_ARRAYS = {
    "words": Array("U16", ("texts", MOST_WORDS)),
    "counts": Array("U8", ("texts",)),
    "shares": Array("F64", ("topics",)),
    "probability": Array("F64", (1,)),
}

Words = npt.NDArray[np.uint16]


class Difference(NamedTuple):
    """How far articles are from the training texts.

    `auc` is that of the classifier between them, `p` the probability of one as high if there were no difference, and
    `scores` says of each article how much it looks unlike the training texts.
    """

    auc: float
    p: float
    scores: FloatArray


@dataclass(frozen=True)
class Reference:
    """What a model keeps of its training texts, to compare articles with.

    `words` (texts, MOST_WORDS) are hashed, and the first `counts` (texts,) of each row are words. `shares` (topics,) are
    the fractions of training passages that models which did not learn from them assign each topic, and `probability` is
    the mean probability of these tags; without topics, they are empty and 0.
    """

    words: Words
    counts: npt.NDArray[np.uint8]
    shares: tuple[float, ...]
    probability: float

    @classmethod
    def of(
        cls, texts: Sequence[str], groups: Sequence[str], probabilities: FloatArray, thresholds: Sequence[float]
    ) -> Self:
        """Keep a text of each group, at most MOST of them; `probabilities` (rows, topics) are out-of-fold."""
        chosen: dict[str, str] = {}
        for group, text in sorted(zip(groups, texts, strict=True), key=lambda pair: order(*pair)):
            if len(chosen) < MOST and long_enough(text):
                chosen.setdefault(group, text)
        words, counts = hashed(list(chosen.values()))
        assigned = probabilities >= np.array(thresholds)
        shares = tuple(map(float, assigned.mean(axis=0))) if len(assigned) else ()
        return cls(words, counts, shares, float(probabilities[assigned].mean()) if assigned.any() else 0.0)

    def save(self, path: Path) -> None:
        from safetensors.numpy import save_file

        arrays = {"words": self.words, "counts": self.counts}
        save_file(arrays | {"shares": np.array(self.shares), "probability": np.array([self.probability])}, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a reference. Raises BadPart."""
        arrays = read_arrays(path, _ARRAYS)
        if (arrays["counts"] > MOST_WORDS).any():
            raise BadPart(path, "counts more words than it holds")
        return cls(
            arrays["words"], arrays["counts"], tuple(map(float, arrays["shares"])), float(arrays["probability"][0])
        )

    def compare(self, texts: Sequence[str], *, seed: int = 0) -> Difference | None:
        """Compare one passage of each of some articles with the training texts; None if either are too few."""
        if min(len(texts), len(self.counts)) < FEWEST:
            return None
        rows = np.concatenate([vectors(*hashed(texts)), vectors(self.words, self.counts)])
        return difference(rows, np.arange(len(rows)) < len(texts), seed=seed)


def order(name: str, text: str = "") -> bytes:
    """Return a key that sorts articles in an order as good as random, and the same in every batch."""
    return blake2b(f"{name}\0{text}".encode(), digest_size=8).digest()


def long_enough(text: str) -> bool:
    """Return whether a text has enough words to be compared."""
    return len(_words(text)) >= FEWEST_WORDS


def hashed(texts: Sequence[str]) -> tuple[Words, npt.NDArray[np.uint8]]:
    """Return the hashed first words (n, MOST_WORDS) of each text, and how many there are."""
    words = np.zeros((len(texts), MOST_WORDS), dtype=np.uint16)
    counts = np.zeros(len(texts), dtype=np.uint8)
    for row, text in enumerate(texts):
        values = [zlib.crc32(word.encode()) & 0xFFFF for word in _words(text)]
        words[row, : len(values)] = values
        counts[row] = len(values)
    return words, counts


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(clean(text)) if word == word.lower()][:MOST_WORDS]


def vectors(words: Words, counts: npt.NDArray[np.uint8]) -> FloatArray:
    """Return the words as vectors (n, _SIZE) of length 1; two words of one column may cancel each other out."""
    rows = np.zeros((len(words), _SIZE))
    present = np.arange(MOST_WORDS) < counts[:, None]
    row, _ = np.nonzero(present)
    known = words[present].astype(np.int64)
    np.add.at(rows, (row, known % _SIZE), 1.0 - 2.0 * (known // _SIZE % 2))
    rows = np.sign(rows) * np.sqrt(np.abs(rows))
    norms = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.maximum(norms, 1e-9))


def difference(rows: FloatArray, is_new: npt.NDArray[np.bool_], *, seed: int) -> Difference:
    """Tell the new rows from the others, each half by a classifier that learned on the other half."""
    rng = np.random.default_rng(seed)
    half = np.zeros(len(rows), dtype=bool)
    for side in (is_new, ~is_new):
        members = rng.permutation(np.flatnonzero(side))
        half[members[: len(members) // 2]] = True
    scores, aucs, ps = np.zeros(len(rows)), [], []
    for tested in (half, ~half):
        scores[tested] = _ridge(rows[~tested], is_new[~tested], rows[tested])
        auc, p = _permutation_test(scores[tested], is_new[tested], rng)
        aucs.append(auc)
        ps.append(p)
    # The halves are not independent of each other: each p-value counts twice (Bonferroni).
    return Difference(float(np.mean(aucs)), min(1.0, 2 * min(ps)), scores[is_new])


def _ridge(rows: FloatArray, is_new: npt.NDArray[np.bool_], others: FloatArray) -> FloatArray:
    """Return the scores of other rows by a ridge classifier, in its dual form if rows are few."""
    mean = rows.mean(axis=0)
    rows, others = rows - mean, others - mean
    y = is_new - is_new.mean()
    if len(rows) <= rows.shape[1]:
        weights = rows.T @ np.linalg.solve(rows @ rows.T + _RIDGE * np.eye(len(rows)), y)
    else:
        weights = np.linalg.solve(rows.T @ rows + _RIDGE * np.eye(rows.shape[1]), rows.T @ y)
    return np.asarray(others @ weights)


def _permutation_test(
    scores: FloatArray, is_new: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[float, float]:
    """Return the AUC of scores, and how often it is as high when articles and training texts are permuted."""
    ordered, new = np.sort(scores), int(is_new.sum())
    ranks = (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right") + 1) / 2
    observed = ranks[is_new].sum()
    permuted = np.array([rng.permutation(ranks)[:new].sum() for _ in range(_PERMUTATIONS)])
    pairs = new * (len(scores) - new)
    p = (1 + int((permuted >= observed).sum())) / (1 + _PERMUTATIONS)
    return float((observed - new * (new + 1) / 2) / pairs), p
