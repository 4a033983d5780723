"""Every strategy keeps test apart from training, and an earlier split stays as it was."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import BadInput, DemarcheError
from labels.gold.adjudication import adjudicate
from labels.passages import Passage
from labels.splits.duplicates import near_duplicates
from labels.splits.split import Place, Split, read_split
from labels.splits.strategies import split_by_column, split_by_group, split_by_time
from tests.conftest import make_articles
from tests.passage_world import ORIGINAL, OTHER, REPRINT, leaks, made_up, passage, splits_of

Splitter = Callable[[Sequence[Passage]], Split]


def group_split(passages: Sequence[Passage], earlier: Mapping[str, Place] | None = None) -> Split:
    return split_by_group(passages, test=0.3, dev=0.2, seed=13, earlier=earlier)


def time_split(passages: Sequence[Passage]) -> Split:
    return split_by_time(passages, field="published", test=0.3, dev=0.2, on_leak="drop")


def column_split(passages: Sequence[Passage]) -> Split:
    return split_by_column(passages, dev=0.2, seed=13, on_leak="drop")


@pytest.mark.parametrize("split", [group_split, time_split, column_split])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 24))
def test_nothing_leaks_and_the_order_of_passages_does_not_matter(split: Splitter, seed: int, count: int) -> None:
    passages = made_up(seed, count)
    first = split(passages)
    assert list(first.places) == [p.id for p in passages]
    assert leaks(passages, first) == []
    shuffled = random.Random(seed).sample(passages, len(passages))
    assert split(shuffled).places == first.places


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 16), more=st.integers(1, 12))
def test_old_passages_keep_their_split_and_new_ones_never_leak(seed: int, count: int, more: int) -> None:
    passages = made_up(seed, count + more)
    random.Random(seed).shuffle(passages)
    old = column_split(passages[:count])
    new = group_split(passages, old.places)
    assert {id: split for id, split in splits_of(new).items() if id in old.places} == splits_of(old)
    assert leaks(passages, new) == []
    assert splits_of(group_split(passages[::-1], old.places)) == splits_of(new)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 16))
def test_passages_edited_into_near_duplicates_do_not_leak(seed: int, count: int) -> None:
    rng = random.Random(seed)
    passages = made_up(seed, count)
    old = {
        p.id: Place(passage=p.id, group=p.group_id, split=rng.choice(["train", "dev", "test", None]))
        for p in passages[1:]
    }
    assert leaks(passages, group_split(passages, old)) == []


def test_passages_left_out_of_an_earlier_split_stay_left_out() -> None:
    passages = [passage("a", ORIGINAL, split="train"), passage("b", REPRINT, split="test"), passage("c", split="train")]
    old = split_by_column(passages, dev=0, seed=1, on_leak="drop")
    assert splits_of(old) == {"a": None, "b": "test", "c": "train"}
    assert old.places["a"].duplicate_of == "b"
    assert splits_of(group_split(passages, old.places)) == splits_of(old)


def test_near_duplicates_and_further_passages_follow_the_earlier_split() -> None:
    old = {
        "a": Place(passage="a", group="a", split="test_rw"),
        "b": Place(passage="b", group="b", split="train"),
    }
    new = [
        passage("a", ORIGINAL),
        passage("b", OTHER),
        passage("duplicate of a", REPRINT),
        passage("more of b", article="b"),
        passage("beside the duplicate", article="duplicate of a"),
    ]
    splits = splits_of(group_split(new, old))
    assert splits == {"a": "test_rw", "b": "train", "duplicate of a": "test_rw", "more of b": "train", "beside the duplicate": "test_rw"}  # fmt: skip


def test_a_new_near_duplicate_of_two_splits_is_left_out_and_they_remain() -> None:
    words = ORIGINAL.split()
    left, right = " ".join(["so", *words[:-1]]), " ".join([*words[:2], "sunny", *words[3:]])
    half = [passage("old train", left), passage("old test", right)]
    assert near_duplicates([left, ORIGINAL])
    assert near_duplicates([ORIGINAL, right])
    assert not near_duplicates([left, right])
    old = {"old train": Place(passage="old train", group="old train", split="train")}
    old["old test"] = Place(passage="old test", group="old test", split="test")
    split = group_split([*half, passage("bridge", ORIGINAL)], old)
    assert splits_of(split) == {"old train": "train", "old test": "test", "bridge": None}


def test_an_earlier_passage_that_is_gone_has_no_effect() -> None:
    old = {"gone": Place(passage="gone", group="gone", split="test")}
    passages = [passage(f"p{n}") for n in range(20)]
    assert splits_of(group_split(passages, old)) == splits_of(group_split(passages))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), at=st.integers(0, 40))
def test_a_new_article_never_moves_an_old_one(seed: int, at: int) -> None:
    passages = [passage(f"p{seed}-{n}") for n in range(40)]
    before = splits_of(group_split([p for n, p in enumerate(passages) if n != at]))
    assert splits_of(group_split(passages)).items() >= before.items()


def test_the_splits_have_about_the_sizes_of_the_config() -> None:
    sizes = group_split([passage(f"p{n}") for n in range(1000)]).sizes()
    assert sizes == {"train": pytest.approx(500, abs=60), "dev": pytest.approx(200, abs=50), "test": pytest.approx(300, abs=55)}  # fmt: skip


def test_strata_give_every_class_the_same_fractions() -> None:
    passages = [passage(f"p{n}") for n in range(100)]
    strata = {p.id: "rare" if n % 10 == 0 else "common" for n, p in enumerate(passages)}
    split = split_by_group(passages, test=0.2, dev=0.1, seed=5, strata=strata)
    rare = [split.places[id].split for id, name in strata.items() if name == "rare"]
    assert {name: rare.count(name) for name in rare} == {"test": 2, "dev": 1, "train": 7}
    assert split.sizes() == {"dev": 10, "test": 20, "train": 70}


def test_the_seed_decides_and_a_reprint_follows_its_original() -> None:
    others = [passage(f"p{n}", published="2020-01-01") for n in range(30)]
    original = passage("z", ORIGINAL, published="2020-01-02")
    reprint = passage("a", REPRINT, published="2020-01-03")
    splits = [split_by_group([*others, original], test=0.3, dev=0.2, seed=seed) for seed in range(6)]
    assert len({tuple(splits_of(split).values()) for split in splits}) == 6
    for seed, split in enumerate(splits):
        with_reprint = split_by_group([reprint, *others, original], test=0.3, dev=0.2, seed=seed)
        assert with_reprint.merged == 2
        assert with_reprint.places["a"].split == split.places["z"].split
        assert splits_of(with_reprint).items() >= splits_of(split).items()


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
    fields: list[dict[str, Any]] = [
        {"published": t} if field == "published" else {"meta": {"session": t}} for t in times
    ]
    passages = [passage(f"p{n}", **made) for n, made in enumerate(fields)]
    for order in (passages, passages[::-1], passages[2:] + passages[:2]):
        split = split_by_time(order, field=field, test=0.25, dev=0.25, on_leak="refuse")
        assert splits_of(split) == {"p0": "train", "p1": "train", "p2": "dev", "p3": "test"}


def test_a_fraction_of_zero_makes_no_split() -> None:
    passages = [passage(f"p{n}", meta={"session": n}) for n in range(4)]
    split = split_by_time(passages, field="session", test=0.0, dev=0.0, on_leak="refuse")
    assert set(splits_of(split).values()) == {"train"}


@pytest.mark.parametrize("session", [[1, 2, 2, 3], [1, 2, 2.0, 3], ["1", "2", "02", "2.50"], ["1", 2, "2.0", "3"]])
def test_passages_of_the_same_time_share_a_split(session: list[Any]) -> None:
    passages = [passage(f"p{n}", meta={"session": value}) for n, value in enumerate(session)]
    for order in (passages, passages[::-1]):
        split = split_by_time(order, field="session", test=0.5, dev=0.0, on_leak="refuse")
        assert splits_of(split) == {"p0": "train", "p1": "test", "p2": "test", "p3": "test"}


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
def test_a_date_that_does_not_sort_is_refused(times: list[str]) -> None:
    passages = [passage(f"p{n}", published=time) for n, time in enumerate(times)]
    with pytest.raises(DemarcheError, match=r"split.by: published .* does not sort .* 2024-01-31"):
        split_by_time(passages, field="published", test=0.5, dev=0.0, on_leak="refuse")


@pytest.mark.parametrize("value", [None, "", " ", float("nan"), "nan"])
def test_a_passage_without_a_time_is_refused(value: Any) -> None:
    passages = [passage("p0", meta={"session": 1}), passage("p1", meta={"session": value})]
    with pytest.raises(DemarcheError, match=r"passage 'p1' has no 'session'; fields that sort: published, session"):
        split_by_time(passages, field="session", test=0.5, dev=0.0, on_leak="refuse")


@pytest.mark.parametrize("field", ["copy", "group_id", "model_dump", "sesion"])
def test_only_a_field_of_the_data_sorts(field: str) -> None:
    with pytest.raises(DemarcheError, match="has no"):
        split_by_time([passage("p0", published="2020")], field=field, test=0.5, dev=0.0, on_leak="refuse")


def test_a_leak_is_refused_by_name_or_dropped_and_counted() -> None:
    passages = [
        passage("old", ORIGINAL, published="2001"),
        passage("mid", published="2002"),
        passage("new", REPRINT, published="2003"),
    ]
    with pytest.raises(
        DemarcheError,
        match=r"1 passage has near-duplicates .* e.g. 'old' \(train\) and 'new' \(test\).*split.on_leak=drop",
    ):
        split_by_time(passages, field="published", test=0.34, dev=0.0, on_leak="refuse")
    split = split_by_time(passages, field="published", test=0.34, dev=0.0, on_leak="drop")
    assert splits_of(split) == {"old": None, "mid": "train", "new": "test"}
    assert split.dropped == {"train": 1}
    assert split.sizes() == {"left out": 1, "test": 1, "train": 1}


def test_the_datas_own_split_may_be_spelled_in_several_ways() -> None:
    names = {
        "a": " Train ",
        "b": "training",
        "c": "VAL",
        "d": "validation",
        "e": "Test",
        "f": "test_mt",
        "g": "testing",
    }
    split = split_by_column([passage(id, split=name) for id, name in names.items()], dev=0.5, seed=1, on_leak="refuse")
    expected = ["train", "train", "dev", "dev", "test", "test_mt", "testing"]
    assert list(splits_of(split).values()) == expected
    assert split.test_splits == ["test", "test_mt", "testing"]


@pytest.mark.parametrize("name", [None, "", "holdout", "1"])
def test_an_unknown_split_is_refused(name: str | None) -> None:
    with pytest.raises(DemarcheError, match=r"passage 'p' has split .* train, dev or test"):
        split_by_column([passage("p", split=name)], dev=0.1, seed=1, on_leak="refuse")


def test_dev_is_cut_from_train_without_making_leaks() -> None:
    duplicates = [passage(f"c{n}", ORIGINAL, split="train") for n in range(20)]
    singles = [passage(f"s{n}", split="train") for n in range(100)]
    passages = [*duplicates, *singles, passage("t", OTHER, split="test")]
    split = split_by_column(passages, dev=0.3, seed=3, on_leak="refuse")
    assert len({split.places[each.id].split for each in duplicates}) == 1
    assert {split.places[single.id].split for single in singles} == {"train", "dev"}
    assert split.places["t"].split == "test"


def test_near_duplicates_in_two_test_splits_are_no_leak() -> None:
    passages = [
        passage("a", ORIGINAL, split="test_a"),
        passage("b", REPRINT, split="test_b"),
        passage("c", split="train"),
    ]
    split = split_by_column(passages, dev=0, seed=1, on_leak="refuse")
    assert split.sizes() == {"test_a": 1, "test_b": 1, "train": 1}


@pytest.mark.parametrize("text", ["Yes.", "He declined to comment."])
def test_short_passages_that_recur_are_no_leak(text: str) -> None:
    passages = [passage("a", text, split="train"), passage("b", text, split="test")]
    assert split_by_column(passages, dev=0, seed=1, on_leak="refuse").sizes() == {"test": 1, "train": 1}


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
    ("text", "message"),
    [
        ("", "split.jsonl: contains no passages"),
        ('{"passage": "a", "group": "a", "split": "trian"}\n', "split.jsonl:1: split"),
        ('{"passage": "a", "group": "a"}\n', "split.jsonl:1: split: missing"),
        ('{"passage": "a", "group": "a", "split": "dev"}\n' * 2, "split.jsonl:2: passage 'a' occurs twice"),
        ("[]\n", "split.jsonl:1: "),
    ],
)
def test_a_broken_split_file_is_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "split.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_split(tmp_path / "split.jsonl")


def test_select_returns_each_example_of_a_split_once() -> None:
    _, passages, annotations = make_articles(20)
    examples = adjudicate(passages, annotations)
    split = group_split(passages)
    split = replace(split, places={**split.places, passages[0].id: Place(passage="x", group="x", split=None)})
    parts = [split.select(examples, name) for name in ("train", "dev", "test")]
    assert sorted(e.passage.id for part in parts for e in part) == sorted(p.id for p in passages[1:])
