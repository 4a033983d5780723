"""Every mistake in a labelled data set is reported at once, by file and line, with a remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest

from labels.check import LabelledData, read_labelled, read_passages
from labels.codebook import write_codebook
from labels.errors import BadInput, DemarcheError, Problem, suggest, suggest_value
from labels.files import write_jsonl
from tests.conftest import BOOK, make_articles

TEXT = "Tea 🍵 and rain."
PASSAGE = {"id": "a#1", "article": "a", "text": TEXT, "start": 2, "end": 2 + len(TEXT)}
READING = {"passage": "a#1", "annotator": "one", "codebook": "tiny@1.0.0", "labels": []}


def read(
    folder: Path,
    *,
    passages: Sequence[Any] | bytes = (PASSAGE,),
    readings: Sequence[Any] | bytes = (READING,),
    article: str | None = None,
) -> LabelledData:
    write_codebook(folder / "codebook.yaml", BOOK)
    for name, rows in (("passages", passages), ("annotations", readings)):
        raw = rows if isinstance(rows, bytes) else "".join(json.dumps(row) + "\n" for row in rows).encode()
        (folder / f"{name}.jsonl").write_bytes(raw)
    if article is not None:
        (folder / "articles.jsonl").write_text(json.dumps({"id": "a", "text": article}) + "\n", encoding="utf-8")
    return read_labelled(
        folder / "codebook.yaml",
        [folder / "passages.jsonl"],
        [folder / "annotations.jsonl"],
        articles=None if article is None else folder / "articles.jsonl",
    )


def error_of(call: Callable[[], Any]) -> str:
    with pytest.raises(BadInput) as raised:
        call()
    return str(raised.value)


def labels(*given: dict[str, Any], **other: Any) -> list[dict[str, Any]]:
    return [{**READING, "labels": list(given), **other}]


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        (labels({"topic": "teas"}), ":1: topic 'teas' is not in codebook tiny@1.0.0; did you mean 'tea'?"),
        (labels({"topic": "TEA"}), ":1: topic 'TEA' is not in codebook tiny@1.0.0; did you mean 'tea'?"),
        (labels({"topic": "football"}), ":1: topic 'football' is not in codebook tiny@1.0.0; known: rain, tea"),
        (labels({"topic": "tea", "stance": "favour"}), "stance: 'favour' is not allowed; did you mean 'favor'?"),
        (labels({"topic": "tea", "stance": 1}), "stance: 1 is not allowed; known: against, favor, neutral"),
        (labels({"stance": "favor"}), "a label needs a topic or a target"),
        (labels({"topic": "tea"}, {"topic": "tea", "stance": "favor"}), "'tea' occurs twice in one reading"),
        (labels({"topic": "tea", "evidence": [3, 16]}), "evidence [3, 16] is outside passage 'a#1' of 15 characters"),
        (labels({"target": "x", "target_span": [14, 99]}), "target_span [14, 99] is outside passage 'a#1'"),
        (labels({"topic": "tea", "evidence": [4, 4]}), "[4, 4] is not a span; 0 <= start < end is expected"),
        (labels({"topic": "tea", "target_span": [0, 1]}), "target_span without target"),
        (labels({"topic": " "}), ":1: labels.0.topic"),
        (labels(passage="a#2"), ":1: passage 'a#2' is not in"),
        (labels(codebook="tiny@2.0.0"), ":1: made with codebook tiny@2.0.0, which tiny@1.0.0 does not replace"),
        (labels(codebook="huge@1.0.0"), ":1: made with codebook huge@1.0.0"),
        (labels(codebook="tiny"), ":1: codebook"),
        (labels(annotater="two"), ":1: annotater: unknown field"),
        ([{key: READING[key] for key in ("passage", "annotator", "codebook")}], ":1: labels: missing"),
        ([READING, READING], ":2: a second reading of passage 'a#1' by 'one', after"),
        ([[]], "annotations.jsonl:1: "),
        ([], "annotations.jsonl: contain no annotations"),
        (b"\n\n", "annotations.jsonl: contain no annotations"),
        (b'{"passage": "a#1",\n', ":1: not JSON: "),
        (b'\n{"passage": "caf\xe9"}\n', ":2: not UTF-8 (line 2); it looks like windows-1252: "),
        (json.dumps(READING).encode("utf-16")[:-1], "annotations.jsonl: not UTF-16: the file is damaged"),
        (b"[" * 100_000, ":1: "),
    ],
)
def test_an_invalid_annotation_is_reported_by_line(tmp_path: Path, readings: Any, expected: str) -> None:
    assert expected in error_of(lambda: read(tmp_path, readings=readings))


@pytest.mark.parametrize(
    ("passage", "expected"),
    [
        ({**PASSAGE, "text": ""}, ":1: text"),
        ({**PASSAGE, "text": " \n", "end": 4}, ":1: text"),
        # The offsets of a tool that counts UTF-16 units: the cup is two of them.
        (
            {**PASSAGE, "end": PASSAGE["end"] + 1},
            "span 16 characters, but text has 15; offsets count Unicode code points",
        ),
        ({**PASSAGE, "start": -1}, ":1: start"),
        ({**PASSAGE, "start": 2.5}, ":1: start"),
        ({**PASSAGE, "txt": "x"}, ":1: txt: unknown field"),
        ({**PASSAGE, "published": 2024}, ":1: published"),
    ],
)
def test_an_invalid_passage_is_reported_by_line(tmp_path: Path, passage: Any, expected: str) -> None:
    assert expected in error_of(lambda: read(tmp_path, passages=[passage]))


def test_a_passage_that_occurs_twice_is_reported(tmp_path: Path) -> None:
    message = error_of(lambda: read(tmp_path, passages=[PASSAGE, {**PASSAGE, "article": "b"}]))
    assert "passages.jsonl:2: passage id 'a#1' already occurs in line 1; rename one" in message


def test_passages_may_come_from_several_files(tmp_path: Path) -> None:
    read(tmp_path)
    more = tmp_path / "more.jsonl"
    write_jsonl(more, [{**PASSAGE, "id": "b#1", "article": "b"}])
    files = tmp_path / "codebook.yaml", [tmp_path / "passages.jsonl", more], [tmp_path / "annotations.jsonl"]
    assert [passage.id for passage in read_labelled(*files).passages] == ["a#1", "b#1"]
    write_jsonl(more, [PASSAGE])
    assert f"more.jsonl:1: passage id 'a#1' already occurs in {tmp_path / 'passages.jsonl'}:1; rename one" in error_of(
        lambda: read_labelled(*files)
    )


@pytest.mark.parametrize(
    ("article", "expected"),
    [
        (f"> {TEXT}", None),
        (TEXT, "2:17 is not the position of the text in article 'a'; the text starts at 0"),
        (f"\r\n\r\n{TEXT}", "the text starts at 4"),
        ("> Tea and rain.", "the text does not occur in the article"),
    ],
)
def test_offsets_must_be_the_position_of_the_text_in_the_article(
    tmp_path: Path, article: str, expected: str | None
) -> None:
    if expected is None:
        assert len(read(tmp_path, article=article).passages) == 1
    else:
        assert expected in error_of(lambda: read(tmp_path, article=article))


def test_every_mistake_of_every_file_is_reported_at_once(tmp_path: Path) -> None:
    readings = [READING, *labels({"topic": "teas"}, {"topic": "rains"}, annotator="two"), {**READING, "passage": "b"}]
    with pytest.raises(BadInput) as raised:
        read(tmp_path, passages=[{}, PASSAGE, PASSAGE], readings=readings, article="nothing")
    places = [(Path(problem.file).stem, problem.line) for problem in raised.value.problems]
    assert places == [
        *[("passages", 1)] * 5,
        ("passages", 3),
        ("passages", 2),
        ("annotations", 2),
        ("annotations", 2),
        ("annotations", 3),
    ]


def test_a_broken_codebook_does_not_hide_the_mistakes_in_the_labels(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "codebook.yaml").write_text("id: tiny\n", encoding="utf-8")
    (tmp_path / "annotations.jsonl").write_text("{}\n", encoding="utf-8")
    files = (tmp_path / "codebook.yaml", [tmp_path / "passages.jsonl"], [tmp_path / "annotations.jsonl"])
    message = error_of(lambda: read_labelled(*files))
    assert "codebook.yaml: version: missing" in message
    assert "annotations.jsonl:1: passage: missing" in message


def test_thousands_of_mistakes_are_counted_but_not_all_shown(tmp_path: Path) -> None:
    words = [{f"{one}{other}": 1} for one in ascii_lowercase for other in ascii_lowercase]
    message = error_of(lambda: read(tmp_path, readings=words))
    assert message.count("\n") == 50
    assert re.search(r"… and \d+ more problems$", message)


def test_mistakes_that_differ_only_in_names_and_numbers_are_counted_and_do_not_hide_others(tmp_path: Path) -> None:
    readings = [{**READING, "annotator": f"reader {n}"} for n in range(500)]
    message = error_of(lambda: read(tmp_path, readings=[*readings, *readings, *labels({"topic": "teas"})]))
    path = tmp_path / "annotations.jsonl"
    assert message.splitlines()[2:] == [
        f"{path}:503: a second reading of passage 'a#1' by 'reader 2', after {path}:3; keep one (497 more like this, in "
        "lines 504, 505, 506, 507, 508, 509, 510, 511, 512, 513, 514, 515, 516, 517, 518, 519, 520, 521, 522, 523, …)",
        f"{path}:1001: topic 'teas' is not in codebook tiny@1.0.0; did you mean 'tea'?",
    ]
    message = error_of(lambda: read(tmp_path, readings=readings[:20] * 2))
    assert message.count("a second reading") == 20


def test_what_is_said_after_a_semicolon_may_be_another_mistake(tmp_path: Path) -> None:
    passages = [{**PASSAGE, "id": f"a#{n}", "start": n, "end": n + len(TEXT)} for n in range(1, 31)]
    passages.append({**PASSAGE, "id": "a#31", "text": TEXT[::-1]})
    message = error_of(lambda: read(tmp_path, passages=passages, article=TEXT))
    assert "the text starts at 0 (27 more like this" in message
    assert "the text does not occur in the article" in message


def test_mistakes_without_a_line_are_all_named() -> None:
    message = str(BadInput([Problem("codebook.yaml", None, f"topics.{n}.targt: unknown field") for n in range(30)]))
    assert all(f"topics.{n}.targt" in message for n in range(30))


def test_topics_with_and_without_a_suggestion_are_one_kind_of_mistake(tmp_path: Path) -> None:
    readings = [
        labels({"topic": f"{name}{n}"}, annotator=f"{name} {n}")[0] for n in range(15) for name in ("tea", "xyz")
    ]
    message = error_of(lambda: read(tmp_path, readings=readings))
    assert "(27 more like this" in message


def test_a_mistake_in_many_lines_is_reported_once_with_the_lines(tmp_path: Path) -> None:
    message = error_of(lambda: read(tmp_path, readings=[READING, *labels({"topic": "teas"}) * 149]))
    (of_topics, *_) = message.splitlines()
    path = tmp_path / "annotations.jsonl"
    assert of_topics.startswith(f"{path}:2: a second reading")
    alone = [line for line in message.splitlines() if "'teas'" in line]
    assert len(alone) == 1
    assert alone[0].startswith(f"{path}:2: topic 'teas' is not in codebook tiny@1.0.0; did you mean 'tea'? (149 times")
    assert "in lines 2, 3, 4" in alone[0]


@pytest.mark.parametrize(
    "word", ["contra", "unfavor", "unfavorable", "for", "pro", "disfavor", "negative", "not against"]
)
def test_a_stance_is_never_suggested_for_another_word(tmp_path: Path, word: str) -> None:
    message = error_of(lambda: read(tmp_path, readings=labels({"topic": "tea", "stance": word})))
    assert "did you mean" not in message
    assert "known: against, favor, neutral" in message


def test_an_older_codebook_of_the_same_major_version_is_a_warning_once_a_file(tmp_path: Path) -> None:
    book = BOOK.model_copy(update={"version": "1.1.0"})
    readings = [READING, {**READING, "annotator": "two"}, {**READING, "annotator": "three", "codebook": "tiny@1.1.0"}]
    read(tmp_path, readings=readings)
    write_codebook(tmp_path / "codebook.yaml", book)
    data = read_labelled(tmp_path / "codebook.yaml", [tmp_path / "passages.jsonl"], [tmp_path / "annotations.jsonl"])
    assert [(warning.line, warning.what) for warning in data.warnings] == [
        (1, "made with tiny@1.0.0, read with tiny@1.1.0: same major version, so accepted")
    ]


def test_a_file_of_annotations_named_twice_counts_once(tmp_path: Path) -> None:
    read(tmp_path)
    path = tmp_path / "annotations.jsonl"
    data = read_labelled(tmp_path / "codebook.yaml", [tmp_path / "passages.jsonl"], [path, str(path)])
    assert len(data.annotations) == 1


def test_a_second_reading_is_found_across_files(tmp_path: Path) -> None:
    read(tmp_path)
    other = tmp_path / "more.jsonl"
    other.write_text(json.dumps(READING) + "\n", encoding="utf-8")
    files = [tmp_path / "annotations.jsonl", other]
    message = error_of(lambda: read_labelled(tmp_path / "codebook.yaml", [tmp_path / "passages.jsonl"], files))
    assert "more.jsonl:1: a second reading of passage 'a#1' by 'one', after" in message
    assert "annotations.jsonl:1; keep one" in message


@pytest.mark.parametrize("missing", ["codebook.yaml", "passages.jsonl", "annotations.jsonl", "articles.jsonl"])
def test_a_missing_file_is_reported(tmp_path: Path, missing: str) -> None:
    read(tmp_path, article=f"> {TEXT}")
    (tmp_path / missing).unlink()
    with pytest.raises(DemarcheError, match=f"{missing}: no such file; check the path"):
        read_labelled(
            tmp_path / "codebook.yaml",
            [tmp_path / "passages.jsonl"],
            [tmp_path / "annotations.jsonl"],
            articles=tmp_path / "articles.jsonl",
        )


def test_passages_alone_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("nonsense\n", encoding="utf-8")
    assert "p.jsonl:1: not JSON" in error_of(lambda: read_passages(tmp_path / "p.jsonl"))


def test_the_digest_changes_with_any_label_or_letter_and_not_with_the_order(tmp_path: Path) -> None:
    _, passages, annotations = make_articles(3)
    data = LabelledData(BOOK, passages, annotations)
    assert LabelledData(BOOK, passages[::-1], annotations[::-1]).digest() == data.digest()
    first = annotations[0]
    relabelled = first.model_copy(update={"labels": () if first.labels else ({"topic": "tea"},)})
    letter = passages[0].model_copy(update={"text": "x" + passages[0].text[1:]})
    book = BOOK.model_copy(update={"version": "1.0.1"})
    others = [
        LabelledData(BOOK, passages, [relabelled, *annotations[1:]]),
        LabelledData(BOOK, [letter, *passages[1:]], annotations),
        LabelledData(book, passages, annotations),
        LabelledData(BOOK, passages[1:], annotations),
    ]
    assert len({data.digest(), *(other.digest() for other in others)}) == 5


def test_what_is_written_passes_the_check(tmp_path: Path) -> None:
    articles, passages, annotations = make_articles(5)
    write_codebook(tmp_path / "codebook.yaml", BOOK)
    for name, rows in (("articles", articles), ("passages", passages), ("annotations", annotations)):
        write_jsonl(tmp_path / f"{name}.jsonl", rows)
    data = read_labelled(
        tmp_path / "codebook.yaml",
        [tmp_path / "passages.jsonl"],
        [tmp_path / "annotations.jsonl"],
        articles=tmp_path / "articles.jsonl",
    )
    assert data == LabelledData(BOOK, passages, annotations)


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("sanction", ["sanctions", "cyber"], "; did you mean 'sanctions'?"),
        ("ARCTIC", ["arctic"], "; did you mean 'arctic'?"),
        ("x", ["b", "a"], "; known: a, b"),
        ("x", [], ""),
        ("contra", ["against", "favor", "neutral"], "; known: against, favor, neutral"),
        ("import", ["export"], "; known: export"),
        ("term 2", ["term 1"], "; known: term 1"),
        ("tea", ["teas", "teal"], "; known: teal, teas"),
        ("1", [f"t{n}" for n in range(100, 120)], f"; known: {', '.join(f't{n}' for n in range(100, 112))}, …"),
    ],
)
def test_a_known_word_is_offered_for_its_misspelling_alone(word: str, known: list[str], expected: str) -> None:
    assert suggest_value(word, known) == expected


def test_the_nearest_name_of_a_column_or_key_is_offered() -> None:
    assert suggest("Text", ["text", "tests"]) == "; did you mean 'text'?"
