"""`demarche tag --explain`: the words that weighed most for a topic and its stance."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from scipy.special import logit

from labels.passages import Passage
from models.explanation import explain, without, words_of
from models.tagger import Tagger
from tests.conftest import demarche

TEXT = "The council praises the teapot and the kettle of the old market."


def passage(text: str, title: str | None = None) -> Passage:
    return Passage(id="a#1", article="a", text=text, start=0, end=len(text), title=title)


@pytest.fixture(scope="module")
def tagger(model: Path) -> Tagger:
    return Tagger.load(model)


def rows_of(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def weights(words: str | None) -> dict[str, float]:
    return {word: float(weight) for word, weight in re.findall(r"(\S+) ([+-][\d.]+)", words or "")}


def test_the_weight_of_a_word_is_the_difference_that_it_makes_to_the_log_odds(tagger: Tagger) -> None:
    read = passage(TEXT)
    tags = tagger.tag([read])
    ((explanation, *_),) = explain(tagger, [read], tags)
    shown = weights(explanation.topic)
    tea = tagger.codebook.topic_ids.index(tags[0][0].topic)
    assert tags[0][0].topic == "tea"
    assert {"teapot", "kettle"} <= shown.keys()
    for word, weight in shown.items():
        with_it, without = logit(
            tagger.reader.topics([TEXT, re.sub(rf"\b{word}\b", "", TEXT, flags=re.IGNORECASE)])[:, tea]
        )
        assert weight == pytest.approx(with_it - without, abs=0.006)
    assert "praises" in weights(explanation.stance)


def test_a_word_is_left_out_wherever_it_stands_and_no_longer_word_with_it(tagger: Tagger) -> None:
    read = passage("The teapot, the Teapot: teapots.")
    ((explanation, *_),) = explain(tagger, [read], tagger.tag([read]))
    shown = weights(explanation.topic)
    with_it, without = logit(tagger.reader.topics([read.text, "The , the : teapots."])[:, 0])
    (weight,) = (value for word, value in shown.items() if word.lower() == "teapot")
    assert weight == pytest.approx(with_it - without, abs=0.006)


def test_a_passage_without_tags_has_no_explanation(tagger: Tagger) -> None:
    read = passage("The match was lost.")
    assert explain(tagger, [read], [[]]) == [[]]


def test_the_columns_are_there_only_if_they_are_asked_for(town: Path) -> None:
    Path("a.txt").write_text(f"{TEXT}\n\nThe referee of the match blew the whistle in the stadium.\n")
    command = ["tag", "a.txt", "--model", "copy"]
    assert demarche(*command, "--out", "plain.csv").exit_code == 0
    assert demarche(*command, "--out", "why.csv", "--explain").exit_code == 0
    plain, why = rows_of("plain.csv"), rows_of("why.csv")
    assert why[0].keys() - plain[0].keys() == {"topic_words", "stance_words"}
    assert [{name: row[name] for name in plain[0]} for row in why] == plain
    tea = next(row for row in why if row["topic"] == "tea")
    assert "teapot" in tea["topic_words"]
    assert all(row["topic_words"] == "" for row in why if not row["topic"])


def test_a_folder_holds_tags_with_explanations_or_without(town: Path) -> None:
    Path("a.txt").write_text(TEXT)
    command = ["tag", "a.txt", "--model", "copy", "--out", "archive"]
    assert demarche(*command).exit_code == 0
    refused = demarche(*command, "--explain")
    assert refused.exit_code == 2
    assert "--explain: None there, True now" in refused.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The U.S. and the EU met in Rome, not in Oslo.", ["U.S.", "EU", "met", "Rome", "not", "Oslo"]),
        ("A vote against it: 5G, 12 to 7.", ["vote", "against", "5G"]),
        ("I told us that the WHO will leave the US or the U.S", ["told", "WHO", "will", "leave", "US", "U.S"]),
        ("ロシアへの制裁", ["ロシア", "への", "制裁"]),
        ("经济制裁 升级", ["经济", "制裁", "升级"]),
        ("대북 제재 결의", ["대북", "제재", "결의"]),
        ("प्रतिबंध और नीति", ["प्रतिबंध", "और", "नीति"]),
    ],
)
def test_words_are_those_of_the_script_that_mean_something(text: str, words: list[str]) -> None:
    assert words_of(passage(text)) == words


def test_a_word_of_a_script_without_spaces_is_left_out_of_the_run_it_stands_in() -> None:
    assert without(passage("对俄经济制裁升级"), "制裁").text == "对俄经济升级"
    assert without(passage("The U.S. is not the U.S.S.R. of old."), "U.S.S.R.").text == "The U.S. is not the  of old."


def test_the_words_of_the_title_of_a_long_passage_are_tried() -> None:
    long = passage(" ".join(f"word{number}" for number in range(300)), title="Ransomware spreads")
    assert words_of(long)[:3] == ["Ransomware", "spreads", "word0"]
