"""Passages go to a real Label Studio, are labelled there, and come back: are the labels the same?

    python -m benchmarks.label_studio LABEL_STUDIO [--model MODEL] [FOLDER] [PICTURES]

LABEL_STUDIO is the command of Label Studio (1.23.2 was tried), installed in an environment of its own:
`python -m venv /tmp/label-studio && /tmp/label-studio/bin/pip install label-studio`. FOLDER (build/label_studio) keeps
its database and, without --model, a trained model, so that a second run is quicker. Two annotators label through the HTTP API; one label is
made in a browser, on a text with emoji and line ends, to see how Label Studio counts characters. Then a model answers as
its machine-learning backend. PICTURES is where docs/label_studio.png goes (docs). Needs Chromium and its driver.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from benchmarks.label_studio_browser import Browser
from labels.check import read_labelled
from labels.codebook import read_codebook
from labels.errors import Problems
from labels.files import read_jsonl, write_jsonl
from labels.passages import Annotation, Label, Passage
from labels.tools.label_studio import Controls, results
from labels.tools.marks import marks_of
from tagging.suggestions import suggestions_of

BOOK = Path("labels/foreign_affairs/codebook.yaml")
SEEDS, ANNOTATIONS = Path("seeds/passages.jsonl"), Path("labels/foreign_affairs/annotations.jsonl")
PORT, BACKEND_PORT = 8972, 9191
PASSWORD = "secret-123"
ANNA, BERT = "anna@example.org", "bert@example.org"
READ_BEFORE, LABELLED, TASKS = 4, 8, 12
_PATIENCE = 1800  # seconds; a new database takes minutes, on a busy machine many
EMOJI = "🌍 The minister praised the accord.\nHer critics 🙂 scorned\r\nnew sanctions on shipping firms."


def make_data(folder: Path) -> tuple[list[Passage], list[Annotation]]:
    """Write some passages of the starter corpus and a text with emoji; two annotators have read the first of them."""
    passages = [passage for _, passage in read_jsonl(SEEDS, Passage, Problems())][: TASKS - 1]
    passages.append(Passage(id="emoji #1", article="emoji", text=EMOJI, start=0, end=len(EMOJI), title="Made up"))
    first = {passage.id for passage in passages[:READ_BEFORE]}
    readings = [each for _, each in read_jsonl(ANNOTATIONS, Annotation, Problems()) if each.passage in first]
    write_jsonl(folder / "passages.jsonl", passages)
    write_jsonl(folder / "annotations.jsonl", readings)
    return passages, readings


def demarche(*arguments: str | Path, expect: tuple[int, ...] = (0,)) -> str:
    """Run a command as a user does, and return what it printed."""
    command = [sys.executable, "-m", "demarche", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in expect:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


@contextlib.contextmanager
def label_studio(command: str, folder: Path) -> Iterator[str]:
    """Start Label Studio with a database in the folder, and yield its address."""
    folder.mkdir(parents=True, exist_ok=True)
    # Without the last two, it refuses models on its own machine.
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder.resolve()),
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "ML_BLOCK_LOCAL_IP": "false",
        "SSRF_PROTECTION_ENABLED": "false",
    }
    start = [command, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(PORT)]
    user = ["--username", ANNA, "--password", PASSWORD]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen([*start, *user], env=os.environ | settings, stdout=log, stderr=log)
        try:
            yield wait_for(f"http://127.0.0.1:{PORT}", "/health", process)
        finally:
            process.terminate()
            process.wait()


def wait_for(address: str, path: str, process: subprocess.Popen[Any]) -> str:
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < _PATIENCE:
        with contextlib.suppress(requests.RequestException):
            if requests.get(address + path, timeout=5).ok:
                return address
        time.sleep(1)
    raise SystemExit(f"{address} did not start")


class Person:
    """A user of Label Studio, who uses the requests that its page makes."""

    def __init__(self, address: str, email: str, *, invited: str = "") -> None:
        self.address, self.http = address, requests.Session()
        page = f"{address}{invited or '/user/login/'}"
        self.http.get(page)
        form = {"email": email, "password": PASSWORD, "csrfmiddlewaretoken": self.http.cookies["csrftoken"]}
        if invited:
            form |= {"how_find_us": "", "elaborate": "", "allow_newsletters": ""}
        self.http.post(page, data=form).raise_for_status()
        self.id = self.call("GET", "/api/current-user/whoami")["id"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"X-CSRFToken": self.http.cookies["csrftoken"], "Referer": self.address}
        answer = self.http.request(method, self.address + path, json=body, headers=headers)
        if not answer.ok:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:2000]}")
        return answer.json() if answer.content else None

    def project(self, title: str, configuration: str, tasks: Any) -> tuple[int, list[int]]:
        """Make a project with its tasks, and return the ids of both."""
        id = self.call("POST", "/api/projects/", {"title": title, "label_config": configuration})["id"]
        made = self.call("POST", f"/api/projects/{id}/import?return_task_ids=true", tasks)
        return id, made["task_ids"]

    def export(self, project: int, file: Path) -> Path:
        answer = self.call("GET", f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
        file.write_text(json.dumps(answer, ensure_ascii=False), encoding="utf-8")
        return file

    def label(self, task: int, annotation: Annotation, text: str, controls: Controls) -> None:
        marks = marks_of(annotation, Counter()) or []
        self.call("POST", f"/api/tasks/{task}/annotations/", {"result": results(marks, text, controls)})

    def skip(self, task: int) -> None:
        self.call("POST", f"/api/tasks/{task}/annotations/", {"result": [], "was_cancelled": True})


def readings_of(passage: Passage, controls: Controls, number: int) -> list[Annotation]:
    """Return made-up readings of a passage by two annotators: with all kinds of marks, and with none."""
    topics = list(controls.names)
    span = (3, min(25, len(passage.text)))
    first = Label(topic=topics[number % len(topics)], stance="against", holder="the 🙂 “author”", evidence=span)
    second = Label(topic=topics[(number + 1) % len(topics)], stance="neutral")
    by = {"anna": (first, second) if number % 2 else (), "bert": (first.model_copy(update={"stance": None}),)}
    reference = read_codebook(BOOK).reference
    return [Annotation(passage=passage.id, annotator=who, codebook=reference, labels=each) for who, each in by.items()]


def plain(annotations: list[Annotation]) -> dict[tuple[str, str], Any]:
    """Return what is compared: each reading, with its labels in any order."""
    return {(a.passage, a.annotator): (a.codebook, sorted(map(repr, a.labels))) for a in annotations}


def train(folder: Path) -> str:
    """Train the config `linear` in a store of its own, once, and return the model's URI."""
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{(folder / 'mlflow.db').resolve().as_posix()}"
    if not (folder / "mlflow.db").exists():
        demarche("train", "configs/linear.yaml")
    return "models:/foreign-affairs-tagger@champion"


def main(command: str, folder: Path, pictures: Path, model: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    passages, before = make_data(folder)
    model = model or train(folder)
    tags, project_files = folder / "tags.parquet", folder / "project"
    demarche("tag", folder / "passages.jsonl", "--model", model, "--out", tags, "--replace", expect=(0, 3))
    given = (BOOK, folder / "passages.jsonl", folder / "annotations.jsonl")
    print(demarche("labels", "export", "label-studio", *given, "--tags", tags, "--out", project_files))
    with label_studio(command, folder / "server") as address:
        anna = Person(address, ANNA)
        invited = anna.call("GET", "/api/invite")["invite_url"]
        with contextlib.suppress(KeyError, SystemExit):
            Person(address, BERT, invited=invited)
        bert = Person(address, BERT)
        expected = label_all(anna, bert, passages, before, project_files, folder, pictures)
        compare(anna, bert, expected, folder)
        refuse_another(anna, folder)
        ask_backend(anna, model, passages, project_files, tags)


def label_all(
    anna: Person,
    bert: Person,
    passages: list[Passage],
    before: list[Annotation],
    files: Path,
    folder: Path,
    pictures: Path,
) -> list[Annotation]:
    """Label some tasks, skip one, leave the rest; return the readings that must come back."""
    controls = Controls.of(read_codebook(BOOK))
    tasks = json.loads((files / "tasks.json").read_text(encoding="utf-8"))
    project, ids = anna.project("Foreign affairs", (files / "config.xml").read_text(encoding="utf-8"), tasks)
    (folder / "project.txt").write_text(str(project))
    expected = list(before)
    for number in range(READ_BEFORE, LABELLED):
        for who, annotation in zip((anna, bert), readings_of(passages[number], controls, number), strict=True):
            who.label(ids[number], annotation, passages[number].text, controls)
            expected.append(annotation)
    bert.skip(ids[LABELLED])
    browser = Browser(anna.address, ANNA, PASSWORD)
    try:
        browser.label(project, ids[-1], topic="sanctions", stance="against", evidence="sanctions")
        browser.picture(project, ids[0], pictures / "label_studio.png")
    finally:
        browser.driver.quit()
    start = EMOJI.index("sanctions")
    label = Label(topic="sanctions", stance="against", evidence=(start, start + len("sanctions")))
    reference = read_codebook(BOOK).reference
    return [*expected, Annotation(passage="emoji #1", annotator="anna", codebook=reference, labels=(label,))]


def compare(anna: Person, bert: Person, expected: list[Annotation], folder: Path) -> None:
    export = anna.export(int((folder / "project.txt").read_text()), folder / "export.json")
    names = [part for who, name in ((anna, "anna"), (bert, "bert")) for part in ("--annotator", f"{who.id}={name}")]
    out = folder / "imported"
    print(demarche("labels", "import", "label-studio", export, "--codebook", BOOK, "--out", out, *names))
    data = read_labelled(BOOK, [out / "passages.jsonl"], [out / "annotations.jsonl"])
    wanted, found = plain(expected), plain(data.annotations)
    different = [key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)]
    same_texts = data.passages == [passage for _, passage in read_jsonl(folder / "passages.jsonl", Passage, Problems())]
    print(f"{len(found)} readings came back, {len(different)} of them not as they were made: {different}")
    print(f"passages {'are the same' if same_texts else 'DIFFER'}")
    if different or not same_texts:
        raise SystemExit(1)


def refuse_another(anna: Person, folder: Path) -> None:
    configuration = (
        '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="x"/><Choice value="y"/>'
        "</Choices></View>"
    )
    project, _ = anna.project("Another", configuration, [{"data": {"text": "A text of another project."}}])
    export = anna.export(project, folder / "another.json")
    out = folder / "refused"
    print(demarche("labels", "import", "label-studio", export, "--codebook", BOOK, "--out", out, expect=(2,)))


def ask_backend(anna: Person, model: str, passages: list[Passage], files: Path, tags: Path) -> None:
    """Connect a model to a project without predictions, and compare what it says with the tags."""
    command = [sys.executable, "-m", "demarche", "labels", "backend", str(BOOK), "--model", model]
    process = subprocess.Popen([*command, "--port", str(BACKEND_PORT)])
    try:
        url = wait_for(f"http://127.0.0.1:{BACKEND_PORT}", "/health", process)
        tasks = [{"data": each["data"]} for each in json.loads((files / "tasks.json").read_text(encoding="utf-8"))]
        project, ids = anna.project("With a model", (files / "config.xml").read_text(encoding="utf-8"), tasks)
        anna.call("POST", "/api/ml/", {"url": url, "project": project, "title": "demarche"})
        action = f"/api/dm/actions?id=retrieve_tasks_predictions&project={project}"
        anna.call("POST", action, {"selectedItems": {"all": True, "excluded": []}})
        predicted = set()
        made = 0
        for id in ids:
            task = anna.call("GET", f"/api/tasks/{id}/")
            for prediction in task["predictions"]:
                made += 1
                for result in prediction["result"]:
                    if result["from_name"] == "topics":
                        predicted |= {
                            (task["data"]["demarche"]["passage"]["id"], t) for t in result["value"]["choices"]
                        }
    finally:
        process.terminate()
        process.wait()
    suggestions = suggestions_of(tags, read_codebook(BOOK), passages, Counter())
    tagged = {(id, topic.topic) for id, each in suggestions.items() for topic in each.topics}
    different = {pair for pair in tagged ^ predicted if pair[0] in suggestions}
    print(f"the model made {made} predictions for {len(ids)} tasks, with {len(predicted)} topics;")
    print(f"{len(different)} topics are not those of `demarche tag`, in {len(suggestions)} passages that it cut alike")


if __name__ == "__main__":
    parser = ArgumentParser("benchmarks.label_studio", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("command", metavar="LABEL_STUDIO")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/label_studio"))
    parser.add_argument("pictures", type=Path, nargs="?", default=Path("docs"))
    parser.add_argument("--model")
    told = parser.parse_args()
    if shutil.which(told.command) is None:
        raise SystemExit(f"{told.command}: no such command; install Label Studio in an environment of its own")
    main(told.command, told.folder, told.pictures, told.model)
