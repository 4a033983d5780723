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
_NAME = "attributes.`Run Name`"
_TEST, _DEV = "test", "dev"
_BY_TOPIC = {"F1 by topic": "topics/f1/", "Stance by topic": "stance/macro_f1_by_topic/"}
_EPOCHS = "training/"
_SHORT_TITLE = 28
"""The longest name of a metric, in characters, that the UI shows over one of three charts on a screen of 1500 pixels."""


class _Section(NamedTuple):
    """A group of charts; one that is not open shows its title only."""

    title: str
    charts: list[dict[str, Any]]
    is_open: bool = True

    @property
    def columns(self) -> int:
        """The number of charts side by side: as many as leave room for their titles."""
        if any(chart["type"] == "PARALLEL" for chart in self.charts):
            return 1
        return 3 if all(len(chart["metricKey"]) <= _SHORT_TITLE for chart in self.charts) else 2


def view_state(metrics: Iterable[str], *, rest: bool = True) -> dict[str, Any]:
    """Return the state of the UI for an experiment whose runs have these metrics.

    Without `rest`, metrics that are in no chart of the view get charts from the UI, in sections of its own.
    """
    known = sorted(set(metrics))
    sections = [section for section in _sections(known) if section.charts]
    if rest:
        named = {chart.get("metricKey") for section in sections for chart in section.charts}
        others = [_bar(name) | {"isGenerated": True} for name in known if name not in named]
        sections += [_Section("All other metrics", others, is_open=False)] if others else []
    columns = _columns()
    return {
        "selectedColumns": list(columns),
        "columnOrder": [_NAME, *columns],
        "columnWidths": {_NAME: 150} | columns,
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
    return {chart["metricKey"] for chart in state["compareRunCharts"] if "metricKey" in chart}


def _sections(known: Sequence[str]) -> Iterator[_Section]:
    """Yield the sections: test first, then other sets, training by epoch, and dev last."""
    sets = [name for name in _sets(known) if name != _DEV]
    for name in sets:
        yield _Section(f"Headlines on {name}", [_bar(key) for key in _headlines(known, name)])
    if scores := _headlines(known, _TEST):
        settings = {"type": "PARALLEL", "selectedParams": [FAMILY, ENCODER], "selectedMetrics": scores}
        yield _Section("Families and their headlines on test", [settings])
    for title, prefix in _BY_TOPIC.items():
        for name in sets:
            yield _Section(f"{title} on {name}", [_bar(key) for key in known if key.startswith(f"{name}/{prefix}")])
    for name in sets:
        yield _Section(f"Baselines on {name}", [_bar(key) for key in _beside(known, f"{name}/baseline/")])
    for name in sets:
        yield _Section(f"Annotators on {name}", [_bar(key) for key in _beside(known, f"{name}/annotators/")])
    epochs = [{"type": "LINE", "metricKey": key, "xAxisKey": "step"} for key in known if key.startswith(_EPOCHS)]
    yield _Section("Loss and metrics on dev by epoch", epochs)
    yield _Section("Headlines on dev", [_bar(key) for key in _headlines(known, _DEV)], is_open=False)


def _sets(known: Sequence[str]) -> list[str]:
    """Return the sets with headline metrics, test first."""
    pairs = (name.partition("/") for name in known)
    sets = {name for name, _, metric in pairs if metric in HEADLINES}
    return sorted(sets, key=lambda name: (name != _TEST, name))


def _headlines(known: Sequence[str], name: str) -> list[str]:
    return [f"{name}/{key}" for key in HEADLINES if f"{name}/{key}" in known]


def _beside(known: Sequence[str], prefix: str) -> list[str]:
    """Return the headlines of others on a set (the baselines, say), those of one metric together."""
    suffixes = ["_" + key.replace("/", "_") for key in HEADLINES]
    return [key for suffix in suffixes for key in known if key.startswith(prefix) and key.endswith(suffix)]


def _bar(metric: str) -> dict[str, Any]:
    return {"type": "BAR", "metricKey": metric, "runsCountToCompare": 20}


def _numbered(sections: Sequence[_Section]) -> Iterator[dict[str, Any]]:
    """Yield the charts of all sections, each with an id of its own and that of its section."""
    for number, section in enumerate(sections):
        for place, chart in enumerate(section.charts):
            ids = {"uuid": f"c{number}-{place}", "metricSectionId": f"s{number}"}
            yield {"deleted": False, "isGenerated": False} | chart | ids


def _columns() -> dict[str, int]:
    """Return the columns in their order, each with its width in pixels."""
    intervals = {f"tags.`{interval_tag(_TEST, key)}`": 178 for key in HEADLINES}
    used = {f"params.`{name}`": width for name, width in {FAMILY: 100, ENCODER: 140}.items()}
    model = {f"tags.`{REGISTERED}`": 170}
    data = {f"params.`{name}`": 140 for name in (DATA, SPLIT)}
    return intervals | used | model | data


def _sorting(known: Sequence[str]) -> dict[str, Any]:
    """Sort by the strictest headline on test that any run has, and by time if there is none."""
    for key in reversed(HEADLINES):
        if f"{_TEST}/{key}" in known:
            return {"orderByKey": f"metrics.`{_TEST}/{key}`", "orderByAsc": False}
    return {"orderByKey": "attributes.start_time", "orderByAsc": False}
