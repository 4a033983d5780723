"""Texts as windows of tokens: long ones in several that overlap, none cut short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.encoders.loading import accepted_inputs
from models.examples import FloatArray, Query

BATCH = 64  # windows that are read at once, of no more
CELLS = BATCH * 256 * 256  # for the memory's sake: a window is as large as its tokens times those they attend to
_STRIDE = 4  # a quarter of a window overlaps with the next
_OPEN, _CLOSE = "[ ", " ]"


class Window(NamedTuple):
    """`row`: of which text; `types`: 0 for the text, 1 for the target beside it; `marked`: where the target is named."""

    row: int
    ids: list[int]
    types: list[int]
    marked: list[int]


def window_texts(tokenizer: Any, texts: Sequence[str], *, length: int) -> list[Window]:
    found = tokenizer(
        list(texts),
        truncation=True,
        max_length=length,
        stride=_overlap(tokenizer, length),
        return_overflowing_tokens=True,
        return_token_type_ids=True,
    )
    parts = zip(found["overflow_to_sample_mapping"], found["input_ids"], found["token_type_ids"], strict=True)
    return [Window(row, ids, types, [0] * len(ids)) for row, ids, types in parts]


def window_queries(tokenizer: Any, queries: Sequence[Query], *, length: int, target: int | None = None) -> list[Window]:
    """Text and target side by side; the target is marked in the text where its place is known.

    Of a long text with a place, only the windows that hold some of it. `target`: how many tokens of a target are
    read, a quarter of the window unless told. Windows overlap as if each had so many: by the targets that
    are there, a query would be cut otherwise in other company.
    """
    if not queries:
        return []
    target = length // 4 if target is None else target
    marked = [_mark(query) for query in queries]
    short = _shortened(tokenizer, [query.target for query in queries], at_most=target)
    found = tokenizer(
        [text for text, _ in marked],
        short,
        truncation="only_first",
        max_length=length,
        stride=_overlap(tokenizer, length - target),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_token_type_ids=True,
    )
    windows: list[list[Window]] = [[] for _ in queries]
    for number, row in enumerate(found["overflow_to_sample_mapping"]):
        inside = [0] * len(found["input_ids"][number])
        if (span := marked[row][1]) is not None:
            places = zip(found.sequence_ids(number), found["offset_mapping"][number], strict=True)
            inside = [int(part == 0 and a < span[1] and b > span[0]) for part, (a, b) in places]
        windows[row].append(Window(row, found["input_ids"][number], found["token_type_ids"][number], inside))
    return [window for row in windows for window in ([w for w in row if any(w.marked)] or row)]


def by_row(windows: Sequence[Window], rows: int, *, most: int) -> list[list[Window]]:
    """The windows of each row, no more than so many of one."""
    grouped: list[list[Window]] = [[] for _ in range(rows)]
    for window in windows:
        if len(grouped[window.row]) < most:
            grouped[window.row].append(window)
    return grouped


def length_sorted_batches(windows: Sequence[Window]) -> Iterator[npt.NDArray[np.intp]]:
    """Positions of windows, those of like length together, of long ones fewer at once."""
    sizes = np.array([len(window.ids) for window in windows], dtype=np.intp)
    order = np.argsort(sizes, kind="stable")
    start = 0
    while start < len(order):
        some = order[start : start + BATCH]
        # With the n shortest a batch is as wide as the last of them.
        some = some[: max(1, sum(windows_per_batch(int(size)) > place for place, size in enumerate(sizes[some])))]
        yield some
        start += len(some)


def windows_per_batch(width: int) -> int:
    """How many windows of so many tokens fit into memory together."""
    return max(1, CELLS // (width * max(width, 256)))


def pad(windows: Sequence[Window], pad: int) -> dict[str, Any]:
    """Tensors (windows, tokens), as long as the longest; `marked` is of floats, to be averaged with."""
    import torch

    # Multiples of eight suit the matrix units.
    width = -(-max(len(window.ids) for window in windows) // 8) * 8

    def grid(rows: Sequence[Sequence[int]], fill: int) -> Any:
        return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])

    return {
        "input_ids": grid([window.ids for window in windows], pad),
        "attention_mask": grid([[1] * len(window.ids) for window in windows], 0),
        "token_type_ids": grid([window.types for window in windows], 0),
        "marked": grid([window.marked for window in windows], 0).float(),
    }


def model_inputs(windows: Sequence[Window], tokenizer: Any, encoder: Any) -> dict[str, Any]:
    """The tensors that an encoder is called with."""
    batch = pad(windows, tokenizer.pad_token_id)
    return {name: batch[name] for name in accepted_inputs(encoder, ("input_ids", "attention_mask", "token_type_ids"))}


def mean_by_row(found: FloatArray, windows: Sequence[Window], *, rows: int) -> FloatArray:
    """(windows, k) → (rows, k)."""
    row = np.array([window.row for window in windows], dtype=np.intp)
    sums = np.zeros((rows, found.shape[1]))
    np.add.at(sums, row, found)
    return sums / np.bincount(row, minlength=rows)[:, None]


def max_by_row(found: FloatArray, windows: Sequence[Window], *, rows: int) -> FloatArray:
    """(windows, k) → (rows, k)."""
    best = np.full((rows, found.shape[1]), -np.inf)
    np.maximum.at(best, np.array([window.row for window in windows], dtype=np.intp), found)
    return best


def _overlap(tokenizer: Any, length: int) -> int:
    specials: int = tokenizer.num_special_tokens_to_add(pair=True)
    return max(0, length - specials) // _STRIDE


def _mark(query: Query) -> tuple[str, tuple[int, int] | None]:
    if query.span is None:
        return query.text, None
    start, end = query.span
    text = query.text[:start] + _OPEN + query.text[start:end] + _CLOSE + query.text[end:]
    return text, (start + len(_OPEN), end + len(_OPEN))


def _shortened(tokenizer: Any, targets: Sequence[str], *, at_most: int) -> list[str]:
    """A target may be as long as an article: then its beginning stands for it."""
    distinct = list(dict.fromkeys(targets))
    found = tokenizer(
        distinct, add_special_tokens=False, truncation=True, max_length=at_most, return_offsets_mapping=True
    )
    short = {
        target: target[: places[-1][1]] if len(places) == at_most else target
        for target, places in zip(distinct, found["offset_mapping"], strict=True)
    }
    return [short[target] for target in targets]


def masked_mean(states: Any, weights: Any) -> Any:
    """(windows, tokens, width), (windows, tokens) → (windows, width)"""
    weights = weights.unsqueeze(-1).float()
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)
