"""`demarche labels detach` and `attach` on files, in the form of a public set of news with invented texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from demarche.__main__ import app
from labels.article_copies import read_copies
from labels.check import read_detached, read_passages
from labels.detached import DetachedPassage, detach
from labels.errors import BadInput
from labels.files import write_jsonl
from labels.passages import Article, Passage
from tests.test_detached import passage

FERRY = (
    "The last ferry left on Friday.\n\n“The embargo is a gift to our rivals,” the company’s director said.\n\n"
    "The minister promised to keep it until spring, whatever the harbour thinks of it.\n\nThe quay was empty by noon."
)
PARAGRAPHS = FERRY.split("\n\n")


def entry(id: str, text: str) -> dict[str, Any]:
    return {
        "topic": "trade", "source": "Harbour Post", "bias": 1, "url": f"https://example.org/{id}",
        "title": "Ferry line halts service", "date": "2019-02-01", "authors": "A. Writer", "content": text.lower(),
        "content_original": text, "source_url": "example.org", "bias_text": "center", "ID": id,
    }  # fmt: skip


def write_entries(folder: Path, entries: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for id, text in entries.items():
        (folder / f"{id}.json").write_text(json.dumps(entry(id, text), indent=4), encoding="utf-8")


def ferry_passages(id: str) -> list[Passage]:
    article = Article(
        id=id, text=FERRY, title="Ferry line halts service", source="Harbour Post", published="2019-02-01",
        url=f"https://example.org/{id}",
    )  # fmt: skip
    starts = [FERRY.index(paragraph) for paragraph in PARAGRAPHS]
    return [passage(article, start, start + len(text)) for start, text in zip(starts, PARAGRAPHS, strict=True)]


def demarche(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["labels", *arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the passages of the articles `one` and `two`, whole and without text."""
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "passages.jsonl", ferry_passages("one") + ferry_passages("two"))
    assert demarche("detach", "passages.jsonl", "--out", "detached.jsonl").output == (
        "8 passages without text in detached.jsonl\n"
    )
    return tmp_path


ATTACH = ("attach", "detached.jsonl", "--articles", "jsons", "--out", "attached.jsonl")


def test_a_folder_of_the_public_set_gives_the_passages_back(folder: Path) -> None:
    write_entries(folder / "jsons", {"one": FERRY, "two": FERRY, "three": "Not needed."})
    result = demarche(*ATTACH)
    assert (result.exit_code, result.output) == (0, "8 of 8 passages with their text in attached.jsonl\n")
    assert read_passages("attached.jsonl") == read_passages("passages.jsonl")


def test_a_file_of_articles_gives_the_passages_back(folder: Path) -> None:
    rows = [{"id": "zero"}, *({"id": id, **entry(id, FERRY)} for id in ("two", "one"))]
    write_jsonl(folder / "jsons", rows)
    assert demarche(*ATTACH).exit_code == 0
    assert read_passages("attached.jsonl") == read_passages("passages.jsonl")


def test_the_field_with_the_text_may_be_named(folder: Path) -> None:
    write_jsonl(folder / "jsons", [{"id": id, "text": "A teaser.", "body": FERRY} for id in ("one", "two")])
    assert demarche(*ATTACH).exit_code == 2
    assert demarche(*ATTACH, "--text-field", "body").exit_code == 0
    assert [p.text for p in read_passages("attached.jsonl")] == PARAGRAPHS * 2


@pytest.mark.parametrize("blank", ["", " \n", None])
def test_a_blank_text_field_gives_way_to_the_next(folder: Path, blank: str | None) -> None:
    write_jsonl(folder / "jsons", [{"id": id, "text": blank, "content_original": FERRY} for id in ("one", "two")])
    result = demarche(*ATTACH)
    assert result.exit_code == 0, result.output
    assert [p.text for p in read_passages("attached.jsonl")] == PARAGRAPHS * 2


def test_an_article_without_any_text_is_left_out(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"id": "one", "text": " ", "content_original": ""}, {"id": "two", "text": "x"}])
    assert [article.id for article in read_copies(tmp_path / "a.jsonl", {"one", "two"})] == ["two"]


def test_a_detached_file_has_no_text(folder: Path) -> None:
    rows = [json.loads(line) for line in Path("detached.jsonl").read_text(encoding="utf-8").splitlines()]
    assert set().union(*rows) == {
        "id", "article", "start", "end", "length", "sha256", "normalised_length", "normalised_sha256", "published",
        "source",
    }  # fmt: skip
    sneaky = ferry_passages("one")[0].model_copy(update={"meta": {"note": "The last ferry"}, "group": "g"})
    assert "ferry" not in detach(sneaky).model_dump_json().lower()


def straighten(text: str) -> str:
    return text.replace("“", '"').replace("”", '"').replace("’", "'")


@pytest.mark.parametrize(
    ("change", "messages", "attached"),
    [
        pytest.param(
            lambda text: text.replace("\n\n", "\r\n\r\n"),
            ["8 of 8 passages", "3 passages moved: the same text at other offsets"],
            PARAGRAPHS,
            id="other line ends",
        ),
        pytest.param(
            lambda text: "Advertisement\n\n" + "tick " * 2000 + text,
            ["8 of 8 passages", "4 passages moved"],
            PARAGRAPHS,
            id="text before",
        ),
        pytest.param(
            straighten,
            ["8 of 8 passages", "1 passage matched after normalising white space and quotes"],
            [straighten(paragraph) for paragraph in PARAGRAPHS],
            id="straight quotes",
        ),
        pytest.param(
            lambda text: text.replace(" ", "\u00a0 "),
            ["8 of 8 passages", "4 passages matched after normalising"],
            [paragraph.replace(" ", "\u00a0 ") for paragraph in PARAGRAPHS],
            id="other white space",
        ),
        pytest.param(
            lambda text: text.replace("until spring", "until summer"),
            ["7 of 8 passages", "1 passage left out: another edition: the article has other words\n  two#101"],
            [*PARAGRAPHS[:2], PARAGRAPHS[3]],
            id="other words",
        ),
        pytest.param(
            str.upper,
            ["4 of 8 passages", "4 passages left out: another edition", "  two#0 (article two)"],
            [],
            id="capitals",
        ),
        pytest.param(
            lambda text: " ",
            ["4 of 8 passages", "4 passages left out: the article is not in jsons, or has no text\n  two#0"],
            [],
            id="no text",
        ),
        pytest.param(None, ["4 of 8 passages", "4 passages left out: the article is not in jsons"], [], id="missing"),
    ],
)
def test_each_kind_of_mismatch_is_reported(
    folder: Path, change: Callable[[str], str] | None, messages: list[str], attached: list[str]
) -> None:
    write_entries(folder / "jsons", {"one": FERRY})
    if change is not None:
        write_entries(folder / "jsons", {"two": change(FERRY)})
    result = demarche(*ATTACH)
    assert result.exit_code == (0 if len(attached) == 4 else 3), result.output
    for message in messages:
        assert message in result.output
    passages = read_passages("attached.jsonl")
    assert [p.text for p in passages if p.article == "two"] == attached
    for found in passages:
        text = FERRY if found.article == "one" else (change or str)(FERRY)
        assert text[found.start : found.end] == found.text


@pytest.mark.parametrize("out", ["jsons/one.json", "jsons/new.jsonl", "link/one.json", "other.jsonl"])
def test_an_output_among_the_articles_is_refused(folder: Path, out: str) -> None:
    write_entries(folder / "jsons", {"one": FERRY, "two": FERRY})
    (folder / "link").symlink_to("jsons")
    (folder / "other.jsonl").symlink_to("jsons/two.json")
    before = {file.name: file.read_bytes() for file in (folder / "jsons").iterdir()}
    result = demarche("attach", "absent.jsonl", "--articles", "jsons", "--out", out)
    assert (result.exit_code, result.output) == (
        2,
        f"{out}: is in jsons, the folder of the articles, and could overwrite one; choose a file in another folder\n",
    )
    assert {file.name: file.read_bytes() for file in (folder / "jsons").iterdir()} == before


def test_an_output_in_place_of_a_link_to_an_article_is_refused(folder: Path) -> None:
    write_entries(folder / "store", {"one": FERRY, "two": FERRY})
    (folder / "jsons").mkdir()
    for id in ("one", "two"):
        (folder / "jsons" / f"{id}.json").symlink_to(f"../store/{id}.json")
    assert demarche(*ATTACH[:-1], "jsons/one.json").exit_code == 2
    assert json.loads(Path("store/one.json").read_text(encoding="utf-8"))["content_original"] == FERRY


def test_an_output_may_be_in_a_folder_below_the_articles(folder: Path) -> None:
    write_entries(folder, {"one": FERRY, "two": FERRY})
    assert demarche("attach", "detached.jsonl", "--articles", ".", "--out", "build/attached.jsonl").exit_code == 0
    assert read_passages("build/attached.jsonl") == read_passages("passages.jsonl")


def test_if_nothing_is_found_nothing_is_written(folder: Path) -> None:
    write_entries(folder / "jsons", {"one": FERRY.upper(), "two": "Something else."})
    result = demarche(*ATTACH)
    assert result.exit_code == 2
    assert "8 passages left out: another edition" in result.output
    assert "jsons: has none of the passages of detached.jsonl; use the same edition" in result.output
    write_entries(folder / "others", {"three": FERRY})
    result = demarche("attach", "detached.jsonl", "--articles", "others", "--out", "attached.jsonl")
    assert result.exit_code == 2
    assert result.output.startswith("others: has none of the 2 articles of detached.jsonl; give a file of articles")
    assert not Path("attached.jsonl").exists()


def test_at_most_twenty_passages_of_a_kind_are_listed(folder: Path) -> None:
    write_jsonl(folder / "passages.jsonl", [p for n in range(8) for p in ferry_passages(f"a{n}")])
    demarche("detach", "passages.jsonl", "--out", "detached.jsonl")
    write_entries(folder / "jsons", {"a0": FERRY})
    result = demarche(*ATTACH)
    assert result.exit_code == 3
    assert result.output.count("(article") == 20
    assert "  … and 8 more" in result.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"content_original": ', "jsons/one.json: not JSON"),
        (b"[]", "jsons/one.json: an article is expected: one JSON object"),
        (b'{"content": "caf\xe9"}', "jsons/one.json: not UTF-8 (byte 0xe9"),
        (b'{"contents": "x"}', "one.json: no text in the field text or content_original; known: contents; name"),
        (b'{"text": 3, "body": "x"}', "jsons/one.json: no text in the field text or content_original"),
    ],
)
def test_an_unreadable_article_is_reported_by_file(folder: Path, content: bytes, message: str) -> None:
    write_entries(folder / "jsons", {"two": FERRY})
    (folder / "jsons/one.json").write_bytes(content)
    result = demarche(*ATTACH)
    assert result.exit_code == 2
    assert message in result.output
    assert not Path("attached.jsonl").exists()


def test_articles_are_only_looked_for_in_the_folder(tmp_path: Path) -> None:
    write_entries(tmp_path, {"outside": FERRY})
    write_entries(tmp_path / "jsons", {"inside": FERRY})
    (tmp_path / "jsons" / "folder.json").mkdir()
    ids = {"inside", "../outside", str(tmp_path / "outside"), "x" * 5000, "nul\0", "folder", ""}
    assert [article.id for article in read_copies(tmp_path / "jsons", ids)] == ["inside"]


def test_an_article_that_occurs_twice_is_reported(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [Article(id="one", text="x"), Article(id="two", text="x")] * 2)
    with pytest.raises(BadInput, match=r"a.jsonl:3: article id 'one' already occurs in line 1") as raised:
        list(read_copies(tmp_path / "a.jsonl", {"one"}))
    assert len(raised.value.problems) == 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("length", 3, "do not span the length of 3"),
        ("sha256", "abc", "sha256"),
        ("text", "The last ferry", "text: unknown field"),
    ],
)
def test_an_invalid_detached_passage_is_reported_by_line(tmp_path: Path, field: str, value: Any, message: str) -> None:
    plain = detach(ferry_passages("one")[0]).model_dump()
    write_jsonl(tmp_path / "d.jsonl", [plain, plain | {"id": "other", field: value}])
    with pytest.raises(BadInput, match=rf"d.jsonl:2: .*{message}"):
        read_detached(tmp_path / "d.jsonl")


def test_a_detached_file_in_place_of_passages_is_reported_with_the_remedy(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"detached.jsonl:1: .*fill it in with `demarche labels attach`") as raised:
        read_passages("detached.jsonl")
    assert len(raised.value.problems) == 8
    assert all(isinstance(passage, DetachedPassage) for passage in read_detached("detached.jsonl"))
