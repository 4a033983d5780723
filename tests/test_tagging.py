"""Tagging a batch: rows, statuses, unreadable files, and outputs that are whole or absent."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from demarche.__main__ import app
from labels.passages import Passage
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.families.baselines import MajorityStance, MajorityTopics
from models.reader import TwoStage
from models.tagger import Tagger, TaggerSettings
from tagging.rows import COLUMNS
from tests.conftest import BOOK

TEA = "The council praises the teapot, the kettle and the samovar."
MATCH = "The referee blew the whistle and the striker left the stadium before the second goal."
RUSSIAN = "Городской совет хвалит чайник, самовар и заварку, а жители спорят о чашках."
CHINESE = "市议会称赞茶壶和水壶，居民们则为杯子争论不休。"


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.txt").write_text(f"Skip to content\n\n{TEA}\n\n{MATCH}\n")
    (folder / "sub" / "two.txt").write_text(f"{MATCH}\r\n\r\n{TEA}")
    return folder


def tag(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["tag", *map(str, arguments)])


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_article_with_no_text_but_boilerplate_is_reported(model: Path, inputs: Path, tmp_path: Path) -> None:
    (inputs / "menu.txt").write_text("Skip to content\n\nHome | World | Sport | Opinion\n\nAll rights reserved.\n")
    (inputs / "page.html").write_text(
        "<html><body><nav><a href='/'>Home</a></nav><p>Share on Facebook</p></body></html>"
    )
    result = tag(inputs, "--model", model, "--out", tmp_path / "tags.jsonl")
    assert result.exit_code == 3
    assert "menu.txt: no text but boilerplate" in result.output
    assert "page.html: no article text found" in result.output
    assert {row["article"] for row in rows_of(tmp_path / "tags.jsonl")} == {"one.txt", "sub/two.txt", "menu.txt"}


def test_each_passage_has_its_rows(model: Path, inputs: Path, tmp_path: Path) -> None:
    result = tag(inputs, "--model", model, "--out", tmp_path / "tags.jsonl")
    assert result.exit_code == 0, result.output
    rows = rows_of(tmp_path / "tags.jsonl")
    assert all(tuple(row) == COLUMNS for row in rows)
    outcomes = [(row["article"], row["status"], row["topic"]) for row in rows]
    assert ("one.txt", "boilerplate", None) in outcomes
    assert ("one.txt", "tagged", "tea") in outcomes
    assert ("one.txt", "no_topic", None) in outcomes
    assert ("sub/two.txt", "tagged", "tea") in outcomes
    for row in rows:
        text = (inputs / str(row["article"])).read_bytes().decode()
        assert text[row["start"] : row["end"]] == row["text"]  # type: ignore[misc]
        assert row["codebook"] == "tiny@1.0.0"
        if row["topic"]:
            stances = [float(row[name]) for name in ("favor", "against", "neutral")]  # type: ignore[arg-type]
            assert sum(stances) == pytest.approx(1)
            assert row["stance_probability"] == row[str(row["stance"])]
        else:
            assert row["assigned"] is False
            assert row["stance"] is None


def test_all_three_formats_have_the_same_rows(model: Path, inputs: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    for kind in ("jsonl", "csv", "parquet"):
        assert tag(inputs, "--model", model, "--out", tmp_path / f"tags.{kind}").exit_code == 0
    rows = rows_of(tmp_path / "tags.jsonl")
    assert pq.read_table(tmp_path / "tags.parquet").to_pylist() == rows
    with (tmp_path / "tags.csv").open(encoding="utf-8", newline="") as stream:
        assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows] == list(
            csv.DictReader(stream)
        )


def test_probabilities_near_a_threshold_are_for_review(model: Path, inputs: Path, tmp_path: Path) -> None:
    tag(inputs, "--model", model, "--out", tmp_path / "tags.jsonl", "--candidates-out", tmp_path / "candidates.jsonl")
    tagger = Tagger.load(model)
    assert tagger.settings.topic_calibration is not None
    thresholds = dict(zip(BOOK.topic_ids, tagger.settings.topic_calibration.thresholds, strict=True))
    for row in rows_of(tmp_path / "tags.jsonl") + rows_of(tmp_path / "candidates.jsonl"):
        if row["topic"]:
            above = float(row["topic_probability"]) - thresholds[str(row["topic"])]  # type: ignore[arg-type]
            assert row["assigned"] == (above >= 0)
            if row["status"] == "review":
                assert abs(above) <= tagger.settings.review
            else:
                assert row["assigned"]


@pytest.fixture
def undecided(model: Path, tmp_path: Path) -> Path:
    """A model whose thresholds are just above the probability of tea in a passage on tea."""
    import shutil

    tagger = Tagger.load(model)
    calibration = tagger.settings.topic_calibration
    assert calibration is not None
    passage = Passage(id="p", article="a", text=TEA, start=0, end=len(TEA))
    (probabilities,), _ = tagger.read_topics([passage])
    raised = calibration.model_copy(update={"thresholds": tuple(min(each + 1e-3, 1.0) for each in probabilities)})
    settings = tagger.settings.model_copy(update={"topic_calibration": raised})
    shutil.rmtree(tmp_path / "undecided", ignore_errors=True)
    replace(tagger, settings=settings).save(tmp_path / "undecided")
    return tmp_path / "undecided"


def test_a_topic_below_its_threshold_is_no_row_of_the_tags(undecided: Path, inputs: Path, tmp_path: Path) -> None:
    result = tag(
        inputs, "--model", undecided, "--out", tmp_path / "tags.jsonl", "--candidates-out", tmp_path / "more.jsonl"
    )
    assert result.exit_code == 0, result.output
    tags = [row for row in rows_of(tmp_path / "tags.jsonl") if row["text"] == TEA]
    assert [(row["topic"], row["status"], row["assigned"]) for row in tags] == [(None, "review", False)] * 2
    candidates = [row for row in rows_of(tmp_path / "more.jsonl") if row["text"] == TEA]
    assert {(row["topic"], row["status"], row["assigned"]) for row in candidates} >= {("tea", "review", False)}
    assert all(tuple(row) == COLUMNS for row in candidates)
    assert "candidates in" in result.output


def test_rows_say_where_and_when_an_article_appeared(model: Path, tmp_path: Path) -> None:
    page = (
        '<html><head><meta property="og:title" content="The teapot"><meta property="og:site_name" content="The Kettle">'
        '<meta property="article:published_time" content="2024-03-01T08:00:00Z">'
        '<link rel="canonical" href="https://kettle.example/teapot"></head>'
        f"<body><article><h1>The teapot</h1><p>{TEA} {TEA}</p><p>{MATCH}</p></article></body></html>"
    )
    (tmp_path / "page.html").write_text(page)
    (tmp_path / "note.md").write_text(f"---\ntitle: A note\ndate: 2023-12-24\n---\n{TEA}\n")
    (tmp_path / "table.csv").write_text(f"id,text,source,date\nr1,{TEA.replace(',', '')},Samovar,2022-01-31\n")
    files = [tmp_path / name for name in ("page.html", "note.md", "table.csv")]
    assert tag(*files, "--model", model, "--out", tmp_path / "tags.jsonl").exit_code == 0
    known = {
        row["article"]: tuple(row[name] for name in ("title", "source", "published", "url"))
        for row in rows_of(tmp_path / "tags.jsonl")
    }
    assert known == {
        "page.html": ("The teapot", "The Kettle", "2024-03-01", "https://kettle.example/teapot"),
        "note.md": ("A note", None, "2023-12-24", None),
        "r1": (None, "Samovar", "2022-01-31", None),
    }


def test_a_row_says_whether_its_stance_is_the_likeliest(model: Path, inputs: Path, tmp_path: Path) -> None:
    tagger = Tagger.load(model)
    # The weight makes `neutral` the decision wherever it is possible at all.
    weighted = tagger.settings.model_copy(update={"stance_calibration": StanceCalibration(weights=(1e-9, 1e-9, 1.0))})
    replace(tagger, settings=weighted).save(tmp_path / "weighted")
    tag(inputs, "--model", tmp_path / "weighted", "--out", tmp_path / "tags.jsonl")
    rows = [row for row in rows_of(tmp_path / "tags.jsonl") if row["topic"]]
    assert {row["stance"] for row in rows} == {"neutral"}
    for row in rows:
        stances = {name: row[name] for name in ("favor", "against", "neutral")}
        assert row["stance_is_likeliest"] == (stances["neutral"] == max(stances.values()))  # type: ignore[type-var]
    assert not all(row["stance_is_likeliest"] for row in rows)


def test_an_unreadable_file_is_named_and_the_others_are_tagged(model: Path, inputs: Path, tmp_path: Path) -> None:
    (inputs / "bad.txt").write_bytes(b"caf\xe9")
    result = tag(inputs, "--model", model, "--out", tmp_path / "tags.jsonl")
    assert result.exit_code == 3
    assert "not read: bad.txt: not UTF-8" in result.output
    assert {row["article"] for row in rows_of(tmp_path / "tags.jsonl")} == {"one.txt", "sub/two.txt"}


def test_nothing_is_written_if_no_article_could_be_read(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    result = tag(tmp_path / "empty.txt", "--model", model, "--out", tmp_path / "tags.csv")
    assert result.exit_code == 2
    assert "empty" in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.txt"]


def test_an_older_output_stays_when_tagging_fails(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "tags.csv").write_text("kept")
    assert tag(tmp_path / "empty.txt", "--model", model, "--out", tmp_path / "tags.csv").exit_code == 2
    assert (tmp_path / "tags.csv").read_text() == "kept"


@pytest.mark.parametrize(
    ("out", "message"), [("tags.xlsx", "ends in .parquet, .jsonl, .csv"), ("one.txt/tags.csv", "cannot be written")]
)
def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    model: Path, inputs: Path, out: str, message: str
) -> None:
    result = tag(inputs, "--model", model, "--out", inputs / out)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    "name", ["tagger.json", "codebook.yaml", "topics/weights.safetensors", "stance/vocabulary.json"]
)
def test_a_model_with_one_byte_changed_is_refused(model: Path, inputs: Path, tmp_path: Path, name: str) -> None:
    import shutil

    shutil.copytree(model, tmp_path / "model")
    raw = bytearray((tmp_path / "model" / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "model" / name).write_bytes(raw)
    result = tag(inputs, "--model", tmp_path / "model", "--out", tmp_path / "tags.csv")
    assert result.exit_code == 2
    assert "changed since the model was saved" in result.output


def test_a_folder_without_a_model_is_refused(inputs: Path, tmp_path: Path) -> None:
    result = tag(inputs, "--model", inputs, "--out", tmp_path / "tags.csv")
    assert result.exit_code == 2
    assert "not a Demarche model" in result.output


def test_stance_is_toward_the_target_that_a_table_names(model: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text,about\nx,The council praises the new bridge.,the new bridge\n")
    result = tag(tmp_path / "t.csv", "--model", model, "--out", tmp_path / "tags.jsonl", "--target", "about")
    assert result.exit_code == 0, result.output
    assert "the new bridge" in [row["topic"] for row in rows_of(tmp_path / "tags.jsonl")]


def test_articles_as_read_are_written_on_request(model: Path, inputs: Path, tmp_path: Path) -> None:
    (inputs / "page.html").write_text(
        "<html><body><article><p>" + TEA + "</p><p>" + (MATCH + " ") * 5 + "</p></article></body></html>"
    )
    out, kept = tmp_path / "tags.jsonl", tmp_path / "articles.jsonl"
    assert tag(inputs, "--model", model, "--out", out, "--articles-out", kept).exit_code == 0
    texts = {article["id"]: article["text"] for article in map(json.loads, kept.read_text().splitlines())}
    for row in rows_of(out):
        assert texts[row["article"]][row["start"] : row["end"]] == row["text"]  # type: ignore[misc,index]


def test_passages_to_annotate_are_those_that_would_be_tagged(model: Path, inputs: Path, tmp_path: Path) -> None:
    tag(inputs, "--model", model, "--out", tmp_path / "tags.jsonl")
    result = CliRunner().invoke(app, ["labels", "passages", str(inputs), "--out", str(tmp_path / "passages.jsonl")])
    assert result.exit_code == 0, result.output
    tagged = {row["passage"] for row in rows_of(tmp_path / "tags.jsonl") if row["status"] != "boilerplate"}
    assert {row["id"] for row in rows_of(tmp_path / "passages.jsonl")} == tagged


def test_tagging_a_folder_again_does_not_tag_the_tags(model: Path, inputs: Path) -> None:
    arguments = (inputs, "--model", model, "--out", inputs / "tags.jsonl", "--articles-out", inputs / "articles.jsonl")
    assert tag(*arguments).exit_code == 0
    first = rows_of(inputs / "tags.jsonl")
    assert tag(*arguments).exit_code == 0
    assert rows_of(inputs / "tags.jsonl") == first


def test_an_input_is_not_written_over_nor_one_output_by_the_other(model: Path, inputs: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"text\n{MATCH}\n")
    assert tag(table, "--model", model, "--out", table).exit_code == 2
    assert table.read_text() == f"text\n{MATCH}\n"
    same = tmp_path / "tags.jsonl"
    assert tag(inputs, "--model", model, "--out", same, "--articles-out", same).exit_code == 2
    assert not same.exists()


def test_no_tags_are_written_if_the_articles_cannot_be_written(model: Path, inputs: Path, tmp_path: Path) -> None:
    result = tag(inputs, "--model", model, "--out", tmp_path / "tags.csv", "--articles-out", inputs)
    assert result.exit_code == 2
    assert "is a folder" in result.output
    assert not (tmp_path / "tags.csv").exists()


# Languages that the model was not trained on


def lines_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return article → status, language and topic of each of its rows."""
    lines: dict[str, list[tuple[object, ...]]] = {}
    for row in rows_of(path):
        lines.setdefault(str(row["article"]), []).append((row["status"], row["language"], row["topic"]))
    return lines


def test_a_passage_in_another_language_is_marked_and_not_tagged(model: Path, inputs: Path, tmp_path: Path) -> None:
    (inputs / "mixed.txt").write_text(f"{TEA}\n\n{RUSSIAN}\n\n{CHINESE}\n\n{MATCH}", encoding="utf-8")
    (inputs / "ru.txt").write_text(f"Меню\n\n{RUSSIAN}\n\nДа.\n\n{RUSSIAN[:-1]}!", encoding="utf-8")
    (inputs / "zh.txt").write_text(f"茶壶\n\n{CHINESE}", encoding="utf-8")
    result = tag(inputs, "--model", model, "--out", tmp_path / "tags.jsonl")
    assert result.exit_code == 0, result.output
    lines = lines_of(tmp_path / "tags.jsonl")
    assert lines["mixed.txt"] == [
        ("tagged", "en", "tea"),
        ("other_language", "ru", None),
        ("other_language", "zh", None),
        ("no_topic", "en", None),
    ]
    assert lines["ru.txt"] == [("other_language", "ru", None)] * 4
    assert lines["zh.txt"] == [("other_language", "zh", None)] * 2
    assert {status for status, *_ in lines["one.txt"]} == {"boilerplate", "tagged", "no_topic"}
    assert "8  in another language, not tagged: ru 5, zh 3, in 3 articles; the model was trained on en" in result.output


def test_languages_are_not_reported_if_the_model_was_trained_on_all_of_them(
    model: Path, inputs: Path, tmp_path: Path
) -> None:
    assert "another language" not in tag(inputs, "--model", model, "--out", tmp_path / "tags.jsonl").output


def test_a_passage_of_unknown_language_is_tagged(model: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text\na,Lavrov: teapot.\nb,No. 17\n")
    assert tag(tmp_path / "t.csv", "--model", model, "--out", tmp_path / "tags.jsonl").exit_code == 0
    for rows in lines_of(tmp_path / "tags.jsonl").values():
        for status, language, _ in rows:
            assert status in ("tagged", "review", "no_topic")
            assert language is None


def test_a_passage_in_another_language_has_no_stance_toward_a_target(model: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(
        f"id,text,about\na,{RUSSIAN.replace(',', '')},чайник\nb,The council praises the old bridge.,bridge\n",
        encoding="utf-8",
    )
    stance_model = tmp_path / "stance alone"
    tagger = Tagger.load(model)
    settings = tagger.settings.model_copy(update={"topic_calibration": None})
    Tagger(tagger.codebook, TwoStage(None, MajorityStance()), settings).save(stance_model)
    for folder in (model, stance_model):
        result = tag(table, "--model", folder, "--out", tmp_path / "tags.jsonl", "--target", "about")
        assert result.exit_code == 0, result.output
        lines = lines_of(tmp_path / "tags.jsonl")
        assert lines["a"] == [("other_language", "ru", None)]
        assert ("tagged", "en", "bridge") in lines["b"]


def save_tagger(folder: Path, *, languages: tuple[str, ...]) -> Path:
    """Save a tagger that was trained on these languages and assigns the first topic to every passage."""
    calibration = TopicCalibration(curves=(Platt(), Platt()), thresholds=(0.5, 0.5))
    settings = TaggerSettings(
        input=("text",), review=0.0, topic_calibration=calibration, stance_calibration=None, languages=languages
    )
    Tagger(BOOK, TwoStage(MajorityTopics([0.9, 0.1]), None), settings).save(folder)
    return folder


@pytest.mark.parametrize(
    ("languages", "tagged"), [(("ru",), {"ru"}), (("en", "ru"), {"en", "ru"}), ((), {"en", "ru", "zh"})]
)
def test_only_passages_in_the_training_languages_are_tagged(
    tmp_path: Path, languages: tuple[str, ...], tagged: set[str]
) -> None:
    (tmp_path / "a.txt").write_text(f"{TEA}\n\n{RUSSIAN}\n\n{CHINESE}", encoding="utf-8")
    model = save_tagger(tmp_path / "model", languages=languages)
    assert tag(tmp_path / "a.txt", "--model", model, "--out", tmp_path / "tags.jsonl").exit_code == 0
    rows = lines_of(tmp_path / "tags.jsonl")["a.txt"]
    assert {language for status, language, _ in rows if status == "tagged"} == tagged
    assert {language for status, language, _ in rows if status == "other_language"} == {"en", "ru", "zh"} - tagged
