"""What the prepared view of an experiment shows: columns, order and charts, for the metrics that its runs have.

The keys are those in which MLflow's UI (3.17) keeps a view.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from training.evaluation.metrics import HEADLINES
from training.tracking.run import REGISTERED, interval_tag

FAMILY, ENCODER, DATA, SPLIT = "family", "encoder", "data", "split"
"""Params that say in a few words what a run used."""
_TITLES = {"topics/micro_f1": "Topics", "stance/macro_f1": "Stance", "joint/micro_f1": "Topic and stance"}
_TEST, _DEV = "test", "dev"
_BY_TOPIC = {"F1 by topic": "topics/f1/", "Stance by topic (macro-F1)": "stance/macro_f1_by_topic/"}
_EPOCHS = "training/"


class _Section(NamedTuple):
    """A group of charts, `columns` of them side by side; a closed section shows its title only."""

    title: str
    charts: list[dict[str, Any]]
    columns: int = 3
    is_open: bool = True


def view_state(metrics: Iterable[str], *, rest: bool = True) -> dict[str, Any]:
    """Return the state of the UI for an experiment whose runs have these metrics.

    Without `rest`, metrics that are in no chart of the view get charts from the UI, in sections of its own.
    """
    known = sorted(set(metrics))
    sections = [section for section in _sections(known) if section.charts]
    if rest:
        # The UI adds a chart for each metric that no chart is named by; a chart of several is named by the first.
        named = {chart["metricKey"] for section in sections for chart in section.charts if "metricKey" in chart}
        others = [_bar([name], name) | {"isGenerated": True} for name in known if name not in named]
        sections += [_Section("All other metrics", others, is_open=False)] if others else []
    columns = {column: width for column, width in _columns().items()}
    return {
        "selectedColumns": list(columns),
        "columnOrder": ["attributes.`Run Name`", *columns],
        "columnWidths": columns,
        "runsHiddenMode": "FIRST_20_RUNS",
        "compareRunSections": [
            {"uuid": f"s{number}", "name": section.title, "display": section.is_open, "isReordered": True,
             "deleted": False, "isGenerated": False, "columns": section.columns}
            for number, section in enumerate(sections)
        ],
        "compareRunCharts": list(_numbered(sections)),
        "isAccordionReordered": True,
        "hideEmptyCharts": True,
        **_sorting(known),
    }  # fmt: skip


def metrics_of(state: dict[str, Any]) -> set[str]:
    """Return the metrics that a state was made for."""
    keys = (chart.get("selectedMetricKeys") or [chart.get("metricKey")] for chart in state["compareRunCharts"])
    return {name for names in keys for name in names if name}


def _sections(known: Sequence[str]) -> Iterator[_Section]:
    """Yield the sections: test first, then other sets, training by epoch, and dev last."""
    sets = [name for name in _sets(known) if name != _DEV]
    for name in sets:
        yield _Section(f"Headlines on {name}", [_bar([key], title) for title, key in _headlines(known, name)])
    scores = [key for _, key in _headlines(known, _TEST)]
    if scores:
        parallel = {"type": "PARALLEL", "displayName": "Family, encoder and headlines", "showAllRuns": False}
        parallel |= {"selectedParams": [FAMILY, ENCODER], "selectedMetrics": scores}
        yield _Section("Settings and headlines on test", [parallel], columns=1)
    for title, prefix in _BY_TOPIC.items():
        for name in sets:
            yield _Section(f"{title} on {name}", _by_topic(known, f"{name}/{prefix}"))
    for name in sets:
        yield _Section(f"Baselines on {name}", list(_beside_baselines(known, name)))
    epochs = [_line(name) for name in known if name.startswith(_EPOCHS)]
    yield _Section("Loss and dev metrics by epoch", epochs)
    yield _Section("Headlines on dev", [_bar([key], title) for title, key in _headlines(known, _DEV)], is_open=False)


def _sets(known: Sequence[str]) -> list[str]:
    """Return the sets with headline metrics, test first."""
    sets = {name.removesuffix(f"/{headline}") for name in known for headline in HEADLINES if name.endswith(f"/{headline}")}
    return sorted((name for name in sets if "/" not in name), key=lambda name: (name != _TEST, name))


def _headlines(known: Sequence[str], name: str) -> list[tuple[str, str]]:
    """Return the title and the metric of each headline on a set."""
    return [(f"{_TITLES[key]}, {name}", f"{name}/{key}") for key in HEADLINES if f"{name}/{key}" in known]


def _by_topic(known: Sequence[str], prefix: str) -> list[dict[str, Any]]:
    return [_bar([name], name.removeprefix(prefix)) for name in known if name.startswith(prefix)]


def _beside_baselines(known: Sequence[str], name: str) -> Iterator[dict[str, Any]]:
    for title, key in _headlines(known, name):
        suffix = "_" + key.removeprefix(f"{name}/").replace("/", "_")
        baselines = [each for each in known if each.startswith(f"{name}/baseline/") and each.endswith(suffix)]
        if baselines:
            yield _bar([*baselines, key], title)


def _bar(metrics: Sequence[str], title: str) -> dict[str, Any]:
    several = {"selectedMetricKeys": list(metrics)} if len(metrics) > 1 else {}
    return {"type": "BAR", "metricKey": metrics[0], "runsCountToCompare": 20, "displayName": title} | several


def _line(metric: str) -> dict[str, Any]:
    return {"type": "LINE", "metricKey": metric, "displayName": metric.removeprefix(_EPOCHS), "xAxisKey": "step"}


def _numbered(sections: Sequence[_Section]) -> Iterator[dict[str, Any]]:
    """Yield the charts of all sections, each with an id of its own and that of its section."""
    for number, section in enumerate(sections):
        for place, chart in enumerate(section.charts):
            ids = {"uuid": f"c{number}-{place}", "metricSectionId": f"s{number}"}
            yield {"deleted": False, "isGenerated": False} | chart | ids


def _columns() -> dict[str, int]:
    """Return the columns in their order, each with its width in pixels."""
    intervals = {f"tags.`{interval_tag(_TEST, key)}`": 185 for key in HEADLINES}
    params = {f"params.`{name}`": width for name, width in {FAMILY: 110, ENCODER: 120}.items()}
    more = {f"params.`{name}`": 140 for name in (DATA, SPLIT)}
    return intervals | params | {f"tags.`{REGISTERED}`": 190} | more


def _sorting(known: Sequence[str]) -> dict[str, Any]:
    """Sort by the strictest headline on test that any run has, and by time if there is none."""
    for key in reversed(HEADLINES):
        if f"{_TEST}/{key}" in known:
            return {"orderByKey": f"metrics.`{_TEST}/{key}`", "orderByAsc": False}
    return {"orderByKey": "attributes.start_time", "orderByAsc": False}
