"""Passages with one change: the tags that must stay, and those that must change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labels.codebook import STANCES, Codebook, Topic, read_codebook
from labels.errors import BadInput, DemarcheError
from labels.gold.adjudication import Example, Target, adjudicate
from labels.passages import Annotation, Label, Passage
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.examples import BoolArray, FloatArray, Query
from models.reader import NeedsStance, Reading
from models.tagger import Tagger, TaggerSettings
from tests.conftest import REPOSITORY, demarche
from training.evaluation.counterfactuals.answers import (
    CONSISTENCY,
    compare_counterfactuals,
    counterfactual_metrics,
    counterfactuals_of,
    evaluate_counterfactuals,
    wilson,
)
from training.evaluation.counterfactuals.card import card_lines
from training.evaluation.counterfactuals.make import KINDS, Counterfactual, Counterfactuals, Maker, holders, sample
from training.evaluation.counterfactuals.names import Mention, Names, Unclear
from training.evaluation.counterfactuals.opposites import Opposites
from training.evaluation.counterfactuals.rules import RULES, Objects, Rules, read_english, read_rules

SHIPPED = read_rules()
ENGLISH = read_english()
NAMES = Names(SHIPPED, ENGLISH, ["Paris accord"])
BOOK = Codebook(
    id="village",
    version="1.0.0",
    topics=(Topic(id="dams", target="building dams"), Topic(id="wells", target="digging wells")),
)
OBJECTS = {"dams": Objects.model_validate({"for": ["dam", "dams"], "against": ["floods"]})}
VILLAGE = SHIPPED.model_copy(update={"codebook": "village", "objects": OBJECTS})


def number_of(form: str) -> int:
    return next(iter(NAMES.in_phrase(form)))


def exchange(text: str, one: str, other: str) -> str:
    """The text with two actors in each other's place."""
    pair = {number_of(one): number_of(other), number_of(other): number_of(one)}
    mentions = [mention for mention in NAMES.mentions(text) if mention.actor in pair]
    return NAMES.rewrite(text, mentions, lambda m: SHIPPED.actors[pair[m.actor]].form(m.place) or "").text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Russia's offer to Iran", "Iran's offer to Russia"),
        ("RUSSIA balks", "IRAN balks"),
        ("An Iranian official met a Russian one.", "A Russian official met an Iranian one."),
        ("Moscow said Tehran lied.", "Tehran said Moscow lied."),
        ("anti-Russian talk of Iranians", "anti-Iranian talk of Russians"),
        ("Prussia is not Russia, nor Russian-made", "Prussia is not Iran, nor Iranian-made"),
    ],
)
def test_two_actors_are_exchanged_in_every_grammatical_place(text: str, expected: str) -> None:
    assert exchange(text, "Russia", "Iran") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The United States said no.", "Russia said no."),
        ("the U.S. military", "the Russian military"),
        ("U.S. officials in Washington met.", "Russian officials in Moscow met."),
        ("Weapons left the U.S.", "Weapons left Russia."),
        ("the United States' offer", "Russia's offer"),
        ("a US-led bloc and an American", "a Russian-led bloc and a Russian"),
        ("Russia's reply to Russians", "America's reply to Americans"),
        ("Join us: the US will", "Join us: Russia will"),
    ],
)
def test_abbreviations_are_nouns_or_adjectives_by_what_follows(text: str, expected: str) -> None:
    assert exchange(text, "Russia", "America") == expected


@pytest.mark.parametrize(
    "text",
    [
        "talks with the Chinese about limits",
        "They left the U.S. The talks failed.",
        "pupils of the Moscow Circus School marched",
        "the Russian and Chinese fleets",
        "US snubs Iran",
    ],
)
def test_a_text_whose_grammar_is_unclear_is_left_out(text: str) -> None:
    with pytest.raises(Unclear):
        NAMES.mentions(text)


def test_phrases_that_are_no_actor_and_keywords_stay() -> None:
    assert NAMES.mentions("The Washington Post on the Paris accord, Native Americans and north Russian-ness") == [
        Mention(68, 75, number_of("Russia"), "adjective")
    ]


def test_the_north_is_an_actor_only_where_it_is_named() -> None:
    assert not NAMES.mentions("Snow fell in the North.")
    assert len(NAMES.mentions("The North fired.", beside="North Korea's tests")) == 1
    assert not NAMES.mentions("The North Sea rose.", beside="North Korea's tests")


FIRST_FORMS = {
    place: [actor.form(place) for actor in (SHIPPED.actors[number_of("Russia")], SHIPPED.actors[number_of("Iran")])]
    for place in ("name", "people", "capital")
}
PIECES = st.sampled_from(
    [form for forms in FIRST_FORMS.values() for form in forms if form]
    + ["said", "of", "“old”", "über", "𝔹", "met,", "it."]
)


@given(st.lists(PIECES, max_size=12))
def test_exchanging_two_actors_twice_restores_the_text(pieces: list[str]) -> None:
    text = ", ".join(pieces)
    assert exchange(exchange(text, "Russia", "Iran"), "Russia", "Iran") == text


@pytest.mark.parametrize(
    ("text", "stance", "after"),
    [
        ("The town agreed to build. It backed the dam.", "favor", "It opposed the dam."),
        ("The mayor said he opposes a new dam.", "against", "The mayor said he supports a new dam."),
        ("The dam was scrapped.", "against", "The dam was kept."),
        ("They want to curb floods.", "favor", "They want to increase floods."),
        ("They pulled out of the dam, he said.", "against", "They stayed in the dam, he said."),
    ],
)
def test_an_act_becomes_its_opposite(text: str, stance: str, after: str) -> None:
    assert Opposites(ENGLISH).negate(text, OBJECTS["dams"], stance).after == after  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "stance"),
    [
        ("The town backed the dam.", "against"),  # the stance is another one: perhaps the author's
        ("The town never backed the dam.", "favor"),
        ("The town refused to back the dam.", "against"),
        ("The town should build the dam.", "favor"),
        ("Has the town backed the dam?", "favor"),
        ("They hit back, the dam notwithstanding.", "favor"),
        ("Its support for the dam is known.", "favor"),
        ("They cut a deal, and the dam was built.", "favor"),
        ("The town backed the mayor, who built the dam.", "favor"),
        ("They keep repairing the dam.", "favor"),
        ("The town backed the well.", "favor"),
    ],
)
def test_an_act_that_may_not_carry_the_stance_is_left_alone(text: str, stance: str) -> None:
    with pytest.raises(Unclear):
        Opposites(ENGLISH).negate(text, OBJECTS["dams"], stance)  # type: ignore[arg-type]


def labelled(*texts: tuple[str, str, str, str | None]) -> tuple[list[Example], list[Annotation]]:
    """Examples of (text, topic, stance, holder), each an article of its own."""
    passages, annotations = [], []
    for number, (text, topic, stance, holder) in enumerate(texts):
        id = f"p{number}"
        passages.append(Passage(id=id, article=id, text=text, start=7, end=7 + len(text), title="News from Russia"))
        label = Label(topic=topic, stance=stance, holder=holder)  # type: ignore[arg-type]
        annotations.append(Annotation(passage=id, annotator="one", codebook=BOOK.reference, labels=(label,)))
    return adjudicate(passages, annotations), annotations


def made(examples: Sequence[Example], annotations: Sequence[Annotation], rules: Rules = VILLAGE) -> Counterfactuals:
    return Maker(BOOK, rules, ENGLISH, seed=13).make(examples, holders(annotations))


WORLD = labelled(
    ("Russia backed the dam that Iran wanted.", "dams", "favor", "the Russian leader"),
    ("Moscow should fear the dam.", "dams", "against", "author"),
    ("Nobody knows wells.", "wells", "neutral", None),
    ("The Kremlin runs Russia and its wells.", "wells", "favor", "Russia"),
)


def pair_of(kind: str, passage: str = "p0") -> Counterfactual:
    return next(pair for pair in made(*WORLD).pairs if pair.kind == kind and pair.before.passage.id == passage)


def test_the_holder_changes_places_with_the_other_actor_of_the_passage() -> None:
    after = pair_of("holder swapped").after.passage
    assert (after.title, after.text) == ("News from Iran", "Iran backed the dam that Russia wanted.")
    assert after.end - after.start == len(after.text)


def test_masks_count_the_actors_of_title_and_text() -> None:
    after = pair_of("actor masked").after.passage
    assert (after.title, after.text) == ("News from Country A", "Country A backed the dam that Country B wanted.")


def test_the_sentence_of_a_negated_act_stands_alone() -> None:
    pair = pair_of("act negated")
    assert pair.before.passage.title is None
    assert pair.after.passage.text == "Russia opposed the dam that Iran wanted."


def test_a_passage_is_asked_for_a_topic_that_it_does_not_have() -> None:
    assert pair_of("target exchanged").after.target == Target("wells")


def test_every_stance_is_either_changed_or_counted_as_left_out() -> None:
    counterfactuals = made(*WORLD)
    for kind in KINDS:
        assert len(counterfactuals.of(kind)) + sum(counterfactuals.left_out[kind].values()) == 4
    assert counterfactuals.left_out["holder swapped"] == {
        "the holder is no listed actor that the passage names": 2,
        "a word belongs to the holder or the other actor alone": 1,
    }


def test_passages_in_other_languages_keep_their_words() -> None:
    text = "Russland unterstützt den Staudamm, den sich die Regierung in Teheran seit Jahren wünscht."
    counterfactuals = made(*labelled((text, "dams", "favor", "Russland")))
    assert [pair.kind for pair in counterfactuals.pairs] == ["target exchanged"]


def test_acts_are_negated_only_for_the_codebook_that_the_objects_belong_to() -> None:
    other = VILLAGE.model_copy(update={"codebook": "town"})
    assert made(*WORLD, rules=other).left_out["act negated"]["no objects of the topic's acts are listed"] == 3


def test_a_named_target_moves_with_its_passage() -> None:
    text = "Russia praised Iran and Iran's dam."
    label = Label(target="Iran's dam", target_span=(24, 34), stance="favor", holder="Russia")
    passage = Passage(id="p", article="p", text=text, start=0, end=len(text))
    annotation = Annotation(passage="p", annotator="one", codebook=BOOK.reference, labels=(label,))
    swapped = made(adjudicate([passage], [annotation]), [annotation]).of("holder swapped")[0].after
    assert swapped.target.text == "Russia's dam"
    assert swapped.target.span is not None
    start, end = swapped.target.span
    assert swapped.passage.text[start:end] == "Russia's dam"


class Partial:
    """A reader that favors whatever Russia is named beside, and finds dams only there."""

    def __init__(self, *, topics: bool = True, stance: bool = True) -> None:
        self.reads_topics, self.reads_stance = topics, stance
        self.rounds = False

    def read(self, texts: Sequence[str], targets: Sequence[str], needs_stance: NeedsStance) -> Reading:
        stances = np.stack([self.stances([Query(text, target) for target in targets]) for text in texts])
        return Reading(self.topics(texts), stances)

    def topics(self, texts: Sequence[str]) -> FloatArray:
        return np.array([[0.9 if "Russia" in text else 0.1, 0.9] for text in texts]).reshape(len(texts), 2)

    def stances(self, queries: Sequence[Query]) -> FloatArray:
        favors: BoolArray = np.array(["Russia" in query.text for query in queries])
        return np.where(favors[:, np.newaxis], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1])

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def tagger(*, topics: bool = True, stance: bool = True) -> Tagger:
    calibration = TopicCalibration(curves=(Platt(), Platt()), thresholds=(0.5, 0.5)) if topics else None
    settings = TaggerSettings(
        input=("text",), review=0, topic_calibration=calibration, stance_calibration=StanceCalibration() if stance else None
    )  # fmt: skip
    return Tagger(BOOK, Partial(topics=topics, stance=stance), settings)


def shares(tagger: Tagger, *, seed: int = 13) -> dict[tuple[str, str], float]:
    scores = evaluate_counterfactuals(tagger, made(*WORLD), seed=seed)
    return {(each.kind, each.task): each.wrong.value for each in scores.kinds}


def test_answers_that_cannot_both_be_right_are_counted() -> None:
    # Masked: p0 and p3 lose Russia (dams go, wells stay), p1 had Moscow alone. Exchanged: the same text, the same stance.
    assert shares(tagger()) == {
        ("holder swapped", "topic"): 0,
        ("holder swapped", "stance"): 0,
        ("actor masked", "topic"): pytest.approx(1 / 3),
        ("actor masked", "stance"): pytest.approx(2 / 3),
        ("act negated", "stance"): 1,
        ("target exchanged", "stance"): 1,
    }


def test_taggers_of_one_task_are_asked_for_that_task() -> None:
    assert {task for _, task in shares(tagger(topics=False))} == {"stance"}
    assert set(shares(tagger(stance=False))) == {("holder swapped", "topic"), ("actor masked", "topic")}


def many(count: int) -> tuple[list[Example], list[Annotation]]:
    """Stances of Russia, which every other text calls Moscow."""
    names = ["Russia", "Moscow"] * count
    return labelled(*((f"{names[n]} backed dam {n}.", "dams", "favor", "Russia") for n in range(count)))


def test_consistency_is_the_mean_of_the_kinds_with_enough_pairs() -> None:
    assert CONSISTENCY not in counterfactual_metrics(tagger(), *WORLD, seed=13, rules=VILLAGE)
    metrics = counterfactual_metrics(tagger(), *many(30), seed=13, rules=VILLAGE)
    assert metrics["counterfactuals/actor_masked/stance"].value == 0.5
    assert metrics[CONSISTENCY].value == pytest.approx(
        np.mean([m.value for n, m in metrics.items() if n != CONSISTENCY])
    )


def test_two_taggers_are_compared_on_the_same_pairs() -> None:
    scores = evaluate_counterfactuals(tagger(), made(*many(30)), seed=13)
    same = compare_counterfactuals(scores, scores, seed=13)
    assert (same.difference.value, same.difference.low, same.difference.high) == (0, 0, 0)
    assert same.passages == same.articles == 30
    assert 0 < same.first == same.second < 1


@pytest.mark.parametrize(
    ("count", "topics", "message"),
    [(29, True, "counterfactuals: at most 29 pairs of a kind"), (30, False, "one model predicts topics or stance")],
)
def test_taggers_that_cannot_be_compared_are_refused(count: int, topics: bool, message: str) -> None:
    with pytest.raises(DemarcheError, match=message):
        compare_counterfactuals(
            *(
                evaluate_counterfactuals(each, made(*many(count)), seed=13)
                for each in (tagger(), tagger(topics=topics))
            ),
            seed=13,
        )


def test_the_card_says_what_the_shares_mean() -> None:
    lines = "\n".join(card_lines(evaluate_counterfactuals(tagger(), made(*WORLD), seed=13)))
    assert '67 % of stances change when the actors become "Country A" and the like' in lines
    assert "3 pairs only: too few to tell; 95 % interval 21 to 94 %" in lines
    assert "holder swapped: 3 stances left out, 2 because the holder is no listed actor" in lines


def test_shares_that_resampling_cannot_vary_have_the_interval_of_wilson_over_articles() -> None:
    few, more = (evaluate_counterfactuals(tagger(), each, seed=13).kinds for each in (made(*WORLD), made(*many(30))))
    all_wrong = [each for each in (*few, *more) if each.kind == "target exchanged"]
    assert [each.pairs for each in all_wrong] == [3, 30]
    for each in all_wrong:
        # Wilson (1927): of n, all are at least n / (n + z²).
        assert each.wrong == pytest.approx((1, each.articles / (each.articles + 1.96**2), 1), abs=0.001)


@given(st.integers(1, 40), st.data())
def test_wilsons_interval_has_the_share_and_is_wider_for_fewer_articles(pairs: int, data: st.DataObject) -> None:
    wrong, articles = data.draw(st.integers(0, pairs)), data.draw(st.integers(1, pairs))
    share = wilson(wrong, pairs, articles)
    assert 0 <= share.low <= share.value <= share.high <= 1
    assert share.high - share.low >= wilson(wrong, pairs, pairs).high - wilson(wrong, pairs, pairs).low - 1e-9


def test_a_sample_of_passages_has_stances_and_is_the_same_for_a_seed() -> None:
    examples, _ = many(30)
    chosen = sample(examples, most=7, seed=3)
    assert len(chosen) == 7
    assert chosen == sample(examples, most=7, seed=3) != sample(examples, most=7, seed=4)
    assert sample(examples, most=100, seed=3) == examples
    assert sample([replace(examples[0], stances={})], most=7, seed=3) == []


def test_gold_without_stances_has_no_counterfactuals() -> None:
    with pytest.raises(
        DemarcheError, match="no counterfactuals can be made of these passages: the gold has no stances"
    ):
        evaluate_counterfactuals(tagger(), counterfactuals_of(BOOK, [], [], seed=1), seed=1)


def test_the_shipped_objects_belong_to_topics_of_the_shipped_codebook() -> None:
    codebook = read_codebook(REPOSITORY / "labels/foreign_affairs/codebook.yaml")
    assert SHIPPED.codebook == codebook.id
    assert set(SHIPPED.objects) == set(codebook.topic_ids)


def test_mistakes_in_a_file_of_rules_are_reported_with_their_place(tmp_path: Path) -> None:
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    rules["actors"][0]["kind"] = "planet"
    rules["colour"] = "red"
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(rules), encoding="utf-8")
    with pytest.raises(BadInput, match=r"rules\.yaml: colour: unknown field"):
        read_rules(path)


def test_the_command_says_what_changes_and_writes_the_pairs(town: Path) -> None:
    rules = {
        "codebook": "tiny",
        "objects": {"tea": {"for": ["teapot"]}},
        "kinds": {"place": {"mask": "Place"}},
        "actors": [{"kind": "place", "name": [name]} for name in ("council", "market", "street")],
    }
    (town / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    arguments = ["evaluate", "copy", "passages.jsonl", "annotations.jsonl", "--counterfactuals"]
    result = demarche(*arguments, "--rules", "rules.yaml", "--out", "pairs.jsonl")
    assert result.exit_code == 0, result.output
    assert "of stances change when the actors become" in result.output
    assert "no sentence" not in result.output
    pairs = [json.loads(line) for line in Path("pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    masked = [pair for pair in pairs if pair["kind"] == "actor masked"]
    assert masked
    assert all("Place A" in pair["changed_text"] for pair in masked)
    assert {pair["before"]["stance"] for pair in pairs} <= {*STANCES}
    shutil.rmtree("copy")


def test_rules_without_counterfactuals_are_refused(town: Path) -> None:
    result = demarche("evaluate", "copy", "passages.jsonl", "annotations.jsonl", "--rules", "rules.yaml")
    assert result.exit_code == 2
    assert "--rules is for --counterfactuals" in result.output
