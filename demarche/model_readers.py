"""Print how far language models agree with people, for `demarche labels agreement`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from demarche.printing import echo, interval, table

if TYPE_CHECKING:
    from labels.check import LabelledData


def print_agreement_of_models(data: LabelledData, *, seed: int, out: Path | None) -> bool:
    """Print how far language models agree with people, and write it to a file; return whether there are any models."""
    from labels.errors import DemarcheError
    from labels.files import write_jsonl
    from labels.gold.readers import FEWEST_COMPARED, compare_with_people

    agreements = compare_with_people(data, seed=seed)
    if not agreements:
        if out is not None:
            raise DemarcheError("--out is for language models, and none is among the annotators; leave it out")
        return False
    table(
        ("language model", "passages", "topics", "95 % interval", "stance", "95 % interval"),
        [
            (each.annotator, str(each.passages), *interval(each.interval("topics")), *interval(each.interval("stance")))
            for each in agreements
        ],
        title="Krippendorff's alpha of language models and the decisions of people",
    )
    few = [each.annotator for each in agreements if each.passages < FEWEST_COMPARED]
    if few:
        echo(f"on fewer than {FEWEST_COMPARED} passages, so its labels may not train yet: {', '.join(few)}")
    if out is not None:
        write_jsonl(out, agreements)
        echo(f"agreement in {out}; name it in a config as data.readers")
    return True
