"""Passages and readings go to an annotation tool, and come back in its own export format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labels.codebook import STANCES, Codebook, Topic, write_codebook
from labels.errors import DemarcheError, Problems
from labels.files import read_jsonl, write_jsonl
from labels.passages import Annotation, Label, Passage, Shares
from labels.tools.offsets import from_utf16, to_utf16
from tests.conftest import BOOK, demarche
from tests.tool_exports import (
    EXPORTS,
    TEXT,
    TOOLS,
    USERS,
    export,
    of_label_studio,
    passage,
    plain,
    read,
    reading,
    span,
    without_spans,
    write,
)

_IDS = st.sampled_from(
    ["tea", 'rain, or "drizzle"', "чай 茶", "<b>&amp;", "a: b", "it's", "🌧", "none", "x  y", "tea; milk"]
)
_TEXTS = st.text("ab 😀🌧👩🏽‍🚀e\u0301\n\r\t\u2028\xa0\ufeff茶й<&\"'\\{[,:", min_size=1, max_size=30).filter(
    lambda text: text.strip() != ""
)


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Codebook, list[Passage], list[Annotation]]:
    ids = draw(st.lists(_IDS, min_size=1, max_size=4, unique=True))
    book = Codebook(id="town", version="1.2.0", topics=tuple(Topic(id=id) for id in ids))
    texts = draw(st.lists(_TEXTS, min_size=1, max_size=3))
    passages = [passage(f"{number} 'ü\"", text) for number, text in enumerate(texts)]
    annotations = []
    for each in passages:
        labels = []
        for topic in draw(st.lists(st.sampled_from(ids), unique=True)):
            start = draw(st.integers(0, len(each.text) - 1))
            end = draw(st.integers(start + 1, len(each.text)))
            # A holder that the text names can be marked in it in every tool.
            holder = each.text[start:end].strip() or None
            labels.append(
                Label(
                    topic=topic,
                    stance=draw(st.sampled_from([*STANCES, None])),
                    evidence=draw(st.sampled_from([(start, end), None])),
                    holder=draw(st.sampled_from([holder, None])),
                )
            )
        version = draw(st.sampled_from(["1.2.0", "1.1.0"]))
        annotations.append(
            Annotation(passage=each.id, annotator="anna", codebook=f"town@{version}", labels=tuple(labels))
        )
    return book, passages, annotations


@pytest.mark.parametrize("tool", TOOLS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=labelled())
def test_topics_stance_holder_and_evidence_survive_the_round_trip(
    tool: str, data: tuple[Codebook, list[Passage], list[Annotation]], tmp_path: Path
) -> None:
    book, passages, annotations = data
    lost = export(tool, tmp_path, *annotations, passages=passages, book=book).lost
    imported = read(tool, EXPORTS[tool](tmp_path), book)
    if lost:  # the spans of doccano must not overlap, and those of Argilla not end after the number of code points
        assert tool in ("doccano", "argilla")
        annotations = [without_spans(each) for each in annotations]
        imported = imported._replace(annotations=[without_spans(each) for each in imported.annotations])
    assert plain(imported.annotations) == plain(annotations)
    assert imported.passages == passages
    assert not imported.left_out


@pytest.mark.parametrize("tool", ["label-studio", "prodigy", "argilla"])
def test_the_readings_of_two_annotators_come_back(tool: str, tmp_path: Path) -> None:
    both = [reading(Label(topic="tea", holder="nobody in the text" if tool != "prodigy" else None)), reading(by="bert")]
    export(tool, tmp_path, *both)
    assert plain(read(tool, EXPORTS[tool](tmp_path)).annotations) == plain(both)


@pytest.mark.parametrize("tool", TOOLS)
def test_what_a_tool_cannot_hold_is_counted(tool: str, tmp_path: Path) -> None:
    target = Label(target="the fair", stance="favor")
    shares = Label(topic="tea", shares=Shares(favor=0.5, against=0.5))
    passages = [passage(), passage("p 2")]
    unsure = reading(shares, target).model_copy(update={"doubt": True, "note": "or is it rain?"})
    lost = export(tool, tmp_path, unsure, reading(target, of="p 2"), passages=passages).lost
    assert lost == {
        "doubts and notes": 1, "shares of a stance": 1, "labels of a target without a topic": 2, "readings of targets alone": 1,
    }  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("other", TOOLS)
def test_the_file_of_another_tool_is_refused(tool: str, other: str, tmp_path: Path) -> None:
    export(other, tmp_path, reading(Label(topic="tea")))
    if tool != other:
        with pytest.raises(DemarcheError, match=f"demarche labels import {other}"):
            read(tool, EXPORTS[other](tmp_path))


@pytest.mark.parametrize("tool", TOOLS)
def test_the_export_of_another_codebook_is_refused(tool: str, tmp_path: Path) -> None:
    export(tool, tmp_path, reading(Label(topic="tea")))
    other = Codebook(id="village", version="1.0.0", topics=BOOK.topics)
    with pytest.raises(DemarcheError, match=r"of a project with codebook tiny@1\.0\.0, not village@1\.0\.0"):
        read(tool, EXPORTS[tool](tmp_path), other)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_text_that_was_changed_in_the_tool_is_refused(tool: str, tmp_path: Path) -> None:
    export(tool, tmp_path, reading(Label(topic="tea")))
    file = EXPORTS[tool](tmp_path)
    known = {"p 1": passage(text=TEXT.replace("mayor", "major"))}
    with pytest.raises(DemarcheError, match="another text than in the file of --passages"):
        read(tool, file, known=known)


@pytest.mark.parametrize("tool", ["doccano", "argilla"])
def test_pages_in_javascript_count_an_emoji_as_two(tool: str, tmp_path: Path) -> None:
    export(tool, tmp_path, reading(Label(topic="tea", evidence=span("mayor"))))
    exported = EXPORTS[tool](tmp_path).read_text(encoding="utf-8")
    row = json.loads(exported) if tool == "doccano" else json.loads(exported)[0]
    found = (
        row["entities"][0][:2] if tool == "doccano" else [row["spans.responses"][0][0][end] for end in ("start", "end")]
    )
    assert found == [place + 1 for place in span("mayor")]


def test_a_span_does_not_end_within_a_character() -> None:
    assert from_utf16(TEXT, to_utf16(TEXT, (0, len(TEXT)))) == (0, len(TEXT))
    with pytest.raises(DemarcheError, match="within a character"):
        from_utf16(TEXT, (1, 5))
    with pytest.raises(DemarcheError, match="outside the passage"):
        from_utf16(TEXT, (0, 4000))


@pytest.mark.parametrize("tool", TOOLS)
def test_the_commands_write_and_read_the_files_of_a_tool(tool: str, workspace: Path) -> None:
    labels = ["codebook.yaml", "passages.jsonl", "annotations.jsonl"]
    user = ["--user", f"one={USERS['anna']}"] if tool == "argilla" else []
    exported = demarche("labels", "export", tool, *labels, "--out", "for-tool", *user)
    assert exported.exit_code == 0, exported.output
    assert f"demarche labels import {tool}" in exported.output
    file = EXPORTS[tool](workspace / "for-tool")
    named = {
        "argilla": ["--annotator", f"{USERS['anna']}=one"],
        "doccano": ["--annotator-name", "one", "--empty", "none"],
    }
    result = demarche("labels", "import", tool, file, "--codebook", "codebook.yaml", "--passages", "passages.jsonl",
                      "--out", "back", *named.get(tool, []))  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "demarche labels check codebook.yaml back/passages.jsonl back/annotations.jsonl" in result.output
    before, after = ([each for _, each in read_jsonl(Path(name), Annotation, Problems())]
                     for name in ("annotations.jsonl", "back/annotations.jsonl"))  # fmt: skip
    assert plain(after) == plain(before)
    assert Path("back/passages.jsonl").read_text() == Path("passages.jsonl").read_text()


def test_all_broken_lines_are_reported_and_nothing_is_written(workspace: Path) -> None:
    row = {
        "text": "x",
        "cats": ["tee"],
        "demarche": {"codebook": "tiny@1.0.0", "passage": {"id": "x", "article": "x", "start": 0, "end": 1}},
    }
    stranger = {"text": "Tea.", "label": []}
    lines = [json.dumps(row), "{", "[1]", json.dumps(stranger), json.dumps({**row, "cats": []})]
    write(workspace / "anna.jsonl", "\n".join(lines))
    result = demarche("labels", "import", "doccano", "anna.jsonl", "--codebook", "codebook.yaml", "--out", "back")
    assert result.exit_code == 2
    for line in range(1, 6):
        assert f"anna.jsonl:{line}: " in result.output
    assert not Path("back").exists()


def test_a_codebook_that_gives_two_labels_one_name_is_refused(tmp_path: Path) -> None:
    book = Codebook(id="town", version="1.0.0", topics=(Topic(id="tea"), Topic(id="tea: favor")))
    with pytest.raises(DemarcheError, match="rename a topic"):
        export("prodigy", tmp_path, book=book)
    commas = Codebook(id="town", version="1.0.0", topics=(Topic(id="tea, milk"), Topic(id="tea; milk")))
    with pytest.raises(DemarcheError, match="rename one"):
        export("label-studio", tmp_path, book=commas)


def test_an_export_of_nobody_is_refused(workspace: Path) -> None:
    write_codebook(workspace / "codebook.yaml", BOOK)
    write_jsonl(workspace / "passages.jsonl", [passage()])
    demarche("labels", "export", "label-studio", "codebook.yaml", "passages.jsonl", "--out", "p")
    result = demarche("labels", "import", "label-studio", of_label_studio(Path("p")), "--codebook", "codebook.yaml",
                      "--out", "back")  # fmt: skip
    assert result.exit_code == 2
    assert "no passage has been read yet" in result.output
