"""From examples to a calibrated tagger, also where there is hardly anything to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labels.errors import DemarcheError
from labels.gold.adjudication import Example, adjudicate
from labels.passages import Annotation, Label, Passage
from models.examples import NoCallback, stance_examples
from models.tagger import Tagger
from tests.conftest import BOOK, make_articles, tiny_encoder, tiny_nli
from training.config import Config, Data
from training.evaluation.metrics import evaluate
from training.evaluation.predictions import predict
from training.fit import baselines, fit

LINEAR: dict[str, Any] = {"kind": "linear", "ngrams": {"chars": None}}
MAJORITY: dict[str, Any] = {"kind": "majority"}


def config(topics: dict[str, Any] | None = LINEAR, stance: dict[str, Any] | None = LINEAR, **more: Any) -> Config:
    # The data is handed in: no file is read.
    data = Data.model_construct(
        codebook=Path("codebook.yaml"),
        passages=Path("p"),
        annotations=(Path("a"),),
        votes=more.pop("votes", "majority"),
    )
    return Config.model_validate(
        {"name": "tiny", "data": data, "input": ["text"], "topics": topics, "stance": stance} | more
    )


def town(count: int, *, seed: int = 1) -> list[Example]:
    _, passages, annotations = make_articles(count, seed=seed)
    return adjudicate(passages, annotations)


def read_by(readings: Sequence[Sequence[Sequence[Label]]], *, text: str = "text of {}") -> list[Example]:
    """An article a row, with the labels of each of its readers."""
    texts = [text.format(n) for n in range(len(readings))]
    passages = [Passage(id=f"p{n}", article=f"a{n}", text=t, start=0, end=len(t)) for n, t in enumerate(texts)]
    return adjudicate(
        passages,
        [
            Annotation(passage=f"p{n}", annotator=f"r{who}", codebook=BOOK.reference, labels=tuple(labels))
            for n, readers in enumerate(readings)
            for who, labels in enumerate(readers)
        ],
    )


def probabilities(tagger: Tagger, examples: Sequence[Example]) -> np.ndarray:
    return tagger.read_topics([example.passage for example in examples])[0]


def test_a_trained_tagger_reads_new_articles_better_than_the_baselines() -> None:
    learn, dev, test = town(60), town(15, seed=2), town(40, seed=3)
    fitted = fit(config(), BOOK, learn, dev, callback=NoCallback())
    assert fitted.warnings == []
    score = {
        name: evaluate(predict(tagger, test, ["test"] * len(test)), seed=1).metrics
        for name, tagger in {"linear": fitted.tagger, **baselines(config(), BOOK, learn, dev)}.items()
    }
    assert score["linear"]["topics/micro_f1"].value > 0.9
    assert score["linear"]["stance/macro_f1"].value > 0.8
    for name in ("majority", "rules"):
        for metric in ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1"):
            assert score["linear"][metric].value > score[name][metric].value, (name, metric)


def test_the_same_examples_and_seed_give_the_same_tagger_to_the_byte(tmp_path: Path) -> None:
    digests = {
        fit(config(), BOOK, town(20), town(5, seed=2), callback=NoCallback()).tagger.save(tmp_path / name)
        for name in "ab"
    }
    assert len(digests) == 1


def test_the_tagger_judged_on_dev_has_not_trained_on_it() -> None:
    learn, dev = town(20), town(8, seed=2)
    turned = [
        Example(e.passage, {} if e.topics else {"tea": True}, {}, {} if e.topic_votes else {"tea": 1.0}, {})
        for e in dev
    ]
    topics = config(stance=None)
    one, other = (fit(topics, BOOK, learn, side, callback=NoCallback()) for side in (dev, turned))
    assert one.dev_tagger is not None
    assert other.dev_tagger is not None
    raw = [
        fitted.dev_tagger.reader.topics([e.passage.text for e in dev])  # type: ignore[union-attr]
        for fitted in (one, other)
    ]
    np.testing.assert_array_equal(raw[0], raw[1])


def test_the_tagger_judged_on_dev_does_not_know_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.familiarity.FEWEST", 1)
    learn = town(20)
    (odd,) = read_by([[[Label(topic="tea", stance="favor")]]], text="{} thin fog lay over every meadow beyond our mill")
    fitted = fit(config(), BOOK, learn, [*town(5, seed=2), odd], callback=NoCallback())
    assert fitted.dev_tagger is not None
    taggers = (fitted.tagger, fitted.dev_tagger)
    found = [tagger.settings.familiarity.unfamiliar([odd.passage.text]) for tagger in taggers]  # type: ignore[union-attr]
    assert found == [[False], [True]]


def test_without_a_dev_side_there_is_no_dev_tagger() -> None:
    assert fit(config(), BOOK, town(20), [], callback=NoCallback()).dev_tagger is None


def test_a_dev_side_without_any_stance_does_not_stop_a_stance_model() -> None:
    fitted = fit(config(topics=None), BOOK, town(20), read_by([[[]], [[]]]), callback=NoCallback())
    assert fitted.dev_tagger is None


DISAGREE = "all readers disagree"
FEW = {
    "two articles": [[[Label(topic="tea", stance="favor")]], [[Label(topic="rain", stance="against")]]],
    "two articles alike": [[[Label(topic="tea", stance="favor")]]] * 2,
    "five articles of all kinds": [
        [[Label(topic="tea", stance="favor")]],
        [[Label(topic="tea", stance="against")]],
        [[Label(topic="rain", stance="neutral")]],
        [[]],
        [[Label(topic="tea"), Label(topic="rain", stance="favor")]],
    ],
    "one stance and one topic throughout": [[[Label(topic="tea", stance="neutral")]]] * 30,
    "no topic at all but targets": [[[Label(target=f"Bob {n % 3}", stance="favor")]] for n in range(12)],
    DISAGREE: [[[Label(topic="tea", stance="favor")], [Label(topic="tea", stance="against")], []]] * 12,
}


DECIDED = [(what, votes) for what in FEW for votes in ("majority", "soft") if (what, votes) != (DISAGREE, "majority")]


@pytest.mark.parametrize("kind", [LINEAR, MAJORITY], ids=["linear", "majority"])
@pytest.mark.parametrize(("what", "votes"), DECIDED)
def test_however_little_there_is_a_tagger_comes_of_it(
    what: str, votes: str, kind: dict[str, Any], tmp_path: Path
) -> None:
    examples = read_by(FEW[what])
    settings = config(kind, kind, votes=votes)
    fitted = fit(settings, BOOK, examples, [], callback=NoCallback())
    fitted.tagger.save(tmp_path)
    passages = [example.passage for example in examples]
    for tagger in (Tagger.load(tmp_path), *baselines(settings, BOOK, examples, []).values()):
        found, _ = tagger.read_topics(passages)
        assert ((found >= 0) & (found <= 1)).all()
        for tags in tagger.tag(passages):
            for tag in tags:
                assert tag.stances is not None
                assert sum(tag.stances) == pytest.approx(1)


def test_readers_who_never_agree_on_a_stance_leave_none_to_learn_by_majority() -> None:
    with pytest.raises(DemarcheError, match="train has no stances"):
        fit(config(), BOOK, read_by(FEW[DISAGREE]), [], callback=NoCallback())


def test_readers_who_always_disagree_leave_nothing_to_learn_by_majority() -> None:
    tied = read_by([[[Label(topic="tea", stance="favor")], []]] * 6)
    with pytest.raises(DemarcheError, match="training has 0 articles with labels; at least two are needed"):
        fit(config(stance=None), BOOK, tied, [], callback=NoCallback())


def test_votes_teach_how_sure_readers_were() -> None:
    """Three of four readers find tea in half of the texts, one of four in the others."""
    tea, no = [Label(topic="tea", stance="favor")], list[Label]()
    often = read_by([[tea, tea, tea, no]] * 40, text="steam and leaves {}")
    seldom = read_by([[tea, no, no, no]] * 40, text="steam and rails {}")
    seldom = [
        Example(e.passage.model_copy(update={"id": f"s{n}", "article": f"s{n}"}), e.topics, {}, e.topic_votes, {})
        for n, e in enumerate(seldom)
    ]
    fitted = fit(config(stance=None, votes="soft"), BOOK, often + seldom, [], callback=NoCallback())
    found = probabilities(fitted.tagger, often + seldom)[:, 0]
    np.testing.assert_allclose(found, np.repeat([0.75, 0.25], 40), atol=0.1)


def test_tied_stances_teach_with_their_votes_only_where_votes_are_soft() -> None:
    tied = read_by([[[Label(topic="tea", stance="favor")], [Label(topic="tea", stance="against")]]])
    assert len(stance_examples(tied, BOOK, ["text"], "majority")) == 0
    assert stance_examples(tied, BOOK, ["text"], "soft").y.tolist() == [[0.5, 0.5, 0]]


def test_a_topic_of_few_examples_is_warned_of_and_one_of_none_is_never_found() -> None:
    book = BOOK.model_copy(update={"topics": (*BOOK.topics, BOOK.topics[0].model_copy(update={"id": "snow"}))})
    few = read_by([[[Label(topic="rain")]]] * 3 + [[[Label(topic="tea")]]] * 20 + [[[]]] * 20)
    fitted = fit(config(stance=None), book, few, [], callback=NoCallback())
    assert fitted.warnings == [
        "topic 'rain' has 3 examples in train and dev; its probabilities and threshold are not calibrated",
        "topic 'snow' has 0 examples in train and dev; it cannot be trained",
    ]
    found = probabilities(fitted.tagger, few)
    assert fitted.tagger.settings.topic_calibration is not None
    assert not fitted.tagger.settings.topic_calibration.assigned(found)[:, 2].any()


def test_a_stance_of_few_examples_is_warned_of() -> None:
    few = read_by([[[Label(topic="tea", stance=stance)]] for stance in ("favor", "against", "neutral")])
    fitted = fit(config(topics=None), BOOK, few, [], callback=NoCallback())
    assert fitted.warnings == ["stance has 3 examples in train and dev; its probabilities are not calibrated"]


def test_topics_of_few_stance_labels_are_warned_of_with_their_counts() -> None:
    labels = [Label(topic=topic, stance=stance) for topic in ("tea", "rain") for stance in ("favor", "against")]
    few = read_by([[[label]] for label in labels * 8 + labels[:2] * 20])

    def warnings(stance: dict[str, Any]) -> list[str]:
        fitted = fit(config(topics=None, stance=stance), BOOK, few, [], callback=NoCallback())
        return [warning for warning in fitted.warnings if "often gives all topics of a passage the same one" in warning]

    (warning,) = warnings(LINEAR)
    assert warning.startswith("stance: the linear family has fewer than 60 labels of tea 56, rain 16: ")
    (warning,) = warnings({"kind": "average", "of": [LINEAR | {"own_from": 30}, MAJORITY]})
    assert warning.startswith("stance: the linear family has fewer than 30 labels of rain 16: ")
    assert warnings(LINEAR | {"own_from": 10}) == []
    assert warnings(MAJORITY) == []


def test_a_wanted_precision_that_is_out_of_reach_is_warned_of() -> None:
    rng = np.random.default_rng(1)
    noise = read_by([[[Label(topic="tea")] if rng.random() < 0.3 else []] for _ in range(60)])
    fitted = fit(config(stance=None, thresholds={"precision": 0.99}), BOOK, noise, [], callback=NoCallback())
    assert any("topic 'tea': precision 0.99 was not reached" in warning for warning in fitted.warnings)


def test_stance_is_not_trained_where_nobody_told_one() -> None:
    with pytest.raises(DemarcheError, match="has no stances; remove `stance:` from the config, or label some"):
        fit(config(topics=None), BOOK, read_by([[[Label(topic="tea")]]] * 5), [], callback=NoCallback())


def test_progress_is_told_from_nothing_to_all() -> None:
    told: list[tuple[str, int, int]] = []

    class Notes(NoCallback):
        def step(self, what: str, *, done: int, total: int) -> None:
            told.append((what, done, total))

    fit(config(), BOOK, town(10), town(3, seed=2), callback=Notes())
    for task in ("topics", "stance"):
        steps = [(done, total) for what, done, total in told if what == task]
        assert [done for done, _ in steps] == list(range(len(steps)))
        assert {total for _, total in steps} == {len(steps) - 1}


def test_rules_are_a_baseline_only_where_the_codebook_has_keywords() -> None:
    bare = BOOK.model_copy(update={"topics": tuple(t.model_copy(update={"keywords": ()}) for t in BOOK.topics)})
    assert list(baselines(config(), BOOK, town(5), [])) == ["majority", "rules"]
    assert list(baselines(config(), bare, town(5), [])) == ["majority"]
    assert list(baselines(config(topics=None), BOOK, town(5), [])) == ["majority"]


@pytest.mark.parametrize(
    ("text", "languages"),
    [("the text of article number {}", ("en",)), ("этот текст взят из статьи номер {}", ("ru",)), ("{}", ())],
)
def test_a_tagger_keeps_the_languages_that_it_was_trained_on(text: str, languages: tuple[str, ...]) -> None:
    examples = read_by([[[Label(topic="tea", stance="favor")]], [[]]] * 10, text=text)
    for topics, stance in ((MAJORITY, MAJORITY), (None, MAJORITY)):
        fitted = fit(config(topics, stance), BOOK, examples[:15], examples[15:], callback=NoCallback())
        assert fitted.tagger.settings.languages == languages


@pytest.mark.parametrize(
    ("topics", "stance"),
    [("zero_shot", "zero_shot"), ("similarity", None), ("setfit", "setfit")],
)
def test_a_tagger_of_a_family_for_few_labels_reads_as_it_was_saved(
    topics: str, stance: str | None, tmp_path: Path
) -> None:
    encoder = tiny_nli() if topics == "zero_shot" else tiny_encoder()
    few = {"steps": 2} if topics == "setfit" else {}
    families = [{"kind": kind, "encoder": str(encoder), "max_length": 64} | few for kind in (topics, stance) if kind]
    examples = town(30)
    found = fit(
        config(*families, *[None] * (2 - len(families))), BOOK, examples[:60], examples[60:], callback=NoCallback()
    )
    assert found.dev_tagger is not None
    found.tagger.save(tmp_path / "model")
    passages = [example.passage for example in examples[:8]]
    assert Tagger.load(tmp_path / "model").tag(passages) == found.tagger.tag(passages)
