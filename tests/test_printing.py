"""Nothing from a file reaches the terminal as it is: not a colour, not a line of its own, not a reversed order."""

from __future__ import annotations

import ast
import json
import pickle
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import demarche as front_door
from demarche import printing
from labels.codebook import write_codebook
from labels.errors import BadInput, DemarcheError, Problem
from labels.files import write_jsonl
from labels.wording import counted, printable
from models import saved
from models.tagger import Tagger
from tests.conftest import BOOK, demarche, make_articles

HOSTILE = "tea\x1b[31m\x9b1m\u202efalse\nno errors: all is well\r\x07\x85"


def assert_harmless(output: str) -> None:
    assert all(letter.isprintable() or letter == "\n" for letter in output), output
    assert not any(line.startswith("no errors: all is well") for line in output.split("\n")), output


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of labelled data in which every name is hostile."""
    monkeypatch.chdir(tmp_path)
    topics = tuple(topic.model_copy(update={"id": topic.id + HOSTILE, "name": HOSTILE}) for topic in BOOK.topics)
    write_codebook(tmp_path / "codebook.yaml", BOOK.model_copy(update={"topics": topics}))
    _, passages, annotations = make_articles(12)
    write_jsonl(
        tmp_path / "passages.jsonl",
        [
            each.model_copy(update={"id": each.id + HOSTILE, "source": HOSTILE, "article": each.article + HOSTILE})
            for each in passages
        ],
    )
    write_jsonl(
        tmp_path / "annotations.jsonl",
        [
            each.model_copy(
                update={
                    "passage": each.passage + HOSTILE,
                    "annotator": who + HOSTILE,
                    "labels": tuple(
                        label.model_copy(update={"topic": f"{label.topic}{HOSTILE}"})
                        for label in (each.labels if who == "one" else each.labels[:1])
                    ),
                }
            )
            for each in annotations
            for who in ("one", "two")
        ],
    )
    return tmp_path


FILES = ("codebook.yaml", "passages.jsonl", "annotations.jsonl")


@pytest.mark.parametrize(
    "command",
    [
        ("labels", "check", *FILES),
        ("labels", "stats", *FILES),
        ("labels", "agreement", *FILES),
        ("labels", "adjudicate", *FILES, "--out", "a.jsonl"),
        ("labels", "export", "table", *FILES, "--out", "a.csv"),
        ("labels", "passages", f"{HOSTILE}.txt", "--out", "p.jsonl"),
        ("labels", "check", f"{HOSTILE}.yaml", *FILES[1:]),
        ("labels", "attach", "passages.jsonl", "--articles", "passages.jsonl", "--out", "b.jsonl"),
        ("labels", "import", "table", f"{HOSTILE}.csv", "--out", "c", "--topics", "topic"),
        ("labels", "import", "table", f"{HOSTILE}.csv", "--out", "c", "--topics", HOSTILE),
        ("train", f"{HOSTILE}.yaml"),
        ("tag", HOSTILE, "--model", "model", "--out", "t.csv"),
        ("tag", ".", "--model", HOSTILE, "--out", "t.csv"),
        ("tag", ".", "--model", "model", "--out", f"{HOSTILE}.csv"),
    ],
    ids=lambda command: printable(" ".join(command))[:40],
)
def test_no_control_character_reaches_the_terminal(command: tuple[str, ...], hostile: Path) -> None:
    (hostile / f"{HOSTILE}.csv").write_text(f"text,topic\nWe like it,{HOSTILE[:12]}\n", encoding="utf-8")
    (hostile / f"{HOSTILE}.txt").write_text("The council praises the teapot.\n", encoding="utf-8")
    result = demarche(*command)
    assert result.exit_code in (0, 2, 3), result.exc_info
    assert result.output
    assert_harmless(result.output)


def test_a_hostile_model_and_hostile_articles_are_printed_harmlessly(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / f"model{HOSTILE}"
    tagger = Tagger.load(model)
    topics = tuple(topic.model_copy(update={"id": topic.id + HOSTILE}) for topic in BOOK.topics)
    Tagger(BOOK.model_copy(update={"topics": topics}), tagger.reader, tagger.settings).save(folder)
    articles = [
        {"id": f"{number}{HOSTILE}", "title": HOSTILE, "text": text}
        for number, text in enumerate(["The council praises the teapot, the kettle and the brew.", "", HOSTILE])
    ]
    table = tmp_path / f"in{HOSTILE}.jsonl"
    table.write_text("".join(json.dumps(article) + "\n" for article in articles), encoding="utf-8")
    result = demarche("tag", table, "--model", folder, "--out", tmp_path / "tags.csv")
    assert result.exit_code == 3, result.output
    assert "tea\\x1b[31m" in result.output
    assert_harmless(result.output)


@pytest.mark.parametrize("version", [HOSTILE, [HOSTILE], {HOSTILE: 1}])
def test_a_hostile_manifest_is_printed_harmlessly(version: object, model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    manifest = json.loads((folder / saved.MANIFEST).read_text(encoding="utf-8"))
    (tmp_path / "a.txt").write_text("The council praises the teapot.")
    for change in ({"demarche_model": version}, {"files": {HOSTILE: HOSTILE}}):
        (folder / saved.MANIFEST).write_text(json.dumps(manifest | change), encoding="utf-8")
        result = demarche("tag", tmp_path / "a.txt", "--model", folder, "--out", tmp_path / "tags.csv")
        assert result.exit_code == 2
        assert_harmless(result.output)


@given(st.text())
def test_what_is_printed_is_one_printable_line(text: str) -> None:
    shown = printable(text)
    assert all(letter.isprintable() or letter in "\u200c\u200d" for letter in shown)
    assert printable(shown) == shown
    assert (shown == text) == (text.replace("\u200c", "").replace("\u200d", "").isprintable())


def test_an_error_of_several_lines_keeps_them_and_no_others() -> None:
    error = DemarcheError("first\n", "second\x1b")
    assert str(error) == "first\\n\nsecond\\x1b"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(BadInput([Problem("a\nb", 1, "what"), Problem("c", None, "\u202e")])) == "a\\nb:1: what\nc: \\u202e"


def test_only_one_module_prints() -> None:
    for path in Path(front_door.__file__).parent.glob("*.py"):
        names = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "typer"
        }
        assert path.name == "printing.py" or not names & {"echo", "secho", "echo_via_pager"}, f"{path.name}: use echo"


def test_one_thing_is_not_plural() -> None:
    assert [counted(number, "passage") for number in (0, 1, 2)] == ["0 passages", "1 passage", "2 passages"]
    assert counted(2, "passage has", "passages have") == "2 passages have"


def test_the_version_is_printed() -> None:
    result = demarche("--version")
    assert result.exit_code == 0
    assert result.output.startswith("demarche ")


def test_no_completion_is_offered_that_does_not_work() -> None:
    for command in ((), ("labels",), ("labels", "import"), ("runs",)):
        assert "completion" not in demarche(*command, "--help").output


def test_without_a_terminal_each_work_is_named_as_it_begins_and_ends_and_steps_between_after_some_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with printing.TerminalReporter(prefix="linear: ") as reporter:
        for done in range(3):
            reporter.step("topics", done=done, total=6)
        reporter.step(f"stance/{HOSTILE}", done=0, total=3)
        reporter.step("topics", done=6, total=6)
        monkeypatch.setattr(printing, "_SECONDS_OF_A_STEP", 0.0)
        reporter.step("stance", done=0, total=3)
        reporter.step("stance", done=1, total=3)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "linear: topics: 0 of 6 done",
        f"linear: stance/{printable(HOSTILE)}: 0 of 3 done",
        "linear: topics: 6 of 6 done",
        "linear: stance: 0 of 3 done",
        "linear: stance: 1 of 3 done",
    ]
