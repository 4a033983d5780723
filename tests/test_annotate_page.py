"""The page to label passages on works in a browser, by keyboard alone, and a kill loses nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labels.codebook import write_codebook
from labels.errors import Problems
from labels.files import read_jsonl, write_jsonl
from labels.passages import Annotation, Passage
from tests.chromium import needs_chromium, open_chromium, press, set_width, wait
from tests.conftest import BOOK

pytestmark = [needs_chromium, pytest.mark.xdist_group("report")]

TYPED = {
    "1f": [("tea", "favor")],
    "2a": [("rain", "against")],
    "1n2f": [("tea", "neutral"), ("rain", "favor")],
    "0": [],
    "1": [("tea", None)],
    "1aa": [("tea", None)],
    "12f1a": [("rain", "against")],
    "21f2": [("tea", "favor")],
}
"""Keys that label a passage, and its labels: a topic or stance that is chosen again is taken back."""
ARABIC = "رحبت المدينة بالشاي. ثم أمطرت."
NASTY = 'Tea 🫖 for 👩‍👩‍👧 all. <script>window.nasty = 1</script> It "rains" & pours.\nA new line.'


class Server:
    """`demarche labels annotate` in a process of its own."""

    def __init__(self, folder: Path, *options: str):
        command = [sys.executable, "-m", "demarche", "labels", "annotate", "passages.jsonl", "--annotator", "anna"]
        command += ["--codebook", "codebook.yaml", "--out", "anna.jsonl", *options]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        printed = [self.process.stdout.readline() for _ in range(2)]
        self.address = printed[1].strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with open_chromium() as driver:
        yield driver


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = [f"This is passage number {number} of the town." for number in range(18)] + [ARABIC, NASTY]
    write_codebook(tmp_path / "codebook.yaml", BOOK)
    write_jsonl(
        tmp_path / "passages.jsonl",
        [Passage(id=f"p{n:02}", article=f"a{n}", text=text, start=0, end=len(text), title="In town") for n, text in enumerate(texts)],
    )  # fmt: skip
    return tmp_path


def opened(driver: Any, server: Server) -> Any:
    set_width(driver, 1280)
    driver.get(server.address)
    wait(lambda: driver.execute_script("return document.body.dataset.ready"))
    return driver


def saved(driver: Any) -> bool:
    return bool(driver.find_element("id", "status").text == "saved")


def labels_of(folder: Path) -> dict[str, list[tuple[str | None, str | None]]]:
    problems = Problems()
    readings = [each for _, each in read_jsonl(folder / "anna.jsonl", Annotation, problems)]
    problems.raise_any()
    return {each.passage: [(label.topic, label.stance) for label in each.labels] for each in readings}


def reading(folder: Path, passage: str) -> Annotation:
    return next(
        each for _, each in read_jsonl(folder / "anna.jsonl", Annotation, Problems()) if each.passage == passage
    )


def test_twenty_passages_are_labelled_by_keyboard_and_a_kill_in_the_middle_loses_none(
    chromium: Any, folder: Path
) -> None:
    from selenium.webdriver.common.keys import Keys

    expected = {f"p{number:02}": list(TYPED)[number % len(TYPED)] for number in range(20)}
    server = Server(folder)
    opened(chromium, server)
    for number, keys in enumerate(expected.values()):
        if number == 10:
            wait(lambda: saved(chromium))
            server.kill()
            assert labels_of(folder) == {id: TYPED[typed] for id, typed in list(expected.items())[:10]}
            server = Server(folder)
            opened(chromium, server)
            assert chromium.find_element("id", "count").text == "10 of 20 read"
        # None of the topics goes on to the next passage by itself.
        press(chromium, keys, *([] if keys == "0" else [Keys.ENTER]))
    wait(lambda: chromium.find_element("id", "count").text == "20 of 20 read")
    wait(lambda: len(labels_of(folder)) == 20)
    server.kill()
    assert labels_of(folder) == {id: TYPED[typed] for id, typed in expected.items()}
    assert chromium.execute_script("return window.nasty") is None


def test_evidence_and_holder_are_the_selected_text_counted_in_code_points(chromium: Any, folder: Path) -> None:
    server = Server(folder)
    opened(chromium, server)
    chromium.execute_script("go(19)")
    press(chromium, "1f")
    for part, key in (("all.", "e"), ("👩‍👩‍👧", "h")):
        chromium.execute_script(
            "const text = document.getElementById('text'); const walk = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);"
            "while (walk.nextNode()) { const at = walk.currentNode.data.indexOf(arguments[0]); if (at >= 0) {"
            "getSelection().setBaseAndExtent(walk.currentNode, at, walk.currentNode, at + arguments[0].length); break; } }",
            part,
        )
        press(chromium, key)
    wait(lambda: saved(chromium))
    (label,) = reading(folder, "p19").labels
    assert label.evidence is not None
    assert NASTY[slice(*label.evidence)] == "all."
    assert label.holder == "👩‍👩‍👧"
    press(chromium, "e")  # without a selection: the next sentence
    wait(lambda: reading(folder, "p19").labels[0].evidence != label.evidence)
    start, end = reading(folder, "p19").labels[0].evidence or (0, 0)
    assert NASTY[start:end] == "A new line."
    server.kill()


def test_a_second_tab_sees_what_the_first_saved_and_undo_takes_it_back(chromium: Any, folder: Path) -> None:
    server = Server(folder)
    opened(chromium, server)
    first = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    opened(chromium, server)
    press(chromium, "1f")
    wait(lambda: saved(chromium))
    chromium.switch_to.window(first)
    press(chromium, "2")
    status = wait(lambda: (text := chromium.find_element("id", "status").text) != "saving …" and text)
    assert "changed on another page" in status or "saved" in status
    assert labels_of(folder)["p00"][0] == ("tea", "favor")
    press(chromium, "u")
    wait(lambda: chromium.find_element("id", "status").text == "taken back")
    server.kill()
    chromium.close()
    chromium.switch_to.window(chromium.window_handles[0])


@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_fits_its_window_and_asks_nobody_else(chromium: Any, folder: Path, width: int) -> None:
    server = Server(folder)
    chromium.get_log("browser")
    opened(chromium, server)
    set_width(chromium, width)
    press(chromium, "12")
    wait(lambda: saved(chromium))
    assert chromium.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert chromium.get_log("browser") == []
    server.kill()


def test_a_stopped_server_is_told_and_the_unsaved_label_is_not_shown_as_saved(chromium: Any, folder: Path) -> None:
    server = Server(folder)
    opened(chromium, server)
    server.kill()
    press(chromium, "1")
    wait(lambda: "not saved" in chromium.find_element("id", "status").text)
    assert chromium.find_element("id", "count").text == "0 of 20 read"
