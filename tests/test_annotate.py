"""What is read on the page to label passages on: nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.annotate.journal import Journal
from labels.annotate.session import NotWritten, Reading, Session, Stale
from labels.errors import BadInput, DemarcheError, Problems
from labels.files import read_jsonl, write_jsonl
from labels.passages import Annotation, Label, Passage
from tests.conftest import BOOK

PORT = 8123
TOKEN = "a-token"


def passages(count: int = 3, text: str = "The mayor 🫖 praises tea. It rains.") -> list[Passage]:
    return [Passage(id=f"p{n}", article=f"a{n}", text=text, start=0, end=len(text)) for n in range(count)]


def session(out: Path, **fields: Any) -> Session:
    return Session(
        fields.get("codebook", BOOK), fields.get("passages", passages()), fields.get("annotator", "anna"), out
    )


def read(out: Path) -> dict[str, Annotation]:
    problems = Problems()
    annotations = {each.passage: each for _, each in read_jsonl(out, Annotation, problems)}
    problems.raise_any()
    return annotations


def journal_of(out: Path) -> Path:
    return out.with_name(out.name + ".journal")


def tea(passage: str = "p0", **fields: Any) -> Reading:
    return Reading(passage=passage, labels=(Label(topic="tea", **fields),))


LABELS = st.lists(st.builds(Label, topic=st.sampled_from(BOOK.topic_ids), stance=st.sampled_from(["favor", None])),
                  unique_by=lambda label: label.topic).map(tuple)  # fmt: skip
ACTIONS = st.lists(
    st.one_of(
        st.builds(Reading, passage=st.sampled_from(["p0", "p1"]), labels=st.one_of(st.none(), LABELS), note=st.one_of(st.none(), st.text(max_size=3))),
        st.just("undo"),
    ),
    max_size=8,
)  # fmt: skip


@given(actions=ACTIONS, cut=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_after_a_kill_at_any_byte_all_whole_actions_are_there(
    tmp_path_factory: pytest.TempPathFactory, actions: list[Any], cut: float
) -> None:
    out = tmp_path_factory.mktemp("journal") / "anna.jsonl"
    states: list[tuple[int, dict[str, Annotation]]] = []
    with closing(session(out)) as page:
        states.append((0, {}))
        for action in actions:
            page.undo() if action == "undo" else page.read(action, revision=page.revision(action.passage))
            assert read(out) == page.annotations()
            states.append((journal_of(out).stat().st_size, page.annotations()))
    # The bytes that reached the disk before the kill; the annotations are those of the action before, or of this one.
    kept = int(cut * journal_of(out).stat().st_size)
    os.truncate(journal_of(out), kept)
    whole = [annotations for size, annotations in states if size <= kept]
    write_jsonl(out, whole[-1].values())
    with closing(session(out)) as page:
        assert page.annotations() == whole[-1]
        assert read(out) == whole[-1]


def test_a_torn_last_line_is_no_action_but_a_broken_line_before_it_is_named(tmp_path: Path) -> None:
    out = tmp_path / "anna.jsonl"
    with closing(session(out)) as page:
        page.read(tea(), revision=0)
    with journal_of(out).open("a", encoding="utf-8") as journal:
        journal.write('{"passage": "p1", "lab')
    with closing(session(out)) as page:
        assert set(page.annotations()) == {"p0"}
    journal_of(out).write_text("{}\n" + journal_of(out).read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(BadInput, match=r"journal:1: what: missing"):
        session(out)


def test_a_kill_between_journal_and_annotations_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "anna.jsonl"
    with closing(session(out)) as page:
        page.read(tea(), revision=0)
        before = out.read_bytes()
        page.read(tea("p1"), revision=0)
    out.write_bytes(before)
    with closing(session(out)) as page:
        assert set(page.annotations()) == {"p0", "p1"} == set(read(out))


def test_annotations_that_were_changed_elsewhere_are_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "anna.jsonl"
    with closing(session(out)) as page:
        page.read(tea(), revision=0)
        page.read(tea("p1"), revision=0)
    write_jsonl(out, [Annotation(passage="p2", annotator="anna", codebook=BOOK.reference, labels=())])
    with pytest.raises(DemarcheError, match="has other annotations than"):
        session(out)
    assert set(read(out)) == {"p2"}


@contextmanager
def unwritable(out: Path) -> Iterator[None]:
    """A folder in the place of a file: not even root can write it."""
    aside = out.with_name("aside")
    out.rename(aside)
    out.mkdir()
    try:
        yield
    finally:
        out.rmdir()
        aside.rename(out)


def test_actions_are_kept_while_the_annotations_cannot_be_written(tmp_path: Path) -> None:
    out = tmp_path / "anna.jsonl"
    with closing(session(out)) as page:
        page.read(tea(), revision=0)
        with unwritable(out):
            for passage in ("p1", "p2"):
                with pytest.raises(NotWritten, match=r"saved in anna\.jsonl\.journal alone"):
                    page.read(tea(passage), revision=0)
        assert set(read(out)) == {"p0"}
    with closing(session(out)) as page:
        assert set(page.annotations()) == {"p0", "p1", "p2"} == set(read(out))


def test_an_action_that_the_disk_has_no_room_for_leaves_nothing(tmp_path: Path) -> None:
    with closing(session(tmp_path / "anna.jsonl")) as page:
        page.read(tea(), revision=0)
        journal = journal_of(page.out)
        before = journal.read_bytes()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 9, limits[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                page.read(tea("p1"), revision=0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert journal.read_bytes() == before
        page.read(tea("p1"), revision=0)
    assert [action.passage for action in Journal(journal).actions] == ["p0", "p1"]


def test_annotations_that_a_power_cut_left_empty_come_back_from_the_journal(tmp_path: Path) -> None:
    out = tmp_path / "anna.jsonl"
    write_jsonl(out, [Annotation(passage="p0", annotator="anna", codebook=BOOK.reference, labels=())])
    with closing(session(out)) as page:
        page.read(tea("p1"), revision=0)
    out.write_bytes(b"")
    with closing(session(out)):
        assert set(read(out)) == {"p0", "p1"}


def test_readings_keep_the_codebook_that_they_were_made_with(tmp_path: Path) -> None:
    out = tmp_path / "anna.jsonl"
    with closing(session(out)) as page:
        page.read(tea(), revision=0)
    for _ in range(2):
        with closing(session(out, codebook=BOOK.model_copy(update={"version": "1.1.0"}))) as page:
            page.read(tea("p1"), revision=page.revision("p1"))
    assert {id: each.codebook for id, each in read(out).items()} == {"p0": "tiny@1.0.0", "p1": "tiny@1.1.0"}


def test_undo_leaves_alone_what_is_not_shown(tmp_path: Path) -> None:
    with closing(session(tmp_path / "anna.jsonl")) as page:
        page.read(tea(), revision=0)
        page.show(passages()[1:])
        assert page.undo() is None
        page.read(tea("p1"), revision=0)
        assert page.undo() == "p1"
        assert page.undo() is None
        assert set(page.annotations()) == {"p0"}


def test_none_of_the_topics_is_a_reading_and_an_opened_passage_is_not(tmp_path: Path) -> None:
    with closing(session(tmp_path / "anna.jsonl")) as page:
        page.read(Reading(passage="p0", labels=()), revision=0)
        assert read(page.out)["p0"].labels == ()
        page.read(Reading(passage="p0", labels=None), revision=1)
        assert read(page.out) == {}


def test_undo_goes_back_action_by_action_also_after_a_restart(tmp_path: Path) -> None:
    out = tmp_path / "anna.jsonl"
    with closing(session(out)) as page:
        page.read(tea(), revision=0)
        page.read(tea(stance="favor"), revision=1)
        page.read(tea("p1"), revision=0)
        assert page.undo() == "p1"
    with closing(session(out)) as page:
        assert page.annotations()["p0"].labels == (Label(topic="tea", stance="favor"),)
        assert page.undo() == "p0"
        assert page.annotations()["p0"].labels == (Label(topic="tea"),)
        assert page.undo() == "p0"
        assert page.undo() is None
        assert page.annotations() == {}


def test_annotations_without_a_journal_are_continued(tmp_path: Path) -> None:
    out = tmp_path / "anna.jsonl"
    first = Annotation(passage="p0", annotator="anna", codebook="tiny@1.0.0", labels=(Label(topic="tea"),), note="hm")
    write_jsonl(out, [first])
    with closing(session(out)) as page:
        page.read(tea("p1"), revision=0)
    assert read(out)["p0"] == first
    assert set(read(out)) == {"p0", "p1"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"annotator": "bert"}, "by 'anna', not by 'bert'"),
        ({"codebook": BOOK.model_copy(update={"version": "2.0.0"})}, "labels migrate"),
    ],
)
def test_somebody_elses_file_is_refused_and_left_as_it_is(tmp_path: Path, fields: Any, message: str) -> None:
    out = tmp_path / "out.jsonl"
    write_jsonl(out, [Annotation(passage="p0", annotator="anna", codebook=BOOK.reference, labels=())])
    before = out.read_bytes()
    with pytest.raises(BadInput, match=message):
        session(out, **fields)
    assert out.read_bytes() == before
    assert not journal_of(out).exists()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((Label(topic="tae"),), r"anna\.jsonl:2: topic 'tae' is not in codebook"),
        ((Label(topic="tea", evidence=(0, 99)),), r"anna\.jsonl:2: evidence \[0, 99\] is outside"),
        ((Label(topic="tea"),), r"anna\.jsonl:2: a second reading of passage 'p0'"),
    ],
)
def test_annotations_that_check_would_refuse_are_refused_and_left_as_they_are(
    tmp_path: Path, labels: Any, message: str
) -> None:
    out = tmp_path / "anna.jsonl"
    ids = ("p0", "p0") if "second" in message else ("p0", "p1")
    write_jsonl(
        out, [Annotation(passage=id, annotator="anna", codebook=BOOK.reference, labels=labels if at else ()) for at, id in enumerate(ids)]
    )  # fmt: skip
    before = out.read_bytes()
    with pytest.raises(BadInput, match=message):
        session(out)
    assert out.read_bytes() == before


def test_a_journal_without_its_annotations_stays_that_of_its_annotator(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with closing(session(out)) as page:
        page.read(tea(), revision=0)
    out.unlink()
    with pytest.raises(BadInput, match="by 'anna', not by 'bert'"):
        session(out, annotator="bert")
    with closing(session(out)):
        assert set(read(out)) == {"p0"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"what": "read", "passage": "p0"}', "an action 'read' has a reading"),
        ('{"what": "read", "passage": "p0", "reading": {"passage": "p0", "annotator": "anna", "codebook": "tiny@1.0.0", "labels": [{"topic": "tea"}, {"topic": "tea"}]}}', "occurs twice"),
        ('{"what": "read", "passage": "p1", "reading": {"passage": "p0", "annotator": "anna", "codebook": "tiny@1.0.0", "labels": []}}', "is of passage 'p0'"),
        ("\0\0\0", "zero byte"),
    ],
)  # fmt: skip
def test_a_broken_journal_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    out = tmp_path / "anna.jsonl"
    journal_of(out).write_text(line + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        session(out)
    assert not out.exists()


def test_a_second_page_on_the_same_file_is_refused(tmp_path: Path) -> None:
    with closing(session(tmp_path / "anna.jsonl")), pytest.raises(DemarcheError, match="another page is open"):
        session(tmp_path / "anna.jsonl")


def test_a_reading_by_a_tab_that_is_out_of_date_is_refused(tmp_path: Path) -> None:
    with closing(session(tmp_path / "anna.jsonl")) as page:
        page.read(tea(), revision=0)
        with pytest.raises(Stale):
            page.read(Reading(passage="p0", labels=()), revision=0)
        assert page.annotations()["p0"].labels == (Label(topic="tea"),)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (Reading(passage="px", labels=()), "no passage 'px'"),
        (Reading(passage="p0", labels=(Label(topic="te"),)), "did you mean 'tea'"),
        (tea(evidence=(0, 99)), "is outside passage"),
        (Reading(passage="p0", labels=(Label(topic="tea"), Label(topic="tea"))), "occurs twice"),
    ],
)
def test_what_no_annotation_may_be_is_refused(tmp_path: Path, action: Reading, message: str) -> None:
    with closing(session(tmp_path / "anna.jsonl")) as page:
        with pytest.raises(DemarcheError, match=message):
            page.read(action, revision=0)
        assert page.annotations() == {}
        assert Journal(journal_of(page.out)).actions == []
