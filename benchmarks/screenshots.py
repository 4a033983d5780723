"""`make screenshots`: train a few small runs in a store of their own and take pictures for the docs: of the runs in the UI,
of a report on the starter corpus as the champion tags it, and of the page to label passages on.

    python -m benchmarks.screenshots [--data FOLDER] [STORE] [PICTURES]

STORE is a folder (build/screenshots); runs that it has are not trained again. PICTURES is where the pictures of the
docs go (docs); those that are only to be looked at go to STORE. With FOLDER, every run is also evaluated on the real news
in it (news/passages.jsonl.gz, news/annotations.jsonl.gz; docs/bench.md).
Needs Chromium and its driver: Debian's packages `chromium` and `chromium-driver`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from demarche.app import EXIT_PARTLY
from labels.errors import DemarcheError
from training.tracking import runs as tracking
from training.tracking.view import view_link

EXPERIMENT, MODEL = "foreign-affairs", "foreign-affairs-tagger"
RUNS = {
    "news": ["configs/news.yaml"],
    "linear": ["configs/linear.yaml"],
    "embedding": ["configs/embedding.yaml"],
    "keywords": ["configs/linear.yaml", "topics={kind: rules}"],
}
WIDTH, HEIGHT = 1500, 940  # pixels
REPORT_HEIGHT = 1250
LABELLED = "1feee"
"""Keys by which the first passage is labelled on the page for annotators."""
_PATIENCE = 120  # seconds
# The UI of a first visit is that for language models, and opens a panel for questions to one.
_SETTINGS = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
}


def train_missing(data: Path | None) -> list[tracking.Summary]:
    """Train the runs that the store does not have, and return all of them, in the order of `RUNS`."""
    news = data and {kind: str(data / "news" / f"{kind}.jsonl.gz") for kind in ("passages", "annotations")}
    evaluation = [f"evaluation={json.dumps({'news': news})}"] if news else []
    have: set[str] = set()
    with contextlib.suppress(DemarcheError):  # there is no store yet
        have = {run.name for run in tracking.runs(EXPERIMENT) if run.status == "FINISHED"}
    for name in RUNS:
        if name in have:
            continue
        config, *overrides = RUNS[name]
        command = [sys.executable, "-m", "demarche", "train", config, f"name={name}", *overrides, *evaluation]
        subprocess.run(command, check=True)
    latest = {run.name: run for run in reversed(tracking.runs(EXPERIMENT)) if run.status == "FINISHED"}
    return [latest[name] for name in RUNS]


def make_report(store: Path) -> Path:
    """Tag the starter corpus with the champion, and return the report on the tags."""
    tags, page = store / "tags.parquet", store / "report.html"
    demarche = [sys.executable, "-m", "demarche"]
    model = f"models:/{MODEL}@champion"
    tag = [*demarche, "tag", "seeds/passages.jsonl", "--model", model, "--out", tags, "--replace"]
    # One of the passages is like boilerplate and counts as not read.
    if subprocess.run(tag).returncode not in (0, EXIT_PARTLY):
        raise SystemExit("the starter corpus could not be tagged")
    subprocess.run([*demarche, "report", tags, "--out", page, "--title", "The starter corpus"], check=True)
    return page.resolve()


@contextlib.contextmanager
def ui() -> Iterator[str]:
    """Start `demarche ui` on a free port, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "demarche", "ui", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise SystemExit("the UI did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextlib.contextmanager
def annotation_page(store: Path) -> Iterator[str]:
    """Start `demarche labels annotate` on passages of the starter corpus, and yield its address."""
    for left in store.glob("anna.jsonl*"):
        left.unlink()
    command = [sys.executable, "-m", "demarche", "labels", "annotate", "seeds/passages.jsonl", "--annotator", "anna"]
    command += ["--codebook", "labels/foreign_affairs/codebook.yaml", "--out", f"{store}/anna.jsonl", "--next", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def chromedriver() -> str:
    driver = shutil.which("chromedriver")
    if driver is None:
        raise SystemExit("no chromedriver; install Chromium and its driver: apt-get install chromium chromium-driver")
    return driver


class Browser:
    """Headless Chromium that takes pictures of pages."""

    def __init__(self, address: str) -> None:
        options = webdriver.ChromeOptions()
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=Service(chromedriver()))
        self._set_size(WIDTH, HEIGHT)
        self.driver.get(f"{address}/version")
        for key, value in _SETTINGS.items():
            self.driver.execute_script("localStorage.setItem(arguments[0], arguments[1])", key, value)

    def _set_size(self, width: int, height: int) -> None:
        """Set the size of the page itself, which is smaller than its window."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def picture(self, file: Path, url: str, *, until: str, height: int = HEIGHT, keys: str = "") -> None:
        """Take a picture of a page once it shows the text `until`, and after these keys."""
        self._set_size(WIDTH, height)
        self.driver.get("about:blank")
        self.driver.get(url)
        self._wait_for(until)
        self.driver.switch_to.active_element.send_keys(keys)
        # Charts and pictures of a run come after the text.
        time.sleep(6)
        self._hide_notices()
        self.driver.save_screenshot(str(file))
        print(f"{file}: {file.stat().st_size // 1000} kB")

    def _wait_for(self, text: str) -> None:
        WebDriverWait(self.driver, _PATIENCE).until(
            lambda driver: text in driver.execute_script("return document.body.innerText"),
            f"{text!r} is not on the page",
        )

    def _hide_notices(self) -> None:
        """Close notes that a user closes once, and the bars of buttons over charts that only a pointer shows."""
        for button in self.driver.find_elements("css selector", "button[data-component-id*='shared_view'][aria-label]"):
            button.click()
        self.driver.execute_script("document.querySelectorAll('.modebar').forEach(bar => bar.remove())")
        time.sleep(0.5)


def main(store: Path, pictures: Path, data: Path | None) -> None:
    store.mkdir(parents=True, exist_ok=True)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{(store / 'mlflow.db').resolve().as_posix()}"
    runs = train_missing(data)
    with ui() as address:
        link = view_link(EXPERIMENT, server=address)
        experiment = link.split("/experiments/")[1].split("/")[0]
        browser = Browser(address)
        try:
            browser.picture(pictures / "runs.png", link, until=runs[0].name)
            browser.picture(pictures / "charts.png", f"{link}&compareRunsMode=CHART", until="Headlines on test")
            ids, experiments = json.dumps([run.id for run in runs]), json.dumps([experiment])
            compared = f"{address}/#/compare-runs?runs={quote(ids)}&experiments={quote(experiments)}"
            browser.picture(store / "compare.png", compared, until="Parallel Coordinates")
            browser.picture(
                pictures / "run.png", f"{address}/#/experiments/{experiment}/runs/{runs[0].id}", until="Description"
            )
            browser.picture(
                pictures / "report.png", make_report(store).as_uri(), until="Passages", height=REPORT_HEIGHT
            )
            with annotation_page(store) as page:
                browser.picture(pictures / "annotate.png", page, until="of 60 read", keys=LABELLED)
            browser.picture(store / "model.png", f"{address}/#/models/{MODEL}/versions/1", until="Version 1")
        finally:
            browser.driver.quit()


if __name__ == "__main__":
    parser = ArgumentParser("benchmarks.screenshots", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, nargs="?", default=Path("build/screenshots"))
    parser.add_argument("pictures", type=Path, nargs="?", default=Path("docs"))
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    main(given.store, given.pictures, given.data)
