"""The contract of every classifier family."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labels.errors import DemarcheError
from models.examples import (
    NoCallback,
    Query,
    StanceExamples,
    TopicExamples,
)
from models.families.baselines import RuleTopics
from models.families.catalog import load_stance, load_topics
from models.families.linear import LinearStance, LinearStanceSettings
from models.families.protocol import SETTINGS_FILE
from tests.families import (
    FAMILIES,
    FINETUNED,
    IGNORE_SPANS,
    STANCE_FAMILIES,
    TOPIC_FAMILIES,
    UNTRAINED,
    WITH_ENCODER,
    assert_are_probabilities,
    assert_same,
    every_family,
    every_trained_family,
    examples_of,
    fit,
    fitted,
    load,
    new_inputs,
    predictions,
    strange,
)

# One process runs all of them, so that each model is fitted once.
pytestmark = pytest.mark.xdist_group("families")


@every_trained_family
def test_a_trained_model_is_closer_to_the_gold_than_an_even_guess(task: str, name: str) -> None:
    # The town is fair: the proportions of one year do not carry over to the next.
    gold = examples_of(task, seed=1 if name == "majority" else 2)
    probabilities = fitted(task, name).predict_proba(gold.inputs)
    even = 0.5 if task == "topics" else 1 / 3
    assert ((probabilities - gold.y) ** 2).mean() < ((even - gold.y) ** 2).mean()


@every_family
def test_any_input_gives_probabilities(task: str, name: str) -> None:
    assert_are_probabilities(predictions(task, name), task, rows=len(new_inputs(task)))


@pytest.mark.parametrize("name", IGNORE_SPANS)
def test_a_family_that_ignores_spans_predicts_the_same_with_them(name: str) -> None:
    with_spans = new_inputs("stance with spans")
    without = [Query(query.text, query.target) for query in with_spans]
    model = fitted("stance", name, brief=True)
    np.testing.assert_array_equal(model.predict_proba(with_spans), model.predict_proba(without))


@pytest.mark.parametrize("name", sorted(WITH_ENCODER))
def test_a_long_text_is_read_to_its_end(name: str) -> None:
    filler = "the town and its old market " * 200
    for task in ("topics", "stance"):
        if (task, name) in {("topics", "zero_shot"), ("stance", "similarity")}:
            continue  # the window that entails most need not be the last; there is no such family
        texts = [filler, filler + "teapot kettle brew"]
        inputs = texts if task == "topics" else [Query(text, "drinking more tea") for text in texts]
        probabilities = fitted(task, name).predict_proba(inputs)
        assert_are_probabilities(probabilities, task, rows=2)
        assert (probabilities[0] != probabilities[1]).any()


@every_family
def test_no_input_gives_no_predictions(task: str, name: str) -> None:
    assert_are_probabilities(fitted(task, name).predict_proba([]), task, rows=0)


@every_family
def test_a_saved_model_predicts_the_same(task: str, name: str, tmp_path: Path) -> None:
    fitted(task, name).save(tmp_path / "model")
    loaded = load(task, tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(new_inputs(task)), predictions(task, name))
    assert_are_probabilities(loaded.predict_proba([]), task, rows=0)


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
def test_training_twice_on_the_same_examples_gives_the_same_model(task: str, name: str) -> None:
    inputs = examples_of(task, seed=2).inputs
    again = fit(task, name, examples_of(task))
    np.testing.assert_array_equal(again.predict_proba(inputs), fitted(task, name, brief=True).predict_proba(inputs))


@every_family
def test_a_prediction_does_not_depend_on_the_batch(task: str, name: str) -> None:
    inputs = new_inputs(task)
    order = np.random.default_rng(3).permutation(len(inputs))
    shuffled = fitted(task, name).predict_proba([inputs[row] for row in order])
    assert_same(shuffled, predictions(task, name)[order], name)
    some = range(0, len(inputs), 3)
    alone = np.vstack([fitted(task, name).predict_proba([inputs[row]]) for row in some])
    assert_same(alone, predictions(task, name)[some], name)


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, name in FAMILIES if name not in FINETUNED])
def test_families_without_early_stopping_train_on_dev_too(task: str, name: str) -> None:
    whole = examples_of(task)
    rows = np.arange(len(whole))
    families = TOPIC_FAMILIES if task == "topics" else STANCE_FAMILIES
    split = families[name](True).fit(whole.take(rows[:70]), whole.take(rows[70:]), callback=NoCallback())
    np.testing.assert_array_equal(split.predict_proba(new_inputs(task)), predictions(task, name))


@every_trained_family
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_handful_of_examples_is_enough_to_train(task: str, name: str, rows: int) -> None:
    few = examples_of(task).take(np.arange(rows))
    assert_are_probabilities(fit(task, name, few).predict_proba(strange(task)), task, rows=len(strange(task)))


@every_trained_family
@pytest.mark.parametrize("proportion", [1.0, 0.4])
def test_a_label_that_all_examples_share_is_predicted_for_every_text(task: str, name: str, proportion: float) -> None:
    examples = examples_of(task)
    row = [0.0, proportion] if task == "topics" else [0.0, proportion, 1 - proportion]
    y = np.tile(row, (len(examples), 1))
    probabilities = fit(task, name, replace(examples, y=y)).predict_proba(strange(task))
    assert_are_probabilities(probabilities, task, rows=len(probabilities))
    if name == "rules" or (name == "joint" and task == "topics"):
        return  # they recognise a topic without examples by its description
    assert (probabilities[:, 0] < 0.01).all()
    if proportion == 1.0 or name == "majority" or task == "topics":
        np.testing.assert_allclose(probabilities[:, 1], proportion, atol=0.01)


@pytest.mark.parametrize("name", ["linear", "linear on words", "linear on characters", "majority"])
def test_a_topic_without_a_positive_is_never_assigned_and_does_not_affect_the_others(name: str) -> None:
    whole = examples_of("topics")
    examples = TopicExamples(whole.inputs, whole.y * np.array([1.0, 0.0]), whole.groups)
    found = fit("topics", name, examples).predict_proba(whole.inputs)
    assert (found[:, 1] < 0.01).all()
    np.testing.assert_array_equal(found[:, 0], fitted("topics", name).predict_proba(whole.inputs)[:, 0])


@pytest.mark.parametrize("name", [name for name in STANCE_FAMILIES if name not in UNTRAINED])
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_stance_without_an_example_is_next_to_impossible(name: str, missing: int) -> None:
    whole = examples_of("stance")
    examples = whole.take(np.flatnonzero(whole.y[:, missing] == 0))
    found = fit("stance", name, examples).predict_proba(strange("stance"))
    assert (found[:, missing] < 0.01).all()


@pytest.mark.parametrize("name", ["linear", "linear on words", "linear on characters"])
def test_identical_texts_are_predicted_the_balance_of_labels(name: str) -> None:
    examples = TopicExamples(["the same words"] * 60, np.tile([[1.0, 0.0], [0.0, 1.0]], (30, 1)), list("ab") * 30)
    found = fit("topics", name, examples).predict_proba(["the same words", "other things"])
    np.testing.assert_allclose(found, 0.5, atol=0.01)


def test_texts_without_a_common_word_are_an_error_for_word_ngrams() -> None:
    examples = TopicExamples([f"word{n}" for n in range(60)], np.tile([[1.0], [0.0]], (30, 1)), list("ab") * 30)
    with pytest.raises(DemarcheError, match="no n-gram occurs in at least 2 of the 60 training texts; lower"):
        fit("topics", "linear on words", examples)


def test_texts_without_a_single_word_are_classified_by_their_characters() -> None:
    examples = TopicExamples(["!?! …", "— —", "!?! ;", "— ."] * 5, np.tile([[1.0], [0.0]], (10, 1)), list("abcd") * 5)
    found = fit("topics", "linear", examples).predict_proba(["!?!", "—"])
    assert found[0, 0] > 0.5 > found[1, 0]


@pytest.mark.parametrize("named", [1, 2, 60])
def test_queries_with_and_without_a_span_are_trained_on_together(named: int, tmp_path: Path) -> None:
    queries = [Query(f"the town praises tea {n % 7}", "tea", (16, 19) if n < named else None) for n in range(60)]
    model = fit("stance", "linear", StanceExamples(queries, np.tile(np.eye(3), (20, 1)), list("abc") * 20))
    model.save(tmp_path)
    found = load_stance(tmp_path).predict_proba(queries)
    assert_are_probabilities(found, "stance", rows=60)
    np.testing.assert_array_equal(found, model.predict_proba(queries))


def test_the_context_of_a_target_decides_the_stance_toward_it() -> None:
    queries, y = [], []
    for first, second in [("Ann", "Bob"), ("Eve", "Tom"), ("Ida", "Max"), ("Una", "Leo")] * 5:
        text = f"{first} was praised while {second} was blamed"
        at = text.index(second)
        queries += [Query(text, first, (0, 3)), Query(text, second, (at, at + 3))]
        y += [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    model = fit("stance", "linear", StanceExamples(queries, np.array(y), list("abcdefgh") * 5))
    text = "Zoe was praised while Kim was blamed"
    found = model.predict_proba([Query(text, "Zoe", (0, 3)), Query(text, "Kim", (22, 25))])
    assert found.argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize("own_from", [10**6, 10])
def test_the_topics_of_a_passage_may_have_different_stances(own_from: int, tmp_path: Path) -> None:
    """What is good for tea is bad for rain: 12 labels of each topic are enough to learn it."""
    texts = [f"{word} in the town of {place}" for word in ("sunshine", "clouds") for place in "abcdef"]
    queries = [Query(text, target) for text in texts for target in ("tea", "rain")]
    is_favor = [("sunshine" in query.text) == (query.target == "tea") for query in queries]
    y = np.array([[1.0, 0.0, 0.0] if favor else [0.0, 1.0, 0.0] for favor in is_favor])
    examples = StanceExamples(queries, y, [query.text for query in queries])
    model = LinearStance(LinearStanceSettings(own_from=own_from))
    model.fit(examples, examples.take(np.arange(0)), callback=NoCallback())
    model.save(tmp_path)
    for each in (model, load_stance(tmp_path)):
        found = each.predict_proba([Query("sunshine in the town", "tea"), Query("sunshine in the town", "rain")])
        assert found.argmax(axis=1).tolist() == [0, 1]


def test_a_target_with_a_handful_of_labels_is_read_as_any_target() -> None:
    queries = [Query(f"the town praises tea {n % 7}", "tea" if n else "rain") for n in range(30)]
    model = LinearStance(LinearStanceSettings())
    examples = StanceExamples(queries, np.tile(np.eye(3), (10, 1)), list("abc") * 10)
    model.fit(examples, examples.take(np.arange(0)), callback=NoCallback())
    assert model.crossed == ["tea"]
    found = model.predict_proba([Query("praises", "rain"), Query("praises", "snow")])
    np.testing.assert_array_equal(found[0], found[1])


def test_soft_labels_are_predicted_as_proportions() -> None:
    """Half of the annotators assigned the topic to every `soso` text, and that is its probability."""
    texts = ["yes yes", "no no", "soso soso"] * 20
    examples = TopicExamples(texts, np.tile([[1.0], [0.0], [0.5]], (20, 1)), list("abc") * 20)
    found = fit("topics", "linear on words", examples).predict_proba(["yes yes", "no no", "soso soso"])[:, 0]
    assert found[0] > 0.9
    assert found[1] < 0.1
    assert found[2] == pytest.approx(0.5, abs=0.05)


def test_a_keyword_matches_as_a_whole_word_in_any_case_and_with_any_punctuation() -> None:
    rules = RuleTopics([["tea", "c++", "U.S."], [], ["чай"]])
    texts = ["TEA!", "teapot", "in C++,", "the U.S. said", "the UxS", "Чай", "steak"]
    found = rules.predict_proba(texts)
    assert found[:, 0].tolist() == [1, 0, 1, 1, 0, 0, 0]
    assert found[:, 1].tolist() == [0] * 7
    assert found[:, 2].tolist() == [0, 0, 0, 0, 0, 1, 0]


def test_the_majority_without_examples_is_no_topic_and_an_even_stance() -> None:
    topics, stances = (examples_of(task).take(np.arange(0)) for task in ("topics", "stance"))
    assert fit("topics", "majority", topics).predict_proba(["a"]).tolist() == [[0, 0]]
    np.testing.assert_allclose(fit("stance", "majority", stances).predict_proba([Query("a", "b")]), 1 / 3)


@pytest.mark.parametrize("load_family", [load_topics, load_stance])
def test_a_family_of_a_newer_version_is_an_error(load_family: Any, tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text('{"kind": "oracle"}', encoding="utf-8")
    with pytest.raises(DemarcheError, match="unknown family 'oracle'; the model was saved by a newer version"):
        load_family(tmp_path)


def test_a_negligible_fraction_of_votes_is_ignored() -> None:
    whole = examples_of("stance")
    plain = StanceExamples(whole.inputs, np.eye(3)[np.zeros(len(whole), dtype=int)], whole.groups)
    nearly = StanceExamples(whole.inputs, np.tile([1.0, 1e-10, 1e-10], (len(whole), 1)), whole.groups)
    for examples in (plain, nearly):
        assert (fit("stance", "linear", examples).predict_proba(strange("stance"))[:, 0] > 0.99).all()
    topics = TopicExamples([f"the words of row {n}" for n in range(60)], np.zeros((60, 1)), list("ab") * 30)
    topics.y[7] = 0.01
    assert (fit("topics", "linear", topics).predict_proba(topics.inputs) < 0.2).all()
