"""Nothing that is learnt from is judged on, whatever the strategy, and old rows stay where they are."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import BadInput, DemarcheError
from labels.gold.adjudication import Example, adjudicate
from labels.passages import Annotation, Label, Passage
from labels.splits.duplicates import near_duplicates
from labels.splits.leave_target_out import by_target, only_target
from labels.splits.split import Place, Split, is_test_split, read_split
from labels.splits.strategies import by_column, by_group, by_time
from tests.conftest import make_articles

Splitter = Callable[[Sequence[Passage]], Split]
ORIGINAL = "the council of the old town met on monday about the long street near the quiet houses"
REPRINT = ORIGINAL.replace("monday", "tuesday")
OTHER = "a referee blew his whistle twice before the striker found an empty goal late last night"


def passage(id: str, text: str = "", *, article: str | None = None, **known: Any) -> Passage:
    text = text or f"{id} stands alone with {id} words that {id} shares with no {id} other"
    return Passage(id=id, article=article or id, text=text, start=0, end=len(text), **known)


def group_split(passages: Sequence[Passage], earlier: Mapping[str, Place] | None = None) -> Split:
    return by_group(passages, test=0.3, dev=0.2, seed=13, earlier=earlier)


def time_split(passages: Sequence[Passage]) -> Split:
    return by_time(passages, field="published", test=0.3, dev=0.2, on_leak="drop")


def column_split(passages: Sequence[Passage]) -> Split:
    return by_column(passages, dev=0.2, seed=13, on_leak="drop")


def sides_of(split: Split) -> dict[str, str | None]:
    return {id: place.split for id, place in split.places.items()}


def kind(side: str) -> str:
    return "test" if is_test_split(side) else side


def leaks(passages: Sequence[Passage], split: Split) -> list[tuple[str, str]]:
    """Pairs of one unit, or of near-duplicate texts, on two sides; compared one by one."""
    kept = [p for p in passages if split.places[p.id].split]
    return [
        (one.id, other.id)
        for one, other in combinations(kept, 2)
        if kind(str(split.places[one.id].split)) != kind(str(split.places[other.id].split))
        and (one.group_id == other.group_id or near_duplicates([one.text, other.text]))
    ]


def made_up(seed: int, count: int, *, first: int = 0) -> list[Passage]:
    """Passages with many copies, shared articles and groups, times and sides at random."""
    rng = random.Random(seed)
    words = [
        "town",
        "council",
        "market",
        "street",
        "houses",
        "monday",
        "referee",
        "striker",
        "whistle",
        "goal",
        "stadium",
        "puddle",
        "clouds",
        "gutter",
    ]
    texts = [" ".join(rng.choices(words, k=14)) for _ in range(max(2, count // 2))]
    found = []
    for number in range(first, first + count):
        text = rng.choice(texts).split()
        if rng.random() < 0.5:
            text[rng.randrange(14)] = rng.choice(words)
        found.append(
            passage(
                f"p{number}",
                " ".join(text),
                article=f"a{rng.randrange(count * 3)}",
                group=rng.choice([None, None, None, f"g{rng.randrange(count)}"]),
                published=f"20{rng.randrange(10, 30)}-0{rng.randrange(1, 10)}",
                split=rng.choice(["train", "train", "dev", "test_a", "test_b"]),
            )
        )
    return found


@pytest.mark.parametrize("split", [group_split, time_split, column_split])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 24))
def test_nothing_leaks_and_the_order_of_rows_does_not_matter(split: Splitter, seed: int, count: int) -> None:
    passages = made_up(seed, count)
    first = split(passages)
    assert list(first.places) == [p.id for p in passages]
    assert leaks(passages, first) == []
    shuffled = random.Random(seed).sample(passages, len(passages))
    assert split(shuffled).places == first.places


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 16), more=st.integers(1, 12))
def test_old_rows_stay_and_new_rows_never_leak(seed: int, count: int, more: int) -> None:
    passages = made_up(seed, count + more)
    random.Random(seed).shuffle(passages)
    old = column_split(passages[:count])
    new = group_split(passages, old.places)
    assert {id: side for id, side in sides_of(new).items() if id in old.places} == sides_of(old)
    assert leaks(passages, new) == []
    assert sides_of(group_split(passages[::-1], old.places)) == sides_of(new)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 16))
def test_rows_whose_text_was_edited_into_copies_do_not_leak(seed: int, count: int) -> None:
    rng = random.Random(seed)
    passages = made_up(seed, count)
    old = {
        p.id: Place(passage=p.id, group=p.group_id, split=rng.choice(["train", "dev", "test", None]))
        for p in passages[1:]
    }
    assert leaks(passages, group_split(passages, old)) == []


def test_an_earlier_split_leaves_out_what_it_left_out() -> None:
    passages = [passage("a", ORIGINAL, split="train"), passage("b", REPRINT, split="test"), passage("c", split="train")]
    old = by_column(passages, dev=0, seed=1, on_leak="drop")
    assert sides_of(old) == {"a": None, "b": "test", "c": "train"}
    assert old.places["a"].duplicate_of == "b"
    assert sides_of(group_split(passages, old.places)) == sides_of(old)


def test_copies_and_further_passages_follow_the_old_rows() -> None:
    old = {
        "a": Place(passage="a", group="a", split="test_rw"),
        "b": Place(passage="b", group="b", split="train"),
    }
    new = [
        passage("a", ORIGINAL),
        passage("b", OTHER),
        passage("copy of a", REPRINT),
        passage("more of b", article="b"),
        passage("beside the copy", article="copy of a"),
    ]
    sides = sides_of(group_split(new, old))
    assert sides == {"a": "test_rw", "b": "train", "copy of a": "test_rw", "more of b": "train", "beside the copy": "test_rw"}  # fmt: skip


def test_a_new_row_between_two_old_ones_leaves_and_they_remain() -> None:
    words = ORIGINAL.split()
    left, right = " ".join(["so", *words[:-1]]), " ".join([*words[:2], "sunny", *words[3:]])
    half = [passage("old train", left), passage("old test", right)]
    assert near_duplicates([left, ORIGINAL])
    assert near_duplicates([ORIGINAL, right])
    assert not near_duplicates([left, right])
    old = {"old train": Place(passage="old train", group="old train", split="train")}
    old["old test"] = Place(passage="old test", group="old test", split="test")
    split = group_split([*half, passage("bridge", ORIGINAL)], old)
    assert sides_of(split) == {"old train": "train", "old test": "test", "bridge": None}


def test_a_passage_that_leaves_no_trace_in_an_old_split_is_forgotten() -> None:
    old = {"gone": Place(passage="gone", group="gone", split="test")}
    passages = [passage(f"p{n}") for n in range(20)]
    assert sides_of(group_split(passages, old)) == sides_of(group_split(passages))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), at=st.integers(0, 40))
def test_a_new_article_never_moves_an_old_one(seed: int, at: int) -> None:
    passages = [passage(f"p{seed}-{n}") for n in range(40)]
    before = sides_of(group_split([p for n, p in enumerate(passages) if n != at]))
    assert sides_of(group_split(passages)).items() >= before.items()


def test_shares_are_about_what_was_asked_for() -> None:
    sizes = group_split([passage(f"p{n}") for n in range(1000)]).sizes()
    assert sizes == {"train": pytest.approx(500, abs=60), "dev": pytest.approx(200, abs=50), "test": pytest.approx(300, abs=55)}  # fmt: skip


def test_strata_have_the_same_shares_in_every_class() -> None:
    passages = [passage(f"p{n}") for n in range(100)]
    strata = {p.id: "rare" if n % 10 == 0 else "common" for n, p in enumerate(passages)}
    split = by_group(passages, test=0.2, dev=0.1, seed=5, strata=strata)
    rare = [split.places[id].split for id, name in strata.items() if name == "rare"]
    assert {side: rare.count(side) for side in rare} == {"test": 2, "dev": 1, "train": 7}
    assert split.sizes() == {"dev": 10, "test": 20, "train": 70}


def test_the_seed_decides_and_a_reprint_follows_its_original() -> None:
    others = [passage(f"p{n}", published="2020-01-01") for n in range(30)]
    original = passage("z", ORIGINAL, published="2020-01-02")
    reprint = passage("a", REPRINT, published="2020-01-03")
    splits = [by_group([*others, original], test=0.3, dev=0.2, seed=seed) for seed in range(6)]
    assert len({tuple(sides_of(split).values()) for split in splits}) == 6
    for seed, split in enumerate(splits):
        with_reprint = by_group([reprint, *others, original], test=0.3, dev=0.2, seed=seed)
        assert with_reprint.merged == 2
        assert with_reprint.places["a"].split == split.places["z"].split
        assert sides_of(with_reprint).items() >= sides_of(split).items()


@pytest.mark.parametrize(
    "times",
    [
        ["8", "9", "10", "11"],
        ["8.0", "9", " 10", "11.5"],
        ["-2", "-1", "0", "1e3"],
        ["2019", "2019-12", "2019-12-31", "2020-01-01T08:00:00Z"],
        ["20191231", "20200101", "20200102", "20210101"],
        ["110th-1", "110th-2", "111th-1", "111th-2"],
    ],
)
@pytest.mark.parametrize("field", ["published", "session"])
def test_time_sorts_as_numbers_or_iso_dates(times: list[str], field: str) -> None:
    known: list[dict[str, Any]] = [
        {"published": t} if field == "published" else {"meta": {"session": t}} for t in times
    ]
    passages = [passage(f"p{n}", **made) for n, made in enumerate(known)]
    for order in (passages, passages[::-1], passages[2:] + passages[:2]):
        split = by_time(order, field=field, test=0.25, dev=0.25, on_leak="refuse")
        assert sides_of(split) == {"p0": "train", "p1": "train", "p2": "dev", "p3": "test"}


def test_a_share_of_nothing_makes_no_side() -> None:
    passages = [passage(f"p{n}", meta={"session": n}) for n in range(4)]
    split = by_time(passages, field="session", test=0.0, dev=0.0, on_leak="refuse")
    assert set(sides_of(split).values()) == {"train"}


@pytest.mark.parametrize("session", [[1, 2, 2, 3], [1, 2, 2.0, 3], ["1", "2", "02", "2.50"], ["1", 2, "2.0", "3"]])
def test_one_time_stays_on_one_side(session: list[Any]) -> None:
    passages = [passage(f"p{n}", meta={"session": value}) for n, value in enumerate(session)]
    for order in (passages, passages[::-1]):
        split = by_time(order, field="session", test=0.5, dev=0.0, on_leak="refuse")
        assert sides_of(split) == {"p0": "train", "p1": "test", "p2": "test", "p3": "test"}


@pytest.mark.parametrize(
    "times",
    [
        ["31/1/2024", "1/2/2024"],
        ["1.2.24", "3.12.23"],
        ["2024-1-5", "2024-10-05"],
        ["March 3, 2020", "April 1, 2021"],
        ["Wed Oct 10 20:19:24 +0000 2018", "Thu Jan 03 20:19:24 +0000 2019"],
        ["9", "10", "special session"],
        ["20240131", "2024-02-01"],
    ],
)
def test_a_date_that_does_not_sort_is_told(times: list[str]) -> None:
    passages = [passage(f"p{n}", published=time) for n, time in enumerate(times)]
    with pytest.raises(DemarcheError, match=r"split.by: published .* does not sort .* 2024-01-31"):
        by_time(passages, field="published", test=0.5, dev=0.0, on_leak="refuse")


@pytest.mark.parametrize("value", [None, "", " ", float("nan"), "nan"])
def test_a_passage_without_a_time_is_told(value: Any) -> None:
    passages = [passage("p0", meta={"session": 1}), passage("p1", meta={"session": value})]
    with pytest.raises(DemarcheError, match=r"passage 'p1' has no 'session'; fields that sort: published, session"):
        by_time(passages, field="session", test=0.5, dev=0.0, on_leak="refuse")


@pytest.mark.parametrize("field", ["copy", "group_id", "model_dump", "sesion"])
def test_only_a_field_of_the_data_sorts(field: str) -> None:
    with pytest.raises(DemarcheError, match="has no"):
        by_time([passage("p0", published="2020")], field=field, test=0.5, dev=0.0, on_leak="refuse")


def test_a_leak_in_time_is_refused_by_name_or_dropped_and_counted() -> None:
    passages = [
        passage("old", ORIGINAL, published="2001"),
        passage("mid", published="2002"),
        passage("new", REPRINT, published="2003"),
    ]
    with pytest.raises(DemarcheError, match=r"'old' \(train\) and 'new' \(test\).*split.on_leak=drop"):
        by_time(passages, field="published", test=0.34, dev=0.0, on_leak="refuse")
    split = by_time(passages, field="published", test=0.34, dev=0.0, on_leak="drop")
    assert sides_of(split) == {"old": None, "mid": "train", "new": "test"}
    assert split.dropped == {"train": 1}
    assert split.sizes() == {"left out": 1, "test": 1, "train": 1}


def test_the_datas_own_split_is_read_as_people_write_it() -> None:
    given = {
        "a": " Train ",
        "b": "training",
        "c": "VAL",
        "d": "validation",
        "e": "Test",
        "f": "test_mt",
        "g": "testing",
    }
    split = by_column([passage(id, split=side) for id, side in given.items()], dev=0.5, seed=1, on_leak="refuse")
    expected = ["train", "train", "dev", "dev", "test", "test_mt", "testing"]
    assert list(sides_of(split).values()) == expected
    assert split.test_splits == ["test", "test_mt", "testing"]


@pytest.mark.parametrize("side", [None, "", "holdout", "1"])
def test_an_unknown_side_is_told(side: str | None) -> None:
    with pytest.raises(DemarcheError, match=r"passage 'p' has split .* train, dev or test"):
        by_column([passage("p", split=side)], dev=0.1, seed=1, on_leak="refuse")


def test_dev_is_cut_from_train_without_making_leaks() -> None:
    copies = [passage(f"c{n}", ORIGINAL, split="train") for n in range(20)]
    singles = [passage(f"s{n}", split="train") for n in range(100)]
    passages = [*copies, *singles, passage("t", OTHER, split="test")]
    split = by_column(passages, dev=0.3, seed=3, on_leak="refuse")
    assert len({split.places[copy.id].split for copy in copies}) == 1
    assert {split.places[single.id].split for single in singles} == {"train", "dev"}
    assert split.places["t"].split == "test"


def test_copies_on_two_test_sides_are_no_leak() -> None:
    passages = [
        passage("a", ORIGINAL, split="test_a"),
        passage("b", REPRINT, split="test_b"),
        passage("c", split="train"),
    ]
    split = by_column(passages, dev=0, seed=1, on_leak="refuse")
    assert split.sizes() == {"test_a": 1, "test_b": 1, "train": 1}


@pytest.mark.parametrize("text", ["Yes.", "He declined to comment."])
def test_short_passages_that_recur_are_no_leak(text: str) -> None:
    passages = [passage("a", text, split="train"), passage("b", text, split="test")]
    assert by_column(passages, dev=0, seed=1, on_leak="refuse").sizes() == {"test": 1, "train": 1}


def test_a_group_stays_together_across_articles() -> None:
    passages = [passage(f"p{n}", group=f"bill-{n // 4}") for n in range(80)]
    split = group_split(passages)
    for first in range(0, 80, 4):
        assert len({split.places[f"p{n}"].split for n in range(first, first + 4)}) == 1


def test_a_split_reads_back_as_written(tmp_path: Path) -> None:
    split = column_split(made_up(1, 20))
    split.write(tmp_path / "split.jsonl")
    assert read_split(tmp_path / "split.jsonl") == split.places


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "split.jsonl: holds no passages"),
        ('{"passage": "a", "group": "a", "split": "trian"}\n', "split.jsonl:1: split"),
        ('{"passage": "a", "group": "a"}\n', "split.jsonl:1: split: missing"),
        ('{"passage": "a", "group": "a", "split": "dev"}\n' * 2, "split.jsonl:2: passage 'a' stands twice"),
        ("[]\n", "split.jsonl:1: "),
    ],
)
def test_a_broken_split_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "split.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        read_split(tmp_path / "split.jsonl")


def test_the_sides_of_a_split_hold_each_example_once() -> None:
    _, passages, annotations = make_articles(20)
    examples = adjudicate(passages, annotations)
    split = group_split(passages)
    split = replace(split, places={**split.places, passages[0].id: Place(passage="x", group="x", split=None)})
    parts = [split.select(examples, name) for name in ("train", "dev", "test")]
    assert sorted(e.passage.id for part in parts for e in part) == sorted(p.id for p in passages[1:])


def named(id: str, *labels: Label, text: str = "", article: str | None = None, votes: int = 1) -> Example:
    """A passage on which the first reader sees `labels`, and the others nothing."""
    read = passage(id, text, article=article)
    readings = [labels, *[()] * (votes - 1)]
    annotations = [
        Annotation(passage=id, annotator=f"r{who}", codebook="tiny@1.0.0", labels=seen)
        for who, seen in enumerate(readings)
    ]
    return adjudicate([read], annotations)[0]


TEA, RAIN = Label(topic="tea", stance="favor"), Label(topic="rain", stance="against")
TRAM = Label(target="the new tram", stance="against")


def test_what_is_labelled_with_the_target_is_test_and_its_articles_are_not_learnt_from() -> None:
    examples = [
        named("a1", TEA, RAIN, article="a"),
        named("a2", RAIN, article="a"),
        named("b1", TEA, article="b", text=ORIGINAL),
        named("c1", RAIN, article="c", text=REPRINT),
        named("c2", RAIN, article="c"),
        named("d1", TEA, article="d", votes=3),
        named("d2", RAIN, article="d"),
        *[named(f"e{n}", RAIN) for n in range(20)],
    ]
    split = by_target(examples, target="tea", dev=0.3, seed=1)
    sides = sides_of(split)
    assert {id for id, side in sides.items() if side == "test"} == {"a1", "b1"}
    # Of its article, of a copy's article, and where a reader alone saw it.
    assert {id for id, side in sides.items() if side is None} == {"a2", "c1", "c2", "d1", "d2"}
    assert {sides[f"e{n}"] for n in range(20)} == {"train", "dev"}
    assert leaks([e.passage for e in examples], split) == []
    evaluated = split.select(only_target(examples, "tea", split), "test")
    assert [[target.topic for target in e.stances] for e in evaluated] == [["tea"], ["tea"]]


def test_a_target_may_be_a_text_that_the_labels_name() -> None:
    examples = [named("a", TRAM, TEA), named("b", TEA), named("c", RAIN)]
    assert sides_of(by_target(examples, target="the new tram", dev=0.0, seed=1)) == {
        "a": "test",
        "b": "train",
        "c": "train",
    }
    with pytest.raises(DemarcheError, match="nothing is labelled with 'the new trams'; did you mean 'the new tram'"):
        by_target(examples, target="the new trams", dev=0.0, seed=1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 24))
def test_no_label_of_the_target_is_learnt(seed: int, count: int) -> None:
    rng = random.Random(seed)
    examples = [
        replace(named("x", *rng.sample([TEA, RAIN, TRAM], rng.randrange(3)), votes=rng.randrange(1, 4)), passage=made)
        for made in made_up(seed, count)
    ]
    if not any("rain" in example.topic_votes for example in examples):
        return
    split = by_target(examples, target="rain", dev=0.3, seed=seed)
    assert leaks([example.passage for example in examples], split) == []
    for example in split.select(examples, "train") + split.select(examples, "dev"):
        assert "rain" not in example.topic_votes
    assert all(example.topics.get("rain") for example in split.select(examples, "test"))
    assert sides_of(by_target(examples[::-1], target="rain", dev=0.3, seed=seed)) == sides_of(split)
