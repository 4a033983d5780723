"""What every classifier family promises, whichever it is."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labels.errors import DemarcheError
from labels.gold.adjudication import adjudicate
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.encoders.vectors import Vectors
from models.examples import (
    FloatArray,
    JointExamples,
    NoCallback,
    Query,
    StanceExamples,
    TopicExamples,
    stance_examples,
    topic_examples,
)
from models.families.average import AverageStance, AverageTopics
from models.families.baselines import MajorityStance, MajorityTopics, RuleTopics
from models.families.catalog import load_stance, load_topics
from models.families.embedding import EmbeddingStance, EmbeddingStanceSettings, EmbeddingTopics, EmbeddingTopicsSettings
from models.families.encoder import EncoderStance, EncoderStanceSettings, EncoderTopics, EncoderTopicsSettings
from models.families.joint import Joint, JointSettings, describe
from models.families.linear import LinearStance, LinearStanceSettings, LinearTopics, LinearTopicsSettings
from models.families.ngrams import Ngrams
from models.families.protocol import SETTINGS_FILE, read_settings
from models.families.setfit import SetfitStance, SetfitStanceSettings, SetfitTopics, SetfitTopicsSettings
from models.families.similarity import SimilarityTopics, SimilarityTopicsSettings
from models.families.zero_shot import ZeroShotStance, ZeroShotStanceSettings, ZeroShotTopics, ZeroShotTopicsSettings
from tests.conftest import BOOK, CPU, make_articles, tiny_encoder, tiny_nli

WORDS = Ngrams(chars=None)
STRANGE = [
    "",
    " ",
    "a",
    "tea " * 20_000,
    "zzyzx qwxk",
    "雨が降っている",
    "🫖☔",
    "-- … !!",
    "\0\u2028\ufeff",
    "x" * 20_000,
    "TEAPOT teapot",
]

EVEN = Platt()


def encoder_settings(**more: Any) -> dict[str, Any]:
    # Windows of 16 tokens: most of the town's texts need two or three.
    return {"encoder": str(tiny_encoder()), "max_length": 16} | more


def tuned(**more: Any) -> dict[str, Any]:
    return encoder_settings(kind="encoder", batch_size=16, **{"epochs": 20, "learning_rate": 1e-3} | more)


def vectors() -> Vectors:
    return Vectors.of_encoder(str(tiny_encoder()), CPU, max_length=16)


def evaluated(**more: Any) -> dict[str, Any]:
    # Hypotheses are spelt in letters: they take many tokens.
    return {"encoder": str(tiny_nli()), "max_length": 128, "kind": "zero_shot"} | more


def paired(**more: Any) -> dict[str, Any]:
    return encoder_settings(kind="setfit", steps=60, learning_rate=1e-3) | more


class Averaging:
    """An average learns as its members do."""

    def __init__(self, members: list[Any], calibration: Any, average: Any):
        self.members, self.calibration, self.average = members, calibration, average

    def fit(self, train: Any, dev: Any, *, callback: NoCallback) -> Any:
        fitted = [member.fit(train, dev, callback=callback) for member in self.members]
        return self.average(fitted, [self.calibration] * len(fitted))


class Reading:
    """The joint reader seen as a classifier of one task."""

    def __init__(self, task: str, joint: Joint | None = None):
        self.task = task
        settings = JointSettings(**tuned(learning_rate=1e-3, epochs=30) | {"kind": "joint"})
        self.joint = joint or Joint(settings, describe(BOOK), device=CPU, seed=1)

    def fit(self, train: Any, dev: Any, *, callback: NoCallback) -> Any:
        self.joint.fit(self._joint(train), self._joint(dev), callback=callback)
        return self

    def _joint(self, examples: Any) -> JointExamples:
        y = np.full((len(examples), len(BOOK.topics), 4), np.nan)
        if self.task == "topics":
            y[:, :, 0] = examples.y
            return JointExamples(examples.inputs, y, examples.groups)
        targets = [topic.proposition for topic in BOOK.topics]
        columns = [targets.index(query.target) for query in examples.inputs]
        y[:, :, 0] = 0.0
        y[np.arange(len(columns)), columns, 0] = 1.0
        y[np.arange(len(columns)), columns, 1:] = examples.y
        return JointExamples([query.text for query in examples.inputs], y, examples.groups)

    def predict_proba(self, asked: Any) -> FloatArray:
        return self.joint.predict_proba(asked)[:, :, 0] if self.task == "topics" else self.joint.stances(asked)

    def save(self, folder: Path) -> None:
        self.joint.save(folder)


TOPIC_FAMILIES = {
    "linear": lambda: LinearTopics(LinearTopicsSettings()),
    "linear on words": lambda: LinearTopics(LinearTopicsSettings(ngrams=WORDS)),
    "linear on characters": lambda: LinearTopics(LinearTopicsSettings(ngrams=Ngrams(words=None))),
    "rules": lambda: RuleTopics.of(BOOK),
    "majority": MajorityTopics,
    "embedding": lambda: EmbeddingTopics(EmbeddingTopicsSettings(**encoder_settings(kind="embedding")), vectors()),
    "encoder": lambda: EncoderTopics(EncoderTopicsSettings(**tuned()), device=CPU, seed=1),
    "setfit": lambda: SetfitTopics(SetfitTopicsSettings(**paired()), vectors(), seed=1),
    "similarity": lambda: SimilarityTopics.of(
        BOOK, SimilarityTopicsSettings(**encoder_settings(kind="similarity")), vectors()
    ),
    "zero_shot": lambda: ZeroShotTopics.of(BOOK, ZeroShotTopicsSettings(**evaluated()), CPU),
    "average": lambda: Averaging(
        [LinearTopics(LinearTopicsSettings(ngrams=WORDS)), MajorityTopics()],
        TopicCalibration(curves=(EVEN, EVEN), thresholds=(0.5, 0.5)),
        AverageTopics,
    ),
    "joint": lambda: Reading("topics"),
}
STANCE_FAMILIES = {
    "linear": lambda: LinearStance(LinearStanceSettings(own_from=10**6)),
    "linear with a model a target": lambda: LinearStance(LinearStanceSettings(ngrams=WORDS, own_from=10)),
    "majority": MajorityStance,
    "embedding": lambda: EmbeddingStance(EmbeddingStanceSettings(**encoder_settings(kind="embedding")), vectors()),
    "encoder": lambda: EncoderStance(EncoderStanceSettings(**tuned()), device=CPU, seed=1),
    "setfit": lambda: SetfitStance(SetfitStanceSettings(**paired()), vectors(), seed=1),
    "zero_shot": lambda: ZeroShotStance.of(ZeroShotStanceSettings(**evaluated()), CPU),
    "average": lambda: Averaging(
        [LinearStance(LinearStanceSettings(ngrams=WORDS)), MajorityStance()], StanceCalibration(), AverageStance
    ),
    "joint": lambda: Reading("stance"),
}
TUNED = {"encoder", "joint", "setfit"}
UNTAUGHT = {"similarity", "zero_shot"}
ENCODED = {"embedding", "similarity", "zero_shot", *TUNED}
FAMILIES = [("topics", name) for name in TOPIC_FAMILIES] + [
    (task, name)
    for task in ("stance", "stance with spans")
    for name in STANCE_FAMILIES
    if (task, name) != ("stance with spans", "zero_shot")  # it does not look at spans
]
every_family = pytest.mark.parametrize(("task", "name"), FAMILIES)
every_learner = pytest.mark.parametrize(
    ("task", "name"), [(task, name) for task, name in FAMILIES if name not in UNTAUGHT]
)


@cache
def examples_of(task: str, *, seed: int = 1) -> Any:
    _, passages, annotations = make_articles(40, seed=seed)
    examples = adjudicate(passages, annotations)
    if task == "topics":
        return topic_examples(examples, BOOK, ["text"], "majority")
    stances = stance_examples(examples, BOOK, ["text"], "majority")
    if task == "stance":
        return stances
    # Every second text names its target at its first word.
    queries = [
        Query(query.text, query.target, (0, len(query.text.split()[0]))) if row % 2 else query
        for row, query in enumerate(stances.inputs)
    ]
    return StanceExamples(queries, stances.y, stances.groups)


def new(task: str, name: str) -> Any:
    return TOPIC_FAMILIES[name]() if task == "topics" else STANCE_FAMILIES[name]()


def learn(task: str, name: str, examples: Any) -> Any:
    return new(task, name).fit(examples, examples.take(np.arange(0)), callback=NoCallback())


@cache
def fitted(task: str, name: str) -> Any:
    return learn(task, name, examples_of(task))


def asked(examples: Any) -> list[Any]:
    return list(examples.inputs)


def assert_same(found: FloatArray, expected: FloatArray, name: str) -> None:
    """To the last bit; an encoder's sums may be taken in another order where the batch has another shape."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 if name in ENCODED else 0)


def strange(task: str) -> list[Any]:
    if task == "topics":
        return list(STRANGE)
    targets = ["drinking more tea", "a target nobody has seen", ""]
    spans = [None, (0, 1)] if task == "stance with spans" else [None]
    return [Query(text, target, span) for text in STRANGE for target in targets for span in spans]


def load(task: str, folder: Path) -> Any:
    if read_settings(folder)["kind"] == "joint":
        return Reading(task, Joint.load(folder))
    return load_topics(folder) if task == "topics" else load_stance(folder)


def assert_are_probabilities(found: FloatArray, task: str, *, rows: int) -> None:
    assert found.shape == (rows, len(BOOK.topics) if task == "topics" else 3)
    assert found.dtype == np.float64
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found <= 1).all()
    if task != "topics":
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


@every_learner
def test_what_was_learnt_is_nearer_to_the_gold_than_an_even_guess(task: str, name: str) -> None:
    # The town is fair: shares of one year say nothing of the next.
    gold = examples_of(task, seed=1 if name == "majority" else 2)
    found = fitted(task, name).predict_proba(asked(gold))
    even = 0.5 if task == "topics" else 1 / 3
    assert ((found - gold.y) ** 2).mean() < ((even - gold.y) ** 2).mean()


@every_family
def test_whatever_is_asked_the_answer_is_probabilities(task: str, name: str) -> None:
    for queries in (asked(examples_of(task)), strange(task)):
        assert_are_probabilities(fitted(task, name).predict_proba(queries), task, rows=len(queries))


@pytest.mark.parametrize("name", sorted(ENCODED))
def test_a_text_of_20_000_words_is_read_to_its_end(name: str) -> None:
    filler = "the town and its old market " * 3_333
    for task in ("topics", "stance"):
        if (task, name) in {("topics", "zero_shot"), ("stance", "similarity")}:
            continue  # the window that entails most need not be the last; there is no such family
        texts = [filler, filler + "teapot kettle brew"]
        queries = texts if task == "topics" else [Query(text, "drinking more tea") for text in texts]
        found = fitted(task, name).predict_proba(queries)
        assert_are_probabilities(found, task, rows=2)
        assert (found[0] != found[1]).any()


@every_family
def test_nothing_asked_is_nothing_answered(task: str, name: str) -> None:
    assert_are_probabilities(fitted(task, name).predict_proba([]), task, rows=0)


@every_family
def test_a_saved_model_gives_the_very_same_probabilities(task: str, name: str, tmp_path: Path) -> None:
    fitted(task, name).save(tmp_path / "model")
    again = load(task, tmp_path / "model")
    for queries in (asked(examples_of(task, seed=2)), strange(task), []):
        np.testing.assert_array_equal(again.predict_proba(queries), fitted(task, name).predict_proba(queries))


@every_family
def test_a_model_saved_again_is_the_same_to_the_byte(task: str, name: str, tmp_path: Path) -> None:
    fitted(task, name).save(tmp_path / "one")
    load(task, tmp_path / "one").save(tmp_path / "two")
    first, second = (
        sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        for folder in (tmp_path / "one", tmp_path / "two")
    )
    assert first == second
    for file in first:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@every_family
def test_the_same_examples_teach_the_same_model(task: str, name: str) -> None:
    queries = asked(examples_of(task, seed=2))
    again = learn(task, name, examples_of(task))
    np.testing.assert_array_equal(again.predict_proba(queries), fitted(task, name).predict_proba(queries))


@every_family
def test_an_answer_does_not_hang_on_what_is_asked_beside_it(task: str, name: str) -> None:
    queries = [*asked(examples_of(task, seed=2)), *strange(task)]
    together = fitted(task, name).predict_proba(queries)
    order = np.random.default_rng(3).permutation(len(queries))
    shuffled = fitted(task, name).predict_proba([queries[row] for row in order])
    assert_same(shuffled, together[order], name)
    alone = np.vstack([fitted(task, name).predict_proba([query]) for query in queries])
    assert_same(alone, together, name)


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, name in FAMILIES if name not in TUNED])
def test_dev_is_learnt_from_like_train(task: str, name: str) -> None:
    whole = examples_of(task)
    rows = np.arange(len(whole))
    parted = new(task, name).fit(whole.take(rows[:70]), whole.take(rows[70:]), callback=NoCallback())
    queries = asked(examples_of(task, seed=2))
    np.testing.assert_array_equal(parted.predict_proba(queries), fitted(task, name).predict_proba(queries))


@every_learner
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_handful_of_examples_is_enough_to_answer(task: str, name: str, rows: int) -> None:
    few = examples_of(task).take(np.arange(rows))
    assert_are_probabilities(learn(task, name, few).predict_proba(strange(task)), task, rows=len(strange(task)))


@every_learner
@pytest.mark.parametrize("share", [1.0, 0.4])
def test_one_label_for_all_is_what_is_said_of_all(task: str, name: str, share: float) -> None:
    examples = examples_of(task)
    if task == "topics":
        y = np.tile([0.0, share], (len(examples), 1))
        model = learn(task, name, TopicExamples(examples.inputs, y, examples.groups))
    else:
        y = np.tile([0.0, share, 1 - share], (len(examples), 1))
        model = learn(task, name, StanceExamples(examples.inputs, y, examples.groups))
    found = model.predict_proba(strange(task))
    assert_are_probabilities(found, task, rows=len(found))
    if name == "rules" or (name == "joint" and task == "topics"):
        return  # they know a topic without examples by its description
    assert (found[:, 0] < 0.01).all()
    if share == 1.0 or name == "majority" or task == "topics":
        np.testing.assert_allclose(found[:, 1], share, atol=0.01)


@pytest.mark.parametrize("name", ["linear", "linear on words", "linear on characters", "majority"])
def test_a_topic_without_a_positive_is_never_found_and_takes_nothing_from_the_others(name: str) -> None:
    whole = examples_of("topics")
    examples = TopicExamples(whole.inputs, whole.y * np.array([1.0, 0.0]), whole.groups)
    found = learn("topics", name, examples).predict_proba(whole.inputs)
    assert (found[:, 1] < 0.01).all()
    np.testing.assert_array_equal(found[:, 0], fitted("topics", name).predict_proba(whole.inputs)[:, 0])


@pytest.mark.parametrize("name", [name for name in STANCE_FAMILIES if name not in UNTAUGHT])
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_stance_that_nobody_gave_is_hardly_ever_said(name: str, missing: int) -> None:
    whole = examples_of("stance")
    examples = whole.take(np.flatnonzero(whole.y[:, missing] == 0))
    found = learn("stance", name, examples).predict_proba(strange("stance"))
    assert (found[:, missing] < 0.01).all()


@pytest.mark.parametrize("name", ["linear", "linear on words", "linear on characters"])
def test_texts_that_are_all_the_same_teach_no_more_than_the_balance(name: str) -> None:
    examples = TopicExamples(["the same words"] * 60, np.tile([[1.0, 0.0], [0.0, 1.0]], (30, 1)), list("ab") * 30)
    found = learn("topics", name, examples).predict_proba(["the same words", "other things"])
    np.testing.assert_allclose(found, 0.5, atol=0.01)


def test_texts_that_share_no_word_are_a_clear_mistake_where_only_words_count() -> None:
    examples = TopicExamples([f"word{n}" for n in range(60)], np.tile([[1.0], [0.0]], (30, 1)), list("ab") * 30)
    with pytest.raises(DemarcheError, match="no n-gram occurs in at least 2 of the 60 training texts; lower"):
        learn("topics", "linear on words", examples)


def test_texts_without_a_single_word_are_read_by_their_characters() -> None:
    examples = TopicExamples(["!?! …", "— —", "!?! ;", "— ."] * 5, np.tile([[1.0], [0.0]], (10, 1)), list("abcd") * 5)
    found = learn("topics", "linear", examples).predict_proba(["!?!", "—"])
    assert found[0, 0] > 0.5 > found[1, 0]


@pytest.mark.parametrize("named", [1, 2, 60])
def test_few_targets_with_a_place_do_not_break_the_many_without(named: int, tmp_path: Path) -> None:
    queries = [Query(f"the town praises tea {n % 7}", "tea", (16, 19) if n < named else None) for n in range(60)]
    model = learn("stance", "linear", StanceExamples(queries, np.tile(np.eye(3), (20, 1)), list("abc") * 20))
    model.save(tmp_path)
    found = load_stance(tmp_path).predict_proba(queries)
    assert_are_probabilities(found, "stance", rows=60)
    np.testing.assert_array_equal(found, model.predict_proba(queries))


def test_where_the_target_stands_tells_whom_the_praise_is_for() -> None:
    queries, y = [], []
    for first, second in [("Ann", "Bob"), ("Eve", "Tom"), ("Ida", "Max"), ("Una", "Leo")] * 5:
        text = f"{first} was praised while {second} was blamed"
        at = text.index(second)
        queries += [Query(text, first, (0, 3)), Query(text, second, (at, at + 3))]
        y += [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    model = learn("stance", "linear", StanceExamples(queries, np.array(y), list("abcdefgh") * 5))
    text = "Zoe was praised while Kim was blamed"
    found = model.predict_proba([Query(text, "Zoe", (0, 3)), Query(text, "Kim", (22, 25))])
    assert found.argmax(axis=1).tolist() == [0, 1]


def test_votes_are_learnt_from_as_so_many_readings() -> None:
    """Half of the readers found the topic in every `so-so` text: that is what its probability says."""
    texts = ["yes yes", "no no", "soso soso"] * 20
    examples = TopicExamples(texts, np.tile([[1.0], [0.0], [0.5]], (20, 1)), list("abc") * 20)
    found = learn("topics", "linear on words", examples).predict_proba(["yes yes", "no no", "soso soso"])[:, 0]
    assert found[0] > 0.9
    assert found[1] < 0.1
    assert found[2] == pytest.approx(0.5, abs=0.05)


def test_a_keyword_counts_as_a_whole_word_in_any_case_and_with_any_sign_in_it() -> None:
    rules = RuleTopics([["tea", "c++", "U.S."], [], ["чай"]])
    texts = ["TEA!", "teapot", "in C++,", "the U.S. said", "the UxS", "Чай", "steak"]
    found = rules.predict_proba(texts)
    assert found[:, 0].tolist() == [1, 0, 1, 1, 0, 0, 0]
    assert found[:, 1].tolist() == [0] * 7
    assert found[:, 2].tolist() == [0, 0, 0, 0, 0, 1, 0]


def test_the_majority_of_nothing_is_no_topic_and_an_even_stance() -> None:
    nothing = examples_of("topics").take(np.arange(0)), examples_of("stance").take(np.arange(0))
    assert learn("topics", "majority", nothing[0]).predict_proba(["a"]).tolist() == [[0, 0]]
    np.testing.assert_allclose(learn("stance", "majority", nothing[1]).predict_proba([Query("a", "b")]), 1 / 3)


@pytest.mark.parametrize("load_family", [load_topics, load_stance])
def test_a_family_of_a_later_version_is_named(load_family: Any, tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text('{"kind": "oracle"}', encoding="utf-8")
    with pytest.raises(DemarcheError, match="unknown family 'oracle'; the model was saved by a newer version"):
        load_family(tmp_path)


def test_a_vote_that_hardly_exists_counts_for_nothing() -> None:
    whole = examples_of("stance")
    plain = StanceExamples(whole.inputs, np.eye(3)[np.zeros(len(whole), dtype=int)], whole.groups)
    nearly = StanceExamples(whole.inputs, np.tile([1.0, 1e-10, 1e-10], (len(whole), 1)), whole.groups)
    for examples in (plain, nearly):
        assert (learn("stance", "linear", examples).predict_proba(strange("stance"))[:, 0] > 0.99).all()
    topics = TopicExamples([f"the words of row {n}" for n in range(60)], np.zeros((60, 1)), list("ab") * 30)
    topics.y[7] = 0.01
    assert (learn("topics", "linear", topics).predict_proba(topics.inputs) < 0.2).all()
