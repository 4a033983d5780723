"""How far a batch has come is shown on a terminal, written for schedulers, and otherwise not at all."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from demarche.tag_progress import Bar, JsonLines
from labels.files import write_jsonl
from labels.passages import Article
from tagging.batch import tag_files
from tagging.outputs import Outputs
from tagging.progress import State
from tagging.readers import ArticleColumns
from tests.conftest import demarche, make_articles

STATE = State(
    stage="tagging", articles=8, passages=30, tags=12, earlier=10, done=9, total=None, files=3, files_left=1
)  # fmt: skip


class Kept:
    """A progress that keeps all states."""

    def __init__(self) -> None:
        self.states: list[State] = []

    def update(self, state: State) -> None:
        self.states.append(state)


def states(inputs: Path, model: Path, out: Path) -> list[State]:
    kept = Kept()
    tag_files([inputs], model, Outputs(out), model="m", columns=ArticleColumns(), jobs=1, progress=kept)
    return kept.states


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    for number, article in enumerate(make_articles(5)[0]):
        (tmp_path / "articles" / f"{number}.txt").write_text(article.text)
    (tmp_path / "articles" / "5.txt").write_text("")
    return tmp_path / "articles"


def test_the_number_of_articles_is_known_for_files_and_not_for_tables(model: Path, files: Path, tmp_path: Path) -> None:
    last = states(files, model, tmp_path / "out")[-1]
    assert (last.stage, last.articles, last.done, last.total, last.files_left) == ("writing", 5, 6, 6, 0)
    again = states(files, model, tmp_path / "out")[-1]
    assert (again.articles, again.done, again.total) == (0, 6, 6)
    write_jsonl(tmp_path / "t.jsonl", [Article(id=a.id, text=a.text) for a in make_articles(3)[0]])
    last = states(tmp_path / "t.jsonl", model, tmp_path / "tags.csv")[-1]
    assert (last.articles, last.done, last.total, last.files) == (3, 3, None, 1)


@pytest.mark.parametrize("name", ["feed.xml", "feed.php"])
def test_the_number_of_entries_of_feeds_is_not_known(model: Path, tmp_path: Path, name: str) -> None:
    entries = (f"<item><guid>n-{a.id}</guid><description>{a.text}</description></item>" for a in make_articles(3)[0])
    (tmp_path / name).write_text(f"<rss><channel><title>T</title>{''.join(entries)}</channel></rss>")
    last = states(tmp_path / name, model, tmp_path / "tags.csv")[-1]
    assert (last.articles, last.done, last.total, last.files) == (3, 3, None, 1)


def test_a_scheduler_reads_an_object_a_line_and_the_last_says_how_the_batch_ended(
    model: Path, files: Path, tmp_path: Path
) -> None:
    command = ("tag", files, "--model", model, "--out", tmp_path / "tags.csv", "--jobs", "1", "--progress", "json")
    result = demarche(*command)
    lines = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    assert [line["stage"] for line in lines][-1] == "done"
    assert lines[-1].items() >= {"articles": 5, "files": 6, "files_left": 0, "articles_left": 0}.items()
    assert lines[-1]["passages"] > 5
    (files / "0.txt").rename(files / "new.txt")
    assert "{" not in demarche(*command[:-2]).stderr


def test_a_batch_that_fails_has_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(OSError), JsonLines() as lines:
        for _ in range(3):
            lines.update(STATE)
        raise OSError("full")
    first, last = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["stage"], last["stage"], last["articles"]) == ("tagging", "stopped", 8)
    assert first["articles_left"] is None


def test_a_batch_that_went_on_does_not_count_earlier_passages_as_speed() -> None:
    bar = Bar()
    bar._clock._start -= 20
    bar.update(STATE)
    assert bar._progress.tasks[0].fields["counts"] == "8 articles, 1 file left, 1 passages/s, 12 tags"


def test_the_bar_is_on_terminals_only_and_leaves_the_cursor_visible(model: Path, files: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "demarche", "tag", files, "--model", model, "--out", tmp_path / "tags.csv"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([*map(str, command), "--jobs", "1"], stderr=theirs, stdout=subprocess.PIPE, env=env)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 10_000):
            shown += part
    except OSError:  # Linux reports the end of a terminal so
        pass
    os.close(ours)
    printed = process.communicate()[0]
    assert process.returncode == 3
    assert b"tags in" in printed
    assert b"\x1b" not in printed
    assert b"of 6 articles" in shown
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
