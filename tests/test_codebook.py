"""A codebook is read completely, or refused with file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.codebook import STANCES, Codebook, Topic, fits, is_stub, read_codebook, write_codebook
from labels.errors import BadInput, DemarcheError
from tests.conftest import REPOSITORY

HEAD = "id: tiny\nversion: '1.0.0'\n"


def test_the_shipped_codebook_defines_every_topic_completely() -> None:
    book = read_codebook(REPOSITORY / "labels/foreign_affairs/codebook.yaml")
    assert set(book.topic_ids) == {"arms_control", "sanctions", "arctic", "climate", "cyber"}
    assert set(book.stances) == set(STANCES)
    assert book.reference == "foreign-affairs@1.1.0"
    assert len(book.rules) == 7
    assert all(topic.definition and topic.target and topic.keywords for topic in book.topics)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "codebook.yaml: empty or not a mapping"),
        ("- tea\n- rain\n", "codebook.yaml: empty or not a mapping"),
        ("id: [tea\n", "codebook.yaml:2: not YAML"),
        ("id: tiny\n\tversion: 1\n", "codebook.yaml:2: not YAML"),
        ("id: tiny\nversion: 2020-13-45\n", "codebook.yaml: version: "),
        ("id: !!timestamp soon\n", "codebook.yaml:1: not YAML of plain values: the tag 'timestamp' is not read"),
        ("id: tiny\nversion: !!float one\n", "codebook.yaml:2: not YAML of plain values: 'one' is not of type 'float'"),
        ("id: !!python/object/apply:os.getcwd []\n", "codebook.yaml:1: not YAML"),
        ("id: tiny\x07\n", "codebook.yaml: not YAML"),
        ("id: tiny\n", "codebook.yaml: version: missing"),
        ("id: tiny\nversion: 1.0\n", "version: 1.0 must be three numbers in quotes, like '1.0.0'"),
        ("id: tiny\nversion: '1.0'\n", "codebook.yaml: version"),
        ("id: ti ny\nversion: '1.0.0'\n", "codebook.yaml: id"),
        ("id: tiny@2\nversion: '1.0.0'\n", "codebook.yaml: id"),
        (HEAD + "topics: [{id: tea}, {id: tea}]\n", "topics: 'tea' occurs twice"),
        (HEAD + "topics: [{id: ' '}]\n", "topics.0.id"),
        (HEAD + "topics: [{id: no}]\n", "topics.0.id: Input should be a valid string"),
        (HEAD + "topics: {tea: {target: x}}\n", "codebook.yaml: topics"),
        (HEAD + "topics: [{id: tea, keyword: [pot]}]\n", "topics.0.keyword: unknown field"),
        (HEAD + "topics: [{id: tea, keywords: pot}]\n", "topics.0.keywords"),
        (HEAD + "rules: {lists: each item}\n", "codebook.yaml: rules"),
        (HEAD + "rules: [lists: each item]\n", "codebook.yaml: rules.0"),
        (HEAD + "stances: {favour: for it}\n", "'favour' is not allowed; did you mean 'favor'?"),
    ],
)
def test_an_invalid_codebook_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "codebook.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as raised:
        read_codebook(path)
    assert message in str(raised.value)


def test_every_mistake_in_a_codebook_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "id: a b\nversion: 1\ntopics: [{name: tea}, {id: 3}]\nextra: 1\n", encoding="utf-8"
    )
    with pytest.raises(BadInput) as raised:
        read_codebook(tmp_path / "c.yaml")
    fields = [problem.what.split(":")[0] for problem in raised.value.problems]
    assert fields == ["id", "version", "topics.0.id", "topics.1.id", "extra"]


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_codebook_from_any_editor_reads(tmp_path: Path, prefix: bytes, end: bytes) -> None:
    lines = ["id: tiny", "version: '1.0.0'", "topics:", "- {id: thé, target: boire du thé}"]
    (tmp_path / "c.yaml").write_bytes(prefix + end.join(line.encode() for line in lines) + end)
    assert read_codebook(tmp_path / "c.yaml").topics == (Topic(id="thé", target="boire du thé"),)


def test_a_codebook_that_is_missing_or_not_utf_8_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes("id: thé\n".encode("latin-1"))
    with pytest.raises(DemarcheError, match=r"c.yaml: not UTF-8 \(byte 0xe9 in line 1\).* or save the file as UTF-8"):
        read_codebook(tmp_path / "c.yaml")
    with pytest.raises(DemarcheError, match="no such file; check the path"):
        read_codebook(tmp_path / "d.yaml")
    with pytest.raises(DemarcheError, match="is a folder"):
        read_codebook(tmp_path)


def test_a_codebook_without_topics_serves_open_targets(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(HEAD, encoding="utf-8")
    assert read_codebook(tmp_path / "c.yaml").topic_ids == ()


words = st.text(max_size=12)
names = st.text(min_size=1, max_size=12).filter(str.strip)
topics = st.builds(Topic, id=names, name=words, definition=words, target=words, keywords=st.tuples(names, names))
books = st.builds(
    Codebook,
    id=st.from_regex(r"[a-z][a-z_-]{0,8}", fullmatch=True),
    version=st.just("10.2.3"),
    topics=st.lists(topics, max_size=3, unique_by=lambda topic: topic.id).map(tuple),
    stances=st.dictionaries(st.sampled_from(STANCES), words),
    rules=st.lists(words, max_size=2).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(book=books)
def test_a_codebook_reads_back_as_written(tmp_path_factory: pytest.TempPathFactory, book: Codebook) -> None:
    path = tmp_path_factory.mktemp("book") / "codebook.yaml"
    write_codebook(path, book)
    assert read_codebook(path) == book


@pytest.mark.parametrize(
    ("reference", "fit"),
    [
        ("tiny@1.2.3", "same"),
        ("tiny@1.0.0", "older"),
        ("tiny@1.10.0", "older"),
        ("tiny@2.0.0", "other"),
        ("tiny@10.2.3", "other"),
        ("Tiny@1.2.3", "other"),
        ("tiny", "other"),
    ],
)
def test_labels_fit_codebooks_of_the_same_major_version(reference: str, fit: str) -> None:
    assert fits(reference, Codebook(id="tiny", version="1.2.3")) == fit


def test_a_codebook_with_rules_is_no_stub() -> None:
    stub = Codebook(id="tiny", version="1.0.0", topics=(Topic(id="tea"),))
    assert is_stub(stub)
    assert not is_stub(stub.model_copy(update={"rules": ("Tea with milk is tea.",)}))


def test_stance_is_toward_the_target_or_else_the_topic() -> None:
    assert Topic(id="tea", name="Tea", target="drinking more tea").proposition == "drinking more tea"
    assert Topic(id="tea", name="Tea").proposition == "Tea"
    assert Topic(id="tea").proposition == "tea"
