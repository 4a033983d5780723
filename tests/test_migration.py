"""A new version of a codebook keeps the labels that it does not change, and asks for the others again."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.codebook import Change, Codebook, Topic, write_codebook
from labels.codebook_changes import Comparison, compare
from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.migration import in_words, migrate
from labels.passages import Annotation, Label, Passage, Shares
from models.renaming import rename_topics
from models.tagger import Tagger
from tests.conftest import BOOK, demarche

OLD = Codebook(
    id="town",
    version="1.0.0",
    topics=(
        Topic(id="tea", definition="hot drinks", target="drinking more tea", keywords=("kettle",)),
        Topic(id="rain", definition="wet weather", target="carrying umbrellas", keywords=("drizzle",)),
        Topic(id="snow", definition="cold weather", target="carrying umbrellas", keywords=("flakes",)),
    ),
)


def newer(version: str = "2.0.0", topics: Sequence[Topic] = OLD.topics, **fields: Any) -> Codebook:
    changes = {name: fields.pop(name) for name in tuple(fields) if name in Change.model_fields}
    history = (Change(version=version, **changes),) if changes else ()
    return OLD.model_copy(update={"version": version, "topics": tuple(topics), "history": history, **fields})


def passage(id: str, text: str = "A kettle, some drizzle.") -> Passage:
    return Passage(id=id, article=id, text=text, start=0, end=len(text))


def reading(id: str, *labels: Label, annotator: str = "anna") -> Annotation:
    return Annotation(passage=id, annotator=annotator, codebook="town@1.0.0", labels=labels)


def kinds(comparison: Comparison) -> dict[str, tuple[str, ...]]:
    return {" + ".join(each.old) + ">" + " + ".join(each.new): each.kinds for each in comparison.changes}


def topic(id: str, like: str, **fields: Any) -> Topic:
    return OLD.topic(like).model_copy(update={"id": id, **fields})


TEA, RAIN, SNOW = OLD.topics
RENAMED = newer(topics=[topic("hot_drinks", "tea"), RAIN, SNOW], renamed={"tea": "hot_drinks"})
SPLIT = newer(topics=[topic("black", "tea"), topic("green", "tea"), RAIN, SNOW], split={"tea": ("black", "green")})
MERGED = newer(topics=[TEA, topic("weather", "rain")], merged={"weather": ("rain", "snow")})
ADDED = newer(topics=[*OLD.topics, Topic(id="wind", keywords=("gust",))], added=("wind",))
REMOVED = newer(topics=[TEA, RAIN], removed=("snow",))


@pytest.mark.parametrize(
    ("book", "expected"),
    [
        (RENAMED, {"tea>hot_drinks": ("renamed",), "rain>rain": ("same",), "snow>snow": ("same",)}),
        (SPLIT, {"tea>black + green": ("split",), "rain>rain": ("same",), "snow>snow": ("same",)}),
        (MERGED, {"tea>tea": ("same",), "rain + snow>weather": ("merged",)}),
        (ADDED, {"tea>tea": ("same",), "rain>rain": ("same",), "snow>snow": ("same",), ">wind": ("added",)}),
        (REMOVED, {"tea>tea": ("same",), "rain>rain": ("same",), "snow>": ("removed",)}),
        (
            newer("1.1.0", [topic("tea", "tea", definition="any drink", target="more drinks"), RAIN, SNOW]),
            {"tea>tea": ("redefined", "new target"), "rain>rain": ("same",), "snow>snow": ("same",)},
        ),
        (
            newer(
                topics=[
                    topic("tea", "tea", name="hot drinks", keywords=()),
                    topic("snow", "rain"),
                    topic("rain", "snow"),
                ],
                renamed={"rain": "snow", "snow": "rain"},
            ),
            {"tea>tea": ("new name", "new keywords"), "rain>snow": ("renamed",), "snow>rain": ("renamed",)},
        ),
    ],
)
def test_what_became_of_each_topic_is_told_by_history_and_wording(book: Codebook, expected: dict[str, Any]) -> None:
    assert kinds(compare(OLD, book)) == expected


def test_changes_of_several_versions_add_up() -> None:
    book = newer("3.0.0", [topic("black", "tea"), topic("green", "tea"), RAIN, SNOW])
    history = (
        Change(version="3.0.0", split={"drinks": ("black", "green")}),
        Change(version="2.0.0", renamed={"tea": "drinks"}),
    )
    assert compare(OLD, book.model_copy(update={"history": history})).became["tea"] == ("black", "green")


@pytest.mark.parametrize(
    ("book", "message"),
    [
        (newer(topics=[topic("hot_drinks", "tea"), RAIN, SNOW]), '"renamed": {"tea": "hot_drinks"}'),
        (newer(topics=[TEA, RAIN]), '"removed": ["snow"]'),
        (newer(topics=[*OLD.topics, Topic(id="wind")]), '"added": ["wind"]'),
        (RENAMED.model_copy(update={"version": "1.1.0", "history": (Change(version="1.1.0", renamed={"tea": "hot_drinks"}),)}),
         "raise the first number of the version, to 2.0.0"),
        (newer(topics=[TEA, SNOW], renamed={"rain": "snow"}), "write `merged: {snow: [rain, snow]}`"),
        (newer(topics=[TEA, topic("wet", "rain")], renamed={"rain": "wet", "snow": "wet"}), "write `merged: {wet: [rain, snow]}`"),
        (newer(topics=[topic("wet", "rain")], renamed={"tea": "wet"}, merged={"wet": ("rain", "snow")}), "write `merged: {wet: [rain, snow, tea]}`"),
        (newer("1.0.0", [topic("tea", "tea", definition="any"), RAIN, SNOW]), "raise the version, to 1.1.0"),
        (newer("0.9.0"), "name the older one first"),
        (OLD.model_copy(update={"id": "city"}), "different codebooks"),
    ],
)  # fmt: skip
def test_a_change_that_is_not_explained_is_refused_with_what_to_write(book: Codebook, message: str) -> None:
    with pytest.raises(DemarcheError) as raised:
        compare(OLD, book)
    assert message in str(raised.value)


def test_what_a_refusal_says_to_write_is_accepted() -> None:
    topics = [topic("hot_drinks", "tea"), RAIN, SNOW]
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        with pytest.raises(DemarcheError) as raised:
            compare(OLD, newer(version, topics))
        found = re.search(r"`history: (\[.*\])`", str(raised.value))
        assert found
        (change,) = map(Change.model_validate, json.loads(found[1]))
        assert (f"raise its version to {change.version}" in str(raised.value)) == (version != "2.0.0")
        book = newer(change.version, topics).model_copy(update={"history": (change,)})
        assert kinds(compare(OLD, book))["tea>hot_drinks"] == ("renamed",)


def migrated(book: Codebook, *annotations: Annotation, text: str = "A quiet street.") -> tuple[dict[str, list[Label]], dict[str, list[str]]]:  # fmt: skip
    passages = [passage(id, text) for id in {each.passage for each in annotations}]
    migration = migrate(compare(OLD, book), passages, annotations)
    assert all(each.codebook == book.reference for each in migration.annotations)
    return {each.passage: list(each.labels) for each in migration.annotations}, migration.again


def test_a_renamed_topic_keeps_its_stance_holder_and_evidence() -> None:
    label = Label(topic="tea", stance="favor", holder="the mayor", evidence=(0, 3))
    kept, again = migrated(RENAMED, reading("p", label), reading("q"))
    assert kept == {"p": [label.model_copy(update={"topic": "hot_drinks"})], "q": []}
    assert not again


def test_a_split_topic_is_read_again_and_its_absence_is_kept() -> None:
    kept, again = migrated(SPLIT, reading("p", Label(topic="tea")), reading("q", Label(topic="rain")), reading("r"))
    assert kept == {"q": [Label(topic="rain")], "r": []}
    assert again == {"p": ["tea was split into black, green"]}


def test_merged_topics_with_the_target_of_the_new_one_keep_a_common_stance() -> None:
    both = [Label(topic="rain", stance="favor"), Label(topic="snow", stance="favor")]
    opposed = [Label(topic="rain", stance="favor"), Label(topic="snow", stance="against")]
    kept, again = migrated(MERGED, reading("p", *both), reading("q", *opposed))
    assert kept == {"p": [Label(topic="weather", stance="favor")]}
    assert again == {"q": ["weather would have two stances"]}


def test_merged_topics_keep_a_holder_and_evidence_that_one_of_them_has() -> None:
    plain = Label(topic="rain", stance="favor")
    marked = Label(topic="snow", stance="favor", holder="the mayor", evidence=(2, 5))
    kept, again = migrated(MERGED, reading("p", plain, marked), reading("q", marked.model_copy(update={"topic": "rain", "holder": "a baker"}), marked))  # fmt: skip
    assert kept == {"p": [marked.model_copy(update={"topic": "weather"})]}
    assert again == {"q": ["weather would have two holders"]}


def test_a_second_evidence_span_of_a_merged_topic_is_counted() -> None:
    labels = (Label(topic="rain", evidence=(0, 1)), Label(topic="snow", evidence=(2, 5)))
    migration = migrate(compare(OLD, MERGED), [passage("p")], [reading("p", *labels)])
    assert migration.annotations[0].labels == (Label(topic="weather", evidence=(0, 1)),)
    assert in_words(migration)[1:] == ["evidence spans beside another of the same merged topic, dropped: weather 1"]


def test_a_topic_whose_parts_were_all_merged_with_others_is_read_again() -> None:
    book = newer(
        topics=[topic("drinks", "tea"), topic("weather", "rain")],
        split={"tea": ("drinks", "weather")},
        merged={"drinks": ("rain", "cola"), "weather": ("snow", "fog")},
    )
    kept, again = migrated(book, reading("p", Label(topic="tea")), reading("q", Label(topic="rain")))
    assert kept == {"q": [Label(topic="drinks")]}
    assert again == {"p": ["tea was split into drinks, weather"]}


def test_stances_toward_a_reworded_target_are_read_again_but_topics_without_stance_are_not() -> None:
    book = newer("1.1.0", [topic("tea", "tea", target="banning tea"), RAIN, SNOW])
    soft = Label(topic="tea", shares=Shares(favor=0.5, neutral=0.5))
    named = Label(topic="tea", target="the teapot law", stance="against")
    kept, again = migrated(
        book, reading("p", Label(topic="tea")), reading("q", Label(topic="tea", stance="favor")), reading("r", soft), reading("s", named)
    )  # fmt: skip
    assert kept == {"p": [Label(topic="tea")], "s": [named]}
    assert again.keys() == {"q", "r"}


def test_an_added_topic_is_looked_for_where_its_keywords_are() -> None:
    passages = [passage("p", "A GUST of wind."), passage("q", "disgusted"), passage("r", "No matter.")]
    migration = migrate(compare(OLD, ADDED), passages, [reading(each.id) for each in passages])
    assert migration.again == {"p": ["wind was added"]}
    assert migration.assumed == {"wind": 2}
    unknown = ADDED.model_copy(update={"topics": (*OLD.topics, Topic(id="wind"))})
    assert len(migrate(compare(OLD, unknown), passages, [reading(each.id) for each in passages]).again) == 3


def test_a_redefined_topic_is_read_again_where_it_is_and_where_its_keywords_are() -> None:
    book = newer("1.1.0", [topic("tea", "tea", definition="any drink"), RAIN, SNOW])
    passages = [passage("p", "No word of it."), passage("q", "The kettle."), passage("r", "Nothing.")]
    migration = migrate(compare(OLD, book), passages, [reading("p", Label(topic="tea")), reading("q"), reading("r")])
    assert migration.again == {"p": ["tea was redefined"], "q": ["tea was redefined"]}


def test_labels_of_a_removed_topic_are_dropped_and_counted() -> None:
    migration = migrate(compare(OLD, REMOVED), [passage("p")], [reading("p", Label(topic="snow"), Label(topic="tea"))])
    assert [each.labels for each in migration.annotations] == [(Label(topic="tea"),)]
    assert migration.dropped == {"snow": 1}


LABELS = st.lists(
    st.builds(
        Label, topic=st.sampled_from(OLD.topic_ids), stance=st.sampled_from(["favor", "against", "neutral", None])
    ),
    unique_by=lambda label: label.topic,
)


@given(
    book=st.sampled_from([RENAMED, SPLIT, MERGED, ADDED, REMOVED]),
    readings=st.dictionaries(st.tuples(st.sampled_from("pqr"), st.sampled_from(["anna", "bert"])), LABELS),
)
def test_every_annotation_is_carried_over_or_to_be_read_again(book: Codebook, readings: dict[Any, list[Label]]) -> None:
    annotations = [reading(id, *labels, annotator=name) for (id, name), labels in readings.items()]
    migration = migrate(compare(OLD, book), [passage(id) for id in "pqr"], annotations)
    again = [each for earlier in migration.earlier.values() for each in earlier]
    keys = [(each.passage, each.annotator) for each in (*migration.annotations, *again)]
    assert sorted(keys) == sorted(readings)
    assert all(label.topic in book.topic_ids for each in migration.annotations for label in each.labels)
    assert migration.again.keys() == migration.earlier.keys()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_codebook(tmp_path / "old.yaml", OLD)
    write_codebook(tmp_path / "new.yaml", SPLIT)
    write_jsonl(tmp_path / "passages.jsonl", [passage("p"), passage("q")])
    write_jsonl(tmp_path / "anna.jsonl", [reading("p", Label(topic="tea", stance="favor")), reading("q")])
    return tmp_path


def test_the_list_of_passages_to_read_again_comes_back_by_the_printed_command(files: Path) -> None:
    done = demarche("labels", "migrate", "old.yaml", "new.yaml", "passages.jsonl", "anna.jsonl", "--out", "new.jsonl", "--again", "again.csv")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "1 annotation carried over; 1 passage with 1 annotation to be read again" in done.output
    listed = (files / "again.csv").read_text(encoding="utf-8")
    assert '"tea was split into black, green",anna: tea (favor)' in listed
    (files / "again.csv").write_text(listed.replace("tea (favor),,", "tea (favor),green,favor"), encoding="utf-8")
    command = next(line for line in done.output.splitlines() if line.startswith("  demarche labels import"))
    back = demarche(*command.replace("'", "").split()[1:])
    assert back.exit_code == 0, back.output
    checked = demarche("labels", "check", "new.yaml", "passages.jsonl", "new.jsonl", "again/annotations.jsonl")
    assert checked.exit_code == 0, checked.output


def test_a_model_keeps_its_tags_under_the_new_ids(model: Path, files: Path) -> None:
    write_codebook(files / "old.yaml", BOOK)
    topics = (BOOK.topic("rain"), BOOK.topic("tea").model_copy(update={"id": "hot_drinks"}))
    history = (Change(version="2.0.0", renamed={"tea": "hot_drinks"}),)
    update = {"version": "2.0.0", "topics": topics, "history": history}
    write_codebook(files / "new.yaml", BOOK.model_copy(update=update))
    done = demarche("labels", "migrate", "old.yaml", "new.yaml", "--model", model, "--model-out", "renamed")
    assert done.exit_code == 0, done.output
    text = passage("p", "The council welcomes the teapot, the kettle and the samovar near the old market.")
    (before,), (after,) = Tagger.load(model).tag([text]), Tagger.load(files / "renamed").tag([text])
    assert [tag._replace(topic="hot_drinks") for tag in before if tag.topic == "tea"] == [
        tag for tag in after if tag.topic == "hot_drinks"
    ]
    assert before


def test_a_model_reads_the_same_stance_of_a_renamed_topic_without_target(model: Path) -> None:
    bare = BOOK.model_copy(update={"topics": (Topic(id="tea"), Topic(id="rain", name="wet weather"))})
    new = bare.model_copy(update={"version": "2.0.0", "topics": (Topic(id="rain"), Topic(id="hot_drinks"))})
    renamed = rename_topics(replace(Tagger.load(model), codebook=bare), new, {"tea": "hot_drinks", "rain": "rain"})
    assert renamed.codebook.topic_ids == ("hot_drinks", "rain")
    assert [topic.proposition for topic in renamed.codebook.topics] == ["tea", "wet weather"]


def test_another_name_and_other_keywords_are_listed_and_change_no_label(files: Path) -> None:
    write_codebook(
        files / "new.yaml", newer("1.0.1", [topic("tea", "tea", name="hot drinks", keywords=("pot",)), RAIN, SNOW])
    )
    told = demarche("labels", "diff", "old.yaml", "new.yaml")
    assert told.exit_code == 0, told.output
    assert "tea    new name" in told.output
    assert "tea    new keywords" in told.output
    done = demarche("labels", "migrate", "old.yaml", "new.yaml", "passages.jsonl", "anna.jsonl", "--out", "new.jsonl", "--again", "again.csv")  # fmt: skip
    assert "2 annotations carried over; 0 passages" in done.output


def test_a_model_of_topics_whose_meaning_changed_must_be_trained_again(model: Path, files: Path) -> None:
    refused = demarche("labels", "migrate", "old.yaml", "new.yaml", "--model", model, "--model-out", "renamed")
    assert refused.exit_code == 2
    assert "the meaning of black, green, tea changed; train again" in refused.output
    assert not (files / "renamed").exists()
