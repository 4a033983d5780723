"""Long texts as overlapping windows of tokens, and windows as batches for an encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.encoders.loading import accepted_inputs
from models.examples import FloatArray, Query

BATCH = 64
"""Maximum number of windows in a batch."""
CELLS = BATCH * 256 * 256
"""Maximum number of attention weights in a batch; each token of a window has one per token that it attends to."""
_STRIDE = 4  # a quarter of a window overlaps with the next
_OPEN, _CLOSE = "[ ", " ]"


class Window(NamedTuple):
    """A window of the text `row`. `types` is 1 for the tokens of a target, `marked` where the text names the target."""

    row: int
    ids: list[int]
    types: list[int]
    marked: list[int]


def window_texts(tokenizer: Any, texts: Sequence[str], *, length: int) -> list[Window]:
    """Split texts into windows of `length` tokens."""
    encoding = tokenizer(
        list(texts),
        truncation=True,
        max_length=length,
        stride=_overlap(tokenizer, length),
        return_overflowing_tokens=True,
        return_token_type_ids=True,
    )
    rows = zip(encoding["overflow_to_sample_mapping"], encoding["input_ids"], encoding["token_type_ids"], strict=True)
    return [Window(row, ids, types, [0] * len(ids)) for row, ids, types in rows]


def window_queries(
    tokenizer: Any, queries: Sequence[Query], *, length: int, max_target: int | None = None
) -> list[Window]:
    """Split queries into windows of text and target, marking the target's span in the text if there is one.

    If any window of a text contains part of the span, only such windows are returned. Targets are truncated to
    `max_target` tokens, by default a quarter of a window. The overlap assumes that every target has that many tokens,
    so that a query's windows do not depend on the other queries.
    """
    if not queries:
        return []
    max_target = length // 4 if max_target is None else max_target
    texts, spans = zip(*map(_mark_target, queries), strict=True)
    encoding = tokenizer(
        list(texts),
        _truncate(tokenizer, [query.target for query in queries], max_tokens=max_target),
        truncation="only_first",
        max_length=length,
        stride=_overlap(tokenizer, length - max_target),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_token_type_ids=True,
    )
    windows: list[list[Window]] = [[] for _ in queries]
    for number, row in enumerate(encoding["overflow_to_sample_mapping"]):
        ids = encoding["input_ids"][number]
        marked = [0] * len(ids)
        if (span := spans[row]) is not None:
            tokens = zip(encoding.sequence_ids(number), encoding["offset_mapping"][number], strict=True)
            marked = [int(part == 0 and start < span[1] and end > span[0]) for part, (start, end) in tokens]
        windows[row].append(Window(row, ids, encoding["token_type_ids"][number], marked))
    return [window for row in windows for window in ([w for w in row if any(w.marked)] or row)]


def by_row(windows: Sequence[Window], rows: int, *, most: int) -> list[list[Window]]:
    """Return the windows of each row, at most the first `most`."""
    grouped: list[list[Window]] = [[] for _ in range(rows)]
    for window in windows:
        if len(grouped[window.row]) < most:
            grouped[window.row].append(window)
    return grouped


def length_sorted_batches(windows: Sequence[Window], *, tokens: int) -> Iterator[npt.NDArray[np.intp]]:
    """Yield positions of windows in batches of similar length and at most `tokens` tokens, padding included."""
    sizes = np.array([len(window.ids) for window in windows], dtype=np.intp)
    order = np.argsort(sizes, kind="stable")
    start = 0
    while start < len(order):
        batch = order[start : start + BATCH]
        # A batch of the n shortest windows is as wide as the last of them.
        most = [min(windows_per_batch(int(size)), tokens // padded(int(size))) for size in sizes[batch]]
        fits = [fitting > place for place, fitting in enumerate(most)]
        batch = batch[: max(1, sum(fits))]
        yield batch
        start += len(batch)


def windows_per_batch(width: int) -> int:
    """Return how many windows of `width` tokens fit into memory together."""
    return max(1, CELLS // (width * max(width, 256)))


def padded(tokens: int) -> int:
    """Return the width of a batch whose longest window has this number of tokens."""
    return -(-tokens // 8) * 8  # matrix units are fastest with multiples of eight


def pad(windows: Sequence[Window], pad_id: int) -> dict[str, Any]:
    """Return tensors (windows, tokens) as long as the longest window; `marked` holds floats, as weights of a mean."""
    import torch

    width = padded(max(len(window.ids) for window in windows))

    def grid(rows: Sequence[Sequence[int]], fill: int) -> Any:
        return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])

    return {
        "input_ids": grid([window.ids for window in windows], pad_id),
        "attention_mask": grid([[1] * len(window.ids) for window in windows], 0),
        "token_type_ids": grid([window.types for window in windows], 0),
        "marked": grid([window.marked for window in windows], 0).float(),
    }


def model_inputs(windows: Sequence[Window], tokenizer: Any, encoder: Any) -> dict[str, Any]:
    """Return the tensors to call an encoder with."""
    batch = pad(windows, tokenizer.pad_token_id)
    return {name: batch[name] for name in accepted_inputs(encoder)}


def masked_mean(states: Any, weights: Any) -> Any:
    """Return (windows, width), the weighted mean over tokens of (windows, tokens, width) and (windows, tokens)."""
    weights = weights.unsqueeze(-1).float()
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)


def mean_by_row(values: FloatArray, windows: Sequence[Window], *, rows: int) -> FloatArray:
    """Return (rows, k), the mean over the windows of each row, from (windows, k)."""
    row = np.array([window.row for window in windows], dtype=np.intp)
    sums = np.zeros((rows, values.shape[1]))
    np.add.at(sums, row, values)
    return sums / np.bincount(row, minlength=rows)[:, None]


def max_by_row(values: FloatArray, windows: Sequence[Window], *, rows: int) -> FloatArray:
    """Return (rows, k), the maximum over the windows of each row, from (windows, k)."""
    best = np.full((rows, values.shape[1]), -np.inf)
    np.maximum.at(best, np.array([window.row for window in windows], dtype=np.intp), values)
    return best


def _overlap(tokenizer: Any, length: int) -> int:
    special_tokens: int = tokenizer.num_special_tokens_to_add(pair=True)
    return max(0, length - special_tokens) // _STRIDE


def _mark_target(query: Query) -> tuple[str, tuple[int, int] | None]:
    """Put brackets around the target in the text, and return the text and the span between them."""
    if query.span is None:
        return query.text, None
    start, end = query.span
    text = query.text[:start] + _OPEN + query.text[start:end] + _CLOSE + query.text[end:]
    return text, (start + len(_OPEN), end + len(_OPEN))


def _truncate(tokenizer: Any, targets: Sequence[str], *, max_tokens: int) -> list[str]:
    """Truncate targets, which may be as long as an article."""
    distinct = list(dict.fromkeys(targets))
    encoding = tokenizer(
        distinct, add_special_tokens=False, truncation=True, max_length=max_tokens, return_offsets_mapping=True
    )
    truncated = {
        target: target[: offsets[-1][1]] if len(offsets) == max_tokens else target
        for target, offsets in zip(distinct, encoding["offset_mapping"], strict=True)
    }
    return [truncated[target] for target in targets]
