"""The tagger as a whole: its tags, and that a saved one is the same or an error."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from labels.codebook import STANCES, Codebook
from labels.errors import DemarcheError
from labels.gold.adjudication import Target, adjudicate
from labels.passages import Passage
from models import saved
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.examples import NoCallback, stance_examples, topic_examples
from models.families.baselines import MajorityStance, MajorityTopics, RuleTopics
from models.families.linear import LinearStance, LinearStanceSettings, LinearTopics, LinearTopicsSettings
from models.reader import TwoStage
from models.tagger import Tagger, TaggerSettings
from tests.conftest import BOOK, make_articles


def passage(text: str, *, id: str = "p", title: str | None = None) -> Passage:
    return Passage(id=id, article=id, text=text, start=0, end=len(text), title=title)


def tagger(
    reader: TwoStage,
    *,
    thresholds: tuple[float, float] = (0.5, 0.5),
    review: float = 0.1,
    weights: tuple[float, float, float] = (1, 1, 1),
) -> Tagger:
    settings = TaggerSettings(
        input=("title", "text"),
        review=review,
        topic_calibration=TopicCalibration(curves=(Platt(), Platt()), thresholds=thresholds)
        if reader.reads_topics
        else None,
        stance_calibration=StanceCalibration(weights=weights) if reader.reads_stance else None,
        run="0123",
    )
    return Tagger(BOOK, reader, settings)


@pytest.fixture(scope="module")
def trained() -> Tagger:
    _, passages, annotations = make_articles(40)
    examples = adjudicate(passages, annotations)
    topics = topic_examples(examples, BOOK, ["text"], "majority")
    stances = stance_examples(examples, BOOK, ["text"], "majority")
    nothing = np.arange(0)
    return tagger(
        TwoStage(
            LinearTopics(LinearTopicsSettings()).fit(topics, topics.take(nothing), callback=NoCallback()),
            LinearStance(LinearStanceSettings(own_from=10)).fit(stances, stances.take(nothing), callback=NoCallback()),
        )
    )


@pytest.fixture
def folder(trained: Tagger, tmp_path: Path) -> Path:
    trained.save(tmp_path / "model")
    return tmp_path / "model"


NEW = [
    passage("The council praises the teapot and the kettle", id="a"),
    passage("An umbrella, a drizzle, and scorns for both", id="b", title="Rain"),
    passage("Nothing of the kind", id="c"),
    passage("茶", id="d"),
]
TARGETS = [None, Target(None, "Bob", (0, 2)), Target("tea"), Target(None, "nobody")]


# Saving and loading


def test_a_saved_tagger_gives_the_same_tags(trained: Tagger, folder: Path) -> None:
    again = Tagger.load(folder)
    assert again.codebook == trained.codebook
    assert again.settings == trained.settings
    assert again.tag(NEW, TARGETS) == trained.tag(NEW, TARGETS)
    np.testing.assert_array_equal(again.read_topics(NEW)[0], trained.read_topics(NEW)[0])


@pytest.mark.parametrize(
    ("topics", "stance"),
    [
        (MajorityTopics([0.9, 0.2]), None),
        (None, MajorityStance([0.2, 0.5, 0.3])),
        (RuleTopics.of(BOOK), MajorityStance()),
    ],
)
def test_a_tagger_of_one_task_is_saved_without_the_other(
    topics: MajorityTopics | RuleTopics | None, stance: MajorityStance | None, tmp_path: Path
) -> None:
    one = tagger(TwoStage(topics, stance))
    one.save(tmp_path)
    again = Tagger.load(tmp_path)
    assert (again.reader.reads_topics, again.reader.reads_stance) == (topics is not None, stance is not None)
    assert again.tag(NEW, TARGETS) == one.tag(NEW, TARGETS)


def test_the_same_tagger_has_the_same_digest_wherever_it_is_saved(trained: Tagger, tmp_path: Path) -> None:
    assert trained.save(tmp_path / "one") == trained.save(tmp_path / "two" / "deep")
    assert saved.model_digest(tmp_path / "one") == Tagger.load(tmp_path / "one").save(tmp_path / "three")


def test_a_model_without_languages_can_be_loaded(trained: Tagger, tmp_path: Path) -> None:
    trained.save(tmp_path)
    settings = json.loads((tmp_path / "tagger.json").read_text(encoding="utf-8"))
    del settings["languages"]
    (tmp_path / "tagger.json").write_text(json.dumps(settings), encoding="utf-8")
    saved.seal(tmp_path)
    assert Tagger.load(tmp_path).settings.languages == ()


def test_a_saved_model_has_no_file_that_could_run_code(folder: Path) -> None:
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".json", ".yaml", ".safetensors"}


def files_of(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and path.name != saved.MANIFEST)


def test_a_changed_byte_in_any_file_is_an_error(folder: Path) -> None:
    for path in files_of(folder):
        whole = path.read_bytes()
        for at in {0, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(DemarcheError, match=re.escape(f"{path}: changed since the model was saved")):
                Tagger.load(folder)
        path.write_bytes(whole)
    assert Tagger.load(folder)


def test_a_missing_file_is_an_error(folder: Path) -> None:
    for path in files_of(folder):
        whole = path.read_bytes()
        path.unlink()
        with pytest.raises(DemarcheError, match=re.escape(f"{path}: missing from the model; fetch the model again")):
            Tagger.load(folder)
        path.write_bytes(whole)


@pytest.mark.parametrize("extra", ["weights.pkl", "topics/other.json", "topics/manifest.json", ".hidden", "new/file"])
def test_an_extra_file_is_an_error(extra: str, folder: Path) -> None:
    (folder / extra).parent.mkdir(exist_ok=True)
    (folder / extra).write_text("{}", encoding="utf-8")
    with pytest.raises(DemarcheError, match=re.escape(f"{folder / extra}: not part of the model")):
        Tagger.load(folder)


def test_a_link_to_a_part_of_another_model_is_an_error(trained: Tagger, tmp_path: Path) -> None:
    trained.save(tmp_path / "whole")
    tagger(TwoStage(trained.reader.topic_model, None)).save(tmp_path / "topics alone")  # type: ignore[attr-defined]
    (tmp_path / "topics alone" / "stance").symlink_to(tmp_path / "whole" / "stance")
    with pytest.raises(DemarcheError, match="stance: not part of the model"):
        Tagger.load(tmp_path / "topics alone")


def test_an_empty_folder_in_a_model_is_ignored(trained: Tagger, tmp_path: Path) -> None:
    tagger(TwoStage(trained.reader.topic_model, None)).save(tmp_path)  # type: ignore[attr-defined]
    (tmp_path / "stance").mkdir()
    assert not Tagger.load(tmp_path).reader.reads_stance


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such model folder; give a folder, models:/NAME@ALIAS or runs:/RUN/MODEL"),
        (lambda path: path.write_text("x"), "no such model folder"),
        (lambda path: path.mkdir(), "not a Demarche model (it has no manifest.json)"),
        (lambda path: manifest(path, b"{"), "not a Demarche manifest"),
        (lambda path: manifest(path, b"\xff\xfe"), "not a Demarche manifest"),
        (lambda path: manifest(path, b"[]"), "not a Demarche manifest"),
        (lambda path: manifest(path, b"null"), "not a Demarche manifest"),
        (lambda path: manifest(path, b'{"name": "my-app"}'), "not a Demarche manifest"),
        (lambda path: manifest(path, b'{"demarche_model": 1, "files": ["a"]}'), "not a Demarche manifest"),
        (lambda path: manifest(path, b'{"demarche_model": 2, "files": {}}'), "model format 2, this version reads 1"),
    ],
)
def test_a_folder_that_is_not_a_model_is_an_error(make: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    make(tmp_path / "model")
    with pytest.raises(DemarcheError, match=re.escape(message)):
        Tagger.load(tmp_path / "model")


def manifest(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / saved.MANIFEST).write_bytes(content)


def test_a_model_can_be_moved(folder: Path, tmp_path: Path, trained: Tagger) -> None:
    shutil.move(folder, tmp_path / "a folder with ünusual name")
    assert Tagger.load(tmp_path / "a folder with ünusual name").tag(NEW) == trained.tag(NEW)


def test_the_manifest_names_every_file(folder: Path) -> None:
    named = json.loads((folder / saved.MANIFEST).read_text(encoding="utf-8"))["files"]
    assert sorted(named) == sorted(path.relative_to(folder).as_posix() for path in files_of(folder))


# Tagging


def test_no_passage_has_no_tags(trained: Tagger) -> None:
    assert trained.tag([]) == []
    assert trained.tag([], []) == []
    assert trained.read_topics([])[0].shape == (0, 2)
    assert trained.stances([])[0].shape == (0, 3)


def test_tags_do_not_depend_on_the_batch(trained: Tagger) -> None:
    _, passages, _ = make_articles(20, seed=2)
    together = trained.tag(passages)
    assert [trained.tag([one])[0] for one in passages] == together
    assert trained.tag(passages[::-1]) == together[::-1]


def test_tags_agree_with_the_probabilities_that_are_evaluated(trained: Tagger) -> None:
    """Probabilities and tags come from one reading, and their stances are those of `stances`."""
    _, passages, _ = make_articles(20, seed=2)
    probabilities, read = trained.read_topics(passages)
    assert read == trained.tag(passages)
    assert trained.settings.topic_calibration is not None
    assigned = trained.settings.topic_calibration.assigned(probabilities)
    for row, (one, tags) in enumerate(zip(passages, read, strict=True)):
        by_topic = {tag.topic: tag for tag in tags}
        for column, topic in enumerate(BOOK.topic_ids):
            assert assigned[row, column] == (topic in by_topic and by_topic[topic].assigned)
            if topic in by_topic:
                assert by_topic[topic].topic_probability == probabilities[row, column]
                stances, decisions = trained.stances([(one, Target(topic))])
                assert by_topic[topic].stance == decisions[0]
                assert by_topic[topic].stances == pytest.approx(tuple(stances[0]))


@pytest.mark.parametrize(
    ("probability", "tagged", "assigned", "review"),
    [
        (0.65, True, True, False),
        (0.55, True, True, True),
        (0.5, True, True, True),
        (0.45, True, False, True),
        (0.3, False, None, None),
    ],
)
def test_probabilities_near_the_threshold_need_review(
    probability: float, tagged: bool, assigned: bool | None, review: bool | None
) -> None:
    (tags,) = tagger(TwoStage(MajorityTopics([probability, 0.0]), None)).tag([passage("any")])
    assert [tag.topic for tag in tags] == ["tea"] * tagged
    for tag in tags:
        assert (tag.assigned, tag.review) == (assigned, review)
        assert tag.stance is tag.stances is tag.stance_probability is None


def test_without_a_review_band_only_assigned_topics_are_tagged() -> None:
    (tags,) = tagger(TwoStage(MajorityTopics([0.5, 0.4999]), None), review=0.0).tag([passage("any")])
    assert [(tag.topic, tag.assigned, tag.review) for tag in tags] == [("tea", True, False)]


def test_the_most_probable_topic_comes_first() -> None:
    (tags,) = tagger(TwoStage(MajorityTopics([0.6, 0.9]), None)).tag([passage("any")])
    assert [tag.topic for tag in tags] == ["rain", "tea"]


def test_the_target_of_a_passage_is_tagged_after_its_topics() -> None:
    stance = MajorityStance([0.2, 0.2, 0.6], {"Bob": [0.1, 0.8, 0.1]})
    without, with_target = tagger(TwoStage(MajorityTopics([0.9, 0.1]), stance)).tag(
        NEW[:2], [None, Target(None, "Bob")]
    )
    assert [tag.topic for tag in without] == ["tea"]
    assert [tag.topic for tag in with_target] == ["tea", "Bob"]
    bob = with_target[1]
    assert (bob.topic_probability, bob.assigned, bob.stance) == (None, True, "against")
    assert bob.stance_probability == pytest.approx(0.8)


def test_a_stance_model_alone_tags_targets_but_no_topics() -> None:
    one = tagger(TwoStage(None, MajorityStance([0.2, 0.2, 0.6])))
    assert one.tag(NEW[:1]) == [[]]
    assert [tag.stance for tag in one.tag(NEW[:1], [Target("tea")])[0]] == ["neutral"]
    with pytest.raises(DemarcheError, match="this model does not predict topics"):
        one.read_topics(NEW)


def test_a_topic_model_alone_ignores_targets() -> None:
    one = tagger(TwoStage(MajorityTopics([0.9, 0.1]), None))
    assert [tag.topic for tag in one.tag(NEW[:1], [Target(None, "Bob")])[0]] == ["tea"]
    with pytest.raises(DemarcheError, match="this model does not predict stance"):
        one.stances([(NEW[0], Target("tea"))])


def test_a_stance_is_decided_by_its_weight_and_reported_with_its_probability() -> None:
    one = tagger(TwoStage(None, MajorityStance([0.3, 0.1, 0.6])), weights=(3, 1, 1))
    (tag,) = one.tag([passage("any")], [Target("tea")])[0]
    assert tag.stance == "favor"
    assert tag.stance_probability == pytest.approx(0.3)
    assert tag.stances == pytest.approx((0.3, 0.1, 0.6))
    assert tag.stance in STANCES


def test_a_topic_that_is_not_in_the_codebook_is_an_error() -> None:
    one = tagger(TwoStage(None, MajorityStance()))
    with pytest.raises(DemarcheError, match=r"no topic 'teaa' in codebook tiny@1\.0\.0; did you mean 'tea'"):
        one.stances([(passage("any"), Target("teaa"))])


def test_a_codebook_without_topics_is_saved_with_its_stance_model(tmp_path: Path) -> None:
    settings = TaggerSettings(
        input=("text",), review=0.1, topic_calibration=None, stance_calibration=StanceCalibration()
    )
    Tagger(Codebook(id="open", version="1.0.0"), TwoStage(None, MajorityStance()), settings).save(tmp_path)
    (tags,) = Tagger.load(tmp_path).tag([passage("any")], [Target(None, "Bob")])
    assert [tag.topic for tag in tags] == ["Bob"]


# The text that is read
