"""Which passages to label next: those the model is unsure of, those it may have missed, and a random sample."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.suggest import needed
from labels.check import read_passages
from labels.files import write_jsonl
from labels.gold.adjudication import Target
from labels.passages import Passage
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.choosing import Labelled, Score, Scorer, Shortlist, choose, with_random_share
from models.families.baselines import MajorityStance, MajorityTopics, RuleTopics
from models.families.protocol import TopicClassifier
from models.reader import TwoStage
from models.tagger import Tagger, TaggerSettings
from tests.conftest import BOOK, demarche, make_articles


def passage(id: str, text: str) -> Passage:
    return Passage(id=id, article=id, text=text, start=0, end=len(text))


def tagger(topics: TopicClassifier, *, stance: bool = False) -> Tagger:
    calibration = TopicCalibration(curves=(Platt(),) * 2, thresholds=(0.5, 0.5))
    reader = TwoStage(topics, MajorityStance([0.45, 0.4, 0.15]) if stance else None)
    has_stance = StanceCalibration() if stance else None
    return Tagger(
        BOOK,
        reader,
        TaggerSettings(input=("text",), review=0.0, topic_calibration=calibration, stance_calibration=has_stance),
    )


RULES = tagger(RuleTopics.of(BOOK))
BLIND = tagger(MajorityTopics([0.1, 0.1]))
"""Finds no topic anywhere."""


def scores_of(model: Tagger, text: str, *labelled: str) -> dict[str, Score]:
    known = Labelled([passage(f"known {number}", each) for number, each in enumerate(labelled)], model)
    (scores,) = Scorer(model, known).scores([passage("new", text)], [None])
    return {score.reason: score for score in scores}


def test_a_passage_near_the_threshold_is_more_uncertain_than_one_far_from_it() -> None:
    def uncertainty(probability: float) -> float:
        return scores_of(tagger(MajorityTopics([probability, 0.0])), "A text.")["uncertain topic"].score

    assert uncertainty(0.49) > uncertainty(0.3) > uncertainty(0.1)
    assert uncertainty(0.51) > uncertainty(0.7) > uncertainty(0.9)


def test_a_keyword_without_its_topic_may_be_a_missed_topic() -> None:
    assert scores_of(BLIND, "A kettle on the stove.")["keyword"].about == "tea"
    assert "keyword" not in scores_of(BLIND, "A match in the stadium.")
    assert "keyword" not in scores_of(RULES, "A kettle on the stove.")


def test_a_passage_like_a_labelled_one_with_a_topic_may_have_the_topic_too() -> None:
    known = ("The kettle stood in the market hall.", "The striker stood in the stadium.")
    near = scores_of(RULES, "The samovar stood in the market hall.", *known)["like labelled"]
    far = scores_of(RULES, "The striker ran to the stadium gate.", *known)["like labelled"]
    assert near.about == far.about == "tea"
    assert near.score > far.score
    assert "like labelled" not in scores_of(RULES, "Another kettle in the market hall.", *known)
    assert "like labelled" not in scores_of(RULES, "The samovar stood in the market hall.")


def test_a_stance_counts_as_uncertain_only_where_the_topic_is_found() -> None:
    model = tagger(RuleTopics.of(BOOK), stance=True)
    assert scores_of(model, "A kettle on the stove.")["uncertain stance"].about == "tea"
    assert "uncertain stance" not in scores_of(model, "A match in the stadium.")


def test_a_named_target_is_asked_about_whatever_the_topics() -> None:
    model = tagger(RuleTopics.of(BOOK), stance=True)
    (scores,) = Scorer(model, Labelled([], model)).scores(
        [passage("new", "A match in the stadium.")], [Target(None, "sport on Sundays")]
    )
    assert [score.about for score in scores if score.reason == "uncertain stance"] == ["sport on Sundays"]


REASONS_OF_SCORES = st.sampled_from(["uncertain topic", "uncertain stance", "keyword", "like labelled"])
SCORES = st.lists(
    st.builds(Score, REASONS_OF_SCORES, st.just("tea"), st.floats(0.01, 1)),
    max_size=3,
    unique_by=lambda score: score.reason,
)


@settings(max_examples=20, deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=25), st.integers(1, 12), st.randoms())
def test_n_different_passages_are_chosen_in_whatever_order_they_come(
    scores: list[list[Score]], n: int, random: np.random.Generator
) -> None:
    pairs = [(passage(f"p{number}", f"Text {number}."), each) for number, each in enumerate(scores)]

    def chosen() -> dict[str, str]:
        shortlist = Shortlist(n, seed=1)
        for each, its_scores in pairs:
            shortlist.add(each, its_scores)
        candidates = choose(shortlist)
        assert len({candidate.passage.id for candidate in candidates}) == len(candidates) == min(n, len(pairs))
        return {candidate.passage.id: candidate.score.reason for candidate in candidates}

    before = chosen()
    random.shuffle(pairs)  # type: ignore[arg-type]
    assert chosen() == before


def test_the_random_share_is_a_sample_of_all_passages() -> None:
    drawn: Counter[str] = Counter()
    for seed in range(60):
        shortlist = Shortlist(10, seed=seed)
        for number in range(40):
            # Half of the passages are never uncertain.
            scores = [Score("uncertain topic", "tea", 0.9)] if number % 2 else []
            shortlist.add(passage(f"p{number}", f"Text {number}."), scores)
        candidates = choose(shortlist, shares=with_random_share(0.5))
        at_random = [int(each.passage.id[1:]) for each in candidates if each.score.reason == "random"]
        assert len(at_random) == 5
        drawn.update("uncertain" if number % 2 else "sure" for number in at_random)
    # 300 draws with probability one half: five standard deviations are 43.
    assert abs(drawn["sure"] - 150) < 44


def test_passages_like_each_other_are_not_chosen_together() -> None:
    shortlist = Shortlist(2, seed=1)
    texts = ["The council backs the new tram line.", "The council backs the new tram line now.", "Rain fell on Monday."]
    for number, (text, score) in enumerate(zip(texts, (0.9, 0.89, 0.5), strict=True)):
        shortlist.add(passage(f"p{number}", text), [Score("uncertain topic", "tea", score)])
    chosen = choose(shortlist, shares={"uncertain topic": 1.0})
    assert [each.passage.id for each in chosen] == ["p0", "p2"]


def test_copies_of_a_text_are_offered_once() -> None:
    shortlist = Shortlist(5, seed=1)
    for number, text in enumerate(["He said: “No.”", 'He said: "No."', "HE SAID: NO"]):
        shortlist.add(passage(f"p{number}", text), [])
    assert len(choose(shortlist)) == 1


def test_no_more_is_kept_than_the_choice_needs() -> None:
    shortlist = Shortlist(10, seed=1)
    for number in range(3000):
        shortlist.add(passage(f"p{number}", f"Text {number}."), [Score("keyword", "tea", number / 3000)])
    best = shortlist.best("keyword")
    assert len(best) == 210
    assert best[0].passage.id == "p2999"
    assert best[-1].passage.id == "p2790"


def test_a_curve_that_never_reaches_a_score_saves_nothing() -> None:
    assert needed([50, 100, 150], np.array([0.2, 0.4, 0.5]), 0.3) == "75"
    assert needed([50, 100, 150], np.array([0.2, 0.4, 0.5]), 0.1) == "50"
    assert needed([50, 100, 150], np.array([0.2, 0.4, 0.5]), 0.6) == "–"


@pytest.fixture
def pool(town: Path) -> Path:
    articles, _, _ = make_articles(25, seed=9)
    write_jsonl(Path("new.jsonl"), [each.model_copy(update={"id": f"new-{each.id}"}) for each in articles])
    return town


def test_suggested_passages_of_articles_can_be_annotated_and_lead_with_no_label(pool: Path) -> None:
    result = demarche("labels", "suggest", "new.jsonl", "--model", "copy", "--out", "next.jsonl", "--n", "20")
    assert result.exit_code == 0, result.output
    chosen = read_passages("next.jsonl")
    texts = {each["id"]: each["text"] for each in map(json.loads, Path("new.jsonl").read_text().splitlines())}
    assert len(chosen) == 20
    for each in chosen:
        assert texts[each.article][each.start : each.end] == each.text
        assert set(each.meta) == {"reason"}
        assert not {"tea", "rain"} & set(str(each.meta["reason"]).split())
    assert Counter(each.meta["reason"] for each in chosen)["random"] >= 4

    again = ["--labelled", "next.jsonl", "--out", "more.csv", "--n", "100"]
    result = demarche("labels", "suggest", "new.jsonl", "--model", "copy", *again)
    assert "20 more are labelled" in result.output
    assert not {each.text for each in chosen} & {
        line.split(",")[2] for line in Path("more.csv").read_text().splitlines()
    }
    imported = ["--id", "id", "--article", "article", "--keep", "reason", "--topics", "url", "--empty", "unread"]
    result = demarche("labels", "import", "table", "more.csv", *imported, "--out", "imported")
    assert len(read_passages("imported/passages.jsonl")) == 75 - 20


def test_passages_of_a_file_are_chosen_from_without_cutting_them_again(pool: Path) -> None:
    result = demarche(
        "labels", "suggest", "passages.jsonl", "--passages", "--model", "copy", "--out", "next.jsonl", "--n", "10"
    )
    assert result.exit_code == 0, result.output
    known = {each.id: each for each in read_passages("passages.jsonl")}
    assert all(known[each.id].text == each.text for each in read_passages("next.jsonl"))


def test_a_model_of_stance_alone_asks_about_the_targets_of_articles_and_of_passages(pool: Path) -> None:
    from labels.gold.adjudication import adjudicate
    from labels.passages import Label
    from models.examples import NoCallback
    from training.config import read_config
    from training.fit import fit

    _, passages, annotations = make_articles(30)
    toward = [Label(target="the trams", stance=each) for each in ("favor", "against", "neutral")]
    annotations = [each.model_copy(update={"labels": (toward[row % 3],)}) for row, each in enumerate(annotations)]
    config = read_config("config.yaml", ["topics=null"])
    examples = adjudicate(passages, annotations)
    fit(config, BOOK, examples, [], callback=NoCallback()).tagger.save(Path("stance"))
    Path("pool.csv").write_text(
        "id,text,about\n" + "".join(f"{n},Words {n} on the trams of the town,the trams\n" for n in range(9))
    )

    suggest = ["--model", "stance", "--n", "5", "--random", "0.2"]
    refused = demarche("labels", "suggest", "pool.csv", *suggest, "--out", "next.jsonl")
    assert "name the column of the targets with --target" in refused.output
    result = demarche("labels", "suggest", "pool.csv", *suggest, "--target", "about", "--out", "next.jsonl")
    assert result.exit_code == 0, result.output
    chosen = read_passages("next.jsonl")
    assert {each.meta["target"] for each in chosen} == {"the trams"}
    assert Counter(each.meta["reason"] for each in chosen) == {"uncertain stance": 4, "random": 1}
    result = demarche("labels", "suggest", "next.jsonl", "--passages", *suggest, "--target", "target", "--out", "2.csv")
    assert result.exit_code == 0, result.output
    assert "uncertain stance" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new.jsonl", "--out", "new.jsonl"], "is an input and would be overwritten"),
        (["new.jsonl", "--out", "next.docx"], "name a file that ends in .jsonl"),
        (["missing", "--out", "next.jsonl"], "missing"),
        (["articles.jsonl", "--out", "next.jsonl", "--labelled", "passages.jsonl"], "no passage to label"),
        (["articles.jsonl", "--passages", "--out", "next.jsonl"], "articles.jsonl:1"),
    ],
)
def test_a_mistake_is_one_plain_message_and_nothing_is_written(pool: Path, arguments: list[str], message: str) -> None:
    result = demarche("labels", "suggest", *arguments, "--model", "copy")
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not Path("next.jsonl").exists()
