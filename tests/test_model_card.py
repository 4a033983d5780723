"""The page of a registered model: facts of its run, what it does badly, and names that are no Markdown."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from labels.files import write_jsonl
from labels.passages import Annotation, Label, Passage
from labels.wording import markdown
from tests.conftest import BOOK, demarche, make_articles, make_workspace, trained
from training.config import read_config
from training.prepare import prepare
from training.report.model_card import LONGEST, about, shortened
from training.tracking import registry
from training.tracking import runs as tracking
from training.tracking.client import open_store
from training.tracking.run import Run

# One process trains what these tests share.
pytestmark = pytest.mark.xdist_group("model card")

HERALD = "the|*herald* <b>"
CARD = """
slices: [meta.part]
split: {test: 0.4, dev: 0.1}
evaluation: {news: {passages: news.jsonl, annotations: news_annotations.jsonl}}
"""


class Registered(NamedTuple):
    """A workspace whose store has one registered model, which is bad at one of two sources."""

    folder: Path
    output: str
    run: tracking.Summary
    card: str


def with_a_bad_source(count: int, *, name: str, seed: int) -> tuple[list[Passage], list[Annotation]]:
    """Articles that two annotators read; the labels of every third article, from another source, are drawn at random."""
    _, passages, annotations = make_articles(count, seed=seed)
    rng = random.Random(seed)
    new_passages, readings = [], []
    for passage, annotation in zip(passages, annotations, strict=True):
        number = int(passage.article.removeprefix("article-"))
        is_bad = number % 3 == 0
        source = HERALD if is_bad else "crier"
        change = {"id": f"{name}{passage.id}", "article": f"{name}{passage.article}", "source": source}
        new_passages.append(passage.model_copy(update=change | {"meta": {"part": "odd" if number % 2 else "even"}}))
        labels = rng.choice(annotations).labels if is_bad else annotation.labels
        readings += [
            annotation.model_copy(update={"passage": change["id"], "annotator": who, "labels": labels})
            for who in ("one", "two")
        ]
    return new_passages, readings


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Registered:
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = make_workspace(tmp_path_factory.mktemp("card"), monkeypatch)
        shutil.copy(empty_store, folder / "mlflow.db")
        for name, count, files in (("", 150, ""), ("news-", 20, "news_")):
            passages, annotations = with_a_bad_source(count, name=name, seed=1 + count)
            write_jsonl(folder / (f"{files}passages.jsonl" if not files else "news.jsonl"), passages)
            write_jsonl(folder / f"{files}annotations.jsonl", annotations)
        config = folder / "config.yaml"
        config.write_text(config.read_text() + CARD)
        output = trained().output
        (run,) = tracking.runs()
        card = tracking.fetch_artifact(run.id, "model_card.md").read_text()
    return Registered(folder, output, run, card)


@pytest.fixture
def there(registered: Registered, monkeypatch: pytest.MonkeyPatch) -> Registered:
    monkeypatch.chdir(registered.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    open_store()
    return registered


def test_the_source_that_a_model_is_bad_at_comes_first_everywhere(there: Registered) -> None:
    (line,) = [line for line in there.output.splitlines() if line.startswith("worse than on the rest of test: ")]
    assert f"source: {HERALD} (" in line
    table = json.loads(tracking.fetch_artifact(there.run.id, "slices.json").read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    verdicts = [row["verdict"] for row in rows]
    assert verdicts[0] == "worse"
    assert verdicts == sorted(verdicts, key=lambda verdict: verdict != "worse")
    of_herald = [row for row in rows if (row["on"], row["slice"]) == ("test", f"source: {HERALD}")]
    assert {row["verdict"] for row in of_herald} == {"worse"}
    # Attributes with one value, here the year and the annotators' agreement, divide nothing.
    assert {row["slice"].split(":")[0] for row in rows} == {"source", "length", "meta.part"}
    report = tracking.fetch_artifact(there.run.id, "report.md").read_text()
    in_words = report.split("## In words\n\n")[1].split("##")[0]
    badly = there.card.split("## What it does badly\n\n")[1].split("##")[0]
    for text in (in_words, badly):
        assert "orse than on the rest of test: " in text
        assert f"source: {markdown(HERALD)} (" in text


def test_the_card_has_the_facts_of_the_run(there: Registered) -> None:
    prepared = prepare(read_config("config.yaml"))
    assert f"`{prepared.data.digest()}`" in there.card
    assert "Annotators, with the passages that they read: one 450, two 450." in there.card
    assert "- Agreement on topics: alpha 1.00" in there.card
    for name in ("test", "news"):
        for metric in ("topics/micro_f1", "stance/macro_f1"):
            assert there.run.tags[f"interval/{name}/{metric}"] in there.card
    assert f"| {markdown(HERALD)} |" in there.card
    assert "from 2020-01-01 to 2020-01-28" in there.card
    assert there.run.id in there.card
    assert HERALD not in there.card
    assert "same data set" not in there.card


def test_the_card_says_which_stances_change_with_the_passage(there: Registered) -> None:
    section = there.card.split("## Counterfactuals\n\n")[1].split("##")[0]
    assert "stay the same when the passage is asked about a target toward which it has another stance" in section
    assert "- actor masked: " in section
    prepared = prepare(read_config("config.yaml"))
    count = sum(any(example.stances.values()) for example in prepared.examples_in("test"))
    assert section.startswith(f"Made of {count} test passages with a stance.")


def test_the_card_describes_the_version_and_the_model_has_a_description_of_its_own(there: Registered) -> None:
    client = open_store()
    assert client.get_model_version("tiny-tagger", "1").description == shortened(there.card, run=there.run.id)
    described = client.get_registered_model("tiny-tagger").description
    assert described == about(prepare(read_config("config.yaml")))
    assert described.startswith("It finds 2 topics (tea, rain) in a passage, and the stance toward each")


def test_the_metrics_of_the_logged_model_name_their_data_sets(there: Registered) -> None:
    client = open_store()
    run = client.get_run(there.run.id)
    logged = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    prepared = prepare(read_config("config.yaml"))
    digests = {"test": prepared.digest("test"), "news": prepared.evaluation["news"].data.digest()}
    linked = {(metric.key, metric.dataset_digest) for metric in logged.metrics}
    assert linked >= {(f"{name}/{m}", digest) for name, digest in digests.items() for m in
                      ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1")}  # fmt: skip
    assert set(digests.values()) <= {each.dataset.digest for each in run.inputs.dataset_inputs}


def test_a_description_by_the_user_stays(there: Registered) -> None:
    client = open_store()
    client.create_registered_model("mine", description="Ask Ada before you use it.")
    client.create_registered_model("bare")
    run = client.get_run(there.run.id)
    id = run.outputs.model_outputs[0].model_id
    for name in ("mine", "bare"):
        registry.register(Run(client, run), id, name, about="It tags.", description="card", digest="0")
    assert client.get_registered_model("mine").description == "Ask Ada before you use it."
    assert client.get_registered_model("bare").description == "It tags."


def test_a_card_that_is_too_long_for_a_description_says_where_the_whole_is() -> None:
    assert shortened("short\n", run="r") == "short\n"
    card = "\n".join(f"| topic {number} | 0.5 |" for number in range(400))
    short = shortened(card, run="abc")
    assert len(short) <= LONGEST
    *rows, empty, note = short.splitlines()
    assert (empty, note) == ("", "The whole card is model_card.md among the artifacts of run abc.")
    assert rows == card.splitlines()[: len(rows)]
    assert len(rows) > 150


def test_a_metadata_column_that_is_missing_is_refused_before_any_work(workspace: Path, store: Path) -> None:
    result = demarche("train", "config.yaml", "slices=[meta.part]")
    assert result.exit_code == 2
    assert "slices: no passage has 'part' in its meta; the passages have no meta" in result.output
    result = demarche("train", "config.yaml", "slices=[part]")
    assert result.exit_code == 2
    assert "slices" in result.output
    assert tracking.runs() == []


def test_a_test_side_of_one_article_without_source_or_date_has_a_card(workspace: Path, store: Path) -> None:
    """Stance toward targets that the texts name; one of the two test passages is tied."""
    _, passages, _ = make_articles(12)
    *_, tied, last = passages
    change = {"source": None, "published": None}
    passages = [
        p.model_copy(update=change | {"split": "test" if p.article == last.article else "train"}) for p in passages[:-3]
    ] + [p.model_copy(update=change | {"split": "test"}) for p in (tied, last)]
    annotations = [
        Annotation(
            passage=p.id,
            annotator=who,
            codebook=BOOK.reference,
            labels=(Label(target="the mayor", stance="neutral" if p.id == tied.id and who == "two" else "favor"),),
        )
        for p in passages
        for who in ("one", "two")
    ]
    write_jsonl(workspace / "passages.jsonl", passages)
    write_jsonl(workspace / "annotations.jsonl", annotations)
    output = trained("topics=null", "split={strategy: column, dev: 0, on_leak: drop}").output
    assert "on test, stance is on too few passages to judge" in output
    assert "only 2 passages of 1 article on test: too few for a verdict on any model" in output
    card = open_store().get_model_version("tiny-tagger", "1").description
    assert "named targets" in card
    assert "It gives the stance of a passage toward" in card
    assert "## By topic" not in card
    assert "## Counterfactuals" not in card
    assert "## By source" not in card
