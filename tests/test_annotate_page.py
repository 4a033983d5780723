"""The page to label passages on works in a browser, by keyboard alone, and a kill loses nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn

from labels.annotate.server import HOST, make_app, new_token
from labels.annotate.session import Session
from labels.check import read_passages
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


class Here:
    """The page of the same files, served by a thread: it starts at once, but cannot be killed."""

    def __init__(self, folder: Path):
        self._session = Session(BOOK, read_passages(folder / "passages.jsonl"), "anna", folder / "anna.jsonl")
        self._socket = socket.create_server((HOST, 0))
        port, token = self._socket.getsockname()[1], new_token()
        self.address = f"http://{HOST}:{port}/?token={token}"
        app = make_app(self._session, token=token, port=port)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self._session.close()


@pytest.fixture
def here(folder: Path) -> Iterator[Here]:
    server = Here(folder)
    yield server
    server.stop()


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


def opened(driver: Any, server: Server | Here) -> Any:
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


def select(driver: Any, part: str) -> None:
    """Select the first occurrence of these words in the passage."""
    driver.execute_script(
        "const text = document.getElementById('text'); const walk = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);"
        "while (walk.nextNode()) { const at = walk.currentNode.data.indexOf(arguments[0]); if (at >= 0) {"
        "getSelection().setBaseAndExtent(walk.currentNode, at, walk.currentNode, at + arguments[0].length); break; } }",
        part,
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


def test_evidence_and_holder_are_the_selected_text_counted_in_code_points(
    chromium: Any, folder: Path, here: Here
) -> None:
    opened(chromium, here)
    chromium.execute_script("go(19)")
    press(chromium, "1f")
    for part, key in (("all.", "e"), ("👩‍👩‍👧", "h")):
        select(chromium, part)
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


def test_a_second_tab_sees_what_the_first_saved_and_undo_takes_it_back(chromium: Any, folder: Path, here: Here) -> None:
    opened(chromium, here)
    first = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    opened(chromium, here)
    press(chromium, "1f")
    wait(lambda: saved(chromium))
    chromium.switch_to.window(first)
    press(chromium, "2")
    status = wait(lambda: (text := chromium.find_element("id", "status").text) != "saving …" and text)
    assert "changed on another page" in status or "saved" in status
    assert labels_of(folder)["p00"][0] == ("tea", "favor")
    press(chromium, "u")
    wait(lambda: chromium.find_element("id", "status").text == "taken back")
    chromium.close()
    chromium.switch_to.window(chromium.window_handles[0])


@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_fits_its_window_and_asks_nobody_else(chromium: Any, folder: Path, here: Here, width: int) -> None:
    chromium.get_log("browser")
    opened(chromium, here)
    set_width(chromium, width)
    press(chromium, "12")
    wait(lambda: saved(chromium))
    assert chromium.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert chromium.get_log("browser") == []


def test_a_stopped_server_is_told_and_the_unsaved_label_is_not_shown_as_saved(chromium: Any, folder: Path) -> None:
    server = Server(folder)
    opened(chromium, server)
    server.kill()
    press(chromium, "1")
    wait(lambda: "not saved" in chromium.find_element("id", "status").text)
    assert chromium.find_element("id", "count").text == "0 of 20 read"
    for key, place in (("u", "status"), ("s", "suggestion")):
        chromium.execute_script("say(''); $('suggest-line').hidden = false")
        press(chromium, key)
        wait(lambda place=place: "has stopped" in chromium.find_element("id", place).text)


def key(driver: Any, **fields: Any) -> None:
    """A key of another keyboard, or one that is held down."""
    driver.execute_script(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...arguments[0] }))", fields
    )


def test_a_doubt_and_a_note_before_the_first_label_are_kept_with_it(chromium: Any, folder: Path, here: Here) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(chromium, here)
    press(chromium, "d", "m")
    press(chromium, "why", Keys.ENTER)
    chromium.execute_script("dispatchEvent(new Event('focus'))")  # the reader looked something up in another window
    press(chromium, "1")
    wait(lambda: saved(chromium))
    press(chromium, "1", "2")  # another topic instead
    wait(lambda: saved(chromium) and labels_of(folder) == {"p00": [("rain", None)]})
    assert (reading(folder, "p00").doubt, reading(folder, "p00").note) == (True, "why")


def test_a_note_that_is_being_written_is_saved_before_the_page_closes(chromium: Any, folder: Path, here: Here) -> None:
    opened(chromium, here)
    press(chromium, "1m")
    press(chromium, "half a no")
    closing = "const closing = new Event('beforeunload', { cancelable: true }); dispatchEvent(closing); return closing.defaultPrevented"
    assert chromium.execute_script(closing)
    wait(lambda: reading(folder, "p00").note == "half a no")


def test_enter_after_a_click_goes_on_and_a_key_that_is_held_down_acts_once(
    chromium: Any, folder: Path, here: Here
) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(chromium, here)
    chromium.find_element("css selector", "#topics .topic").click()
    press(chromium, Keys.ENTER)
    for repeat in (False, True, True, True):
        key(chromium, key="0", code="Digit0", repeat=repeat)
    wait(lambda: saved(chromium) and len(labels_of(folder)) >= 2)
    assert labels_of(folder) == {"p00": [("tea", None)], "p01": []}


def test_keys_are_those_of_a_latin_keyboard_whatever_the_annotator_writes(
    chromium: Any, folder: Path, here: Here
) -> None:
    opened(chromium, here)
    key(chromium, key="١", code="Digit1")  # Arabic
    key(chromium, key="а", code="KeyF")  # Russian
    key(chromium, key="é", code="Digit2")  # French
    key(chromium, key="A", code="KeyA")  # Caps Lock
    wait(lambda: saved(chromium) and labels_of(folder) == {"p00": [("tea", "favor"), ("rain", "against")]})


def test_a_tab_that_the_reader_comes_back_to_shows_what_another_saved(chromium: Any, folder: Path, here: Here) -> None:
    opened(chromium, here)
    first = chromium.current_window_handle
    chromium.find_element("id", "text").click()  # has the focus, so that its selection could be lost
    chromium.switch_to.new_window("tab")
    opened(chromium, here)
    press(chromium, "1f")
    wait(lambda: saved(chromium))
    chromium.close()
    chromium.switch_to.window(first)
    chromium.execute_script("dispatchEvent(new Event('focus'))")
    wait(lambda: chromium.find_element("id", "state").text == "read")
    press(chromium, "a")
    wait(lambda: labels_of(folder) == {"p00": [("tea", "against")]})


def test_an_answer_that_was_overtaken_by_a_save_changes_nothing(chromium: Any, folder: Path, here: Here) -> None:
    opened(chromium, here)
    press(chromium, "1")
    wait(lambda: saved(chromium))
    chromium.execute_script("take(shown(), { reading: null, revision: 0 }); show()")
    assert chromium.find_element("id", "state").text == "read"
    press(chromium, "f")
    wait(lambda: saved(chromium) and labels_of(folder) == {"p00": [("tea", "favor")]})


def test_evidence_is_marked_by_a_button_too(chromium: Any, folder: Path, here: Here) -> None:
    opened(chromium, here)
    set_width(chromium, 360)
    chromium.execute_script("go(19)")
    press(chromium, "1")
    wait(lambda: saved(chromium))
    select(chromium, "all.")
    chromium.find_element("css selector", "#topics .evidence").click()
    wait(lambda: saved(chromium) and reading(folder, "p19").labels[0].evidence)
    start, end = reading(folder, "p19").labels[0].evidence or (0, 0)
    assert NASTY[start:end] == "all."


def test_labels_are_in_view_beside_a_long_passage_which_has_the_focus(chromium: Any, folder: Path) -> None:
    long = "Tea is good, says the town, and says it again. " * 200
    with (folder / "passages.jsonl").open("a", encoding="utf-8") as file:
        file.write(Passage(id="long", article="long", text=long, start=0, end=len(long)).model_dump_json() + "\n")
    server = Here(folder)
    opened(chromium, server)
    chromium.execute_script("go(20)")
    assert chromium.switch_to.active_element.get_attribute("id") == "text"
    assert chromium.execute_script(
        "return document.querySelector('#none').getBoundingClientRect().bottom < innerHeight"
    )
    press(chromium, "1", *["e"] * 20)
    marked = (
        "const mark = document.querySelector('mark').getBoundingClientRect(), text = $('text').getBoundingClientRect();"
    )
    assert chromium.execute_script(marked + "return text.top <= mark.top && mark.bottom <= text.bottom")
    server.stop()
