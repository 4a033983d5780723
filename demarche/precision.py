"""The stop rule of `demarche labels plan --metric`: how many more articles to read, to know a metric well enough."""

from __future__ import annotations

from demarche.printing import TerminalReporter, echo, table, warn
from labels.wording import counted


def plan_metric(metric: str, run: str, *, within: float, seed: int) -> None:
    """Print how wide the interval of a run's metric is, and how many more articles would make it as narrow as wanted."""
    from labels.errors import one_line
    from training.comparison.contenders import fetch
    from training.comparison.find import MOST, find_run
    from training.evaluation.precision import precision
    from training.tracking import runs as tracking

    with TerminalReporter() as reporter:
        contender = fetch(find_run(run, tracking.runs(most=MOST), reporter=reporter))
    result = precision(contender.predictions[0], metric, within=within, seed=seed)
    now, wanted = result.size, result.wanted
    echo(
        f"{metric} of {one_line(contender.title)} on test: {result.now.value:.3f}, 95 % interval "
        f"{result.now.low:.3f}–{result.now.high:.3f}"
    )
    rows = [("test now", now)] if result.is_reached else [("test now", now), (f"for ± {within:g}", wanted)]
    table(
        ("", "articles", "passages", "95 % interval"),
        [(name, str(size.articles), str(size.passages), f"± {size.half_width:.3f}") for name, size in rows],
    )
    if len(contender.predictions) > 1:
        warn("note: the run has several seeds; this is of the first, and leaves out the variance of training")
    echo()
    if result.is_reached:
        echo(f"the interval is narrow enough: no more passages are needed to know {metric} to ± {within:g}")
        return
    more = wanted.articles - now.articles
    echo(
        f"read {counted(more, 'more article')} ({counted(wanted.passages - now.passages, 'passage')}) and add them to test, "
        f"or a new sample of {wanted.articles} alone: drawn at random from the articles to tag, not chosen by a model, each "
        "article whole; two annotators each, their ties decided:"
    )
    echo("  demarche labels sheet SAMPLE.jsonl --codebook CODEBOOK --annotators anna,bert --overlap 1 --out sheets")
