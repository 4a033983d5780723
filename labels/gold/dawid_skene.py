"""Who is right how often, and so what probably holds, from readings alone (Dawid and Skene 1979)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt


def probabilities(votes: Iterable[tuple[int, str, str]], labels: Sequence[str]) -> dict[int, npt.NDArray[np.float64]]:
    """Item → probability of each of the labels, from (item, reader, label); a reader may vote on an item again."""
    import pandas as pd
    from crowdkit.aggregation.classification.dawid_skene import DawidSkene

    frame = pd.DataFrame(list(votes), columns=["task", "worker", "label"])
    if frame.empty:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # crowd-kit is written for an older pandas
        found = DawidSkene(n_iter=200).fit_predict_proba(frame)
    rows = found.reindex(columns=list(labels), fill_value=0.0)
    return dict(zip(rows.index, rows.to_numpy(dtype=np.float64), strict=True))
