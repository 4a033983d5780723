"""A version becomes champion only if it is not worse than the present one; what happened is written on the versions."""

from __future__ import annotations

import re
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labels.errors import DemarcheError
from tests.conftest import demarche, make_workspace, trained
from tests.test_evaluation_sets import more_articles
from tests.test_interrupts import interrupt_in
from training.config import Tracking, read_config
from training.prepare import prepare
from training.promotion import promote as promotion
from training.promotion.gate import ComparedSet, compare_on_gate
from training.tracking import aliases, registry
from training.tracking import runs as tracking
from training.tracking.aliases import Event
from training.tracking.client import open_store

# One process trains what these tests share.
pytestmark = pytest.mark.xdist_group("promotion")

NAME = "tiny-tagger"
WIDE = ("split.test=0.4", "split.dev=0.2")
"""A test side large enough for a verdict."""
MORE = (
    "data.passages=[passages.jsonl,more_passages.jsonl]",
    "data.annotations=[annotations.jsonl,more_annotations.jsonl]",
    "split.test=0.8",
    "split.dev=0.1",
)
"""A test side with enough counterfactuals of articles that no version was trained on."""
RULES = "topics={kind: rules}"


class Silent:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.lines.append(text)

    def step(self, what: str, *, done: int, total: int) -> None:
        pass


@pytest.fixture(scope="module")
def versions_made_once(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> dict[str, str]:
    """Four versions, of which `first` is the champion: `rules` has worse topics, `again` is equal, `other` has another split."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = make_workspace(tmp_path_factory.mktemp("versions"), monkeypatch)
        shutil.copy(empty_store, folder / "mlflow.db")
        sets = (*WIDE, more_articles(folder))
        gate = "tracking.gate=[more,test]"
        outputs = {
            "first": trained("name=first", *sets).output,
            "rules": trained("name=rules", RULES, *WIDE).output,
            "again": trained("name=again", gate, *sets).output,
            "other": trained("name=other", RULES, "split.seed=14", *WIDE).output,
        }
    return outputs | {"folder": str(folder)}


@pytest.fixture
def versions(versions_made_once: dict[str, str], workspace: Path) -> Path:
    """A workspace with a copy of the store of those versions; their files stay where they are."""
    shutil.copy(Path(versions_made_once["folder"]) / "mlflow.db", workspace / "mlflow.db")
    more_articles(workspace)
    return workspace


def champion(alias: str = registry.CHAMPION) -> str | None:
    return registry.holder_of(open_store(), NAME, alias)


def events(version: str) -> list[Event]:
    return [event for number, event in aliases.events(NAME) if number == version]


def claims() -> list[str]:
    return [key for key in open_store().get_registered_model(NAME).tags if key.startswith("demarche.promoting")]


def test_an_equal_version_is_promoted_and_its_tags_tell_against_what_and_by_how_much(versions: Path) -> None:
    output = demarche("runs", "promote", f"{NAME}/3", "--reason", "the same on newer code").output
    assert f"models:/{NAME}@champion is now version 3, in place of version 1" in output
    assert (champion(), champion("previous")) == ("3", "1")
    (event,) = events("3")
    assert (event.what, event.alias, event.other, event.reason) == (
        "promoted",
        "champion",
        "1",
        "the same on newer code",
    )
    assert (event.forced, event.margin, event.objections) == (False, 0.02, ())
    assert event.by
    assert event.sides.keys() == {"more", "test"}
    assert event.sides["test"].differences["topics/micro_f1"] == (0, 0, 0)
    assert event.sides["test"].digest != event.sides["more"].digest
    assert claims() == []


def test_a_worse_version_is_refused_with_the_headlines_that_it_may_lose(versions: Path) -> None:
    result = demarche("runs", "promote", "rules")
    assert result.exit_code == 2
    assert f"{NAME}/2: not promoted over version 1, the champion:" in result.output
    assert "  test: topics/micro_f1: -0." in result.output
    assert "may be a loss of more than 0.02" in result.output
    assert "test: stance/macro_f1" not in result.output.partition("not promoted")[2]
    assert champion() == "1"
    assert [event.what for event in events("2")] == ["refused"]
    assert demarche("runs", "promote", "rules").exit_code == 2
    assert len(events("2")) == 1


def test_forcing_needs_a_reason_which_is_recorded_with_what_spoke_against(versions: Path) -> None:
    refused = demarche("runs", "promote", "rules", "--force")
    assert refused.exit_code == 2
    assert "--reason" in refused.output
    assert events("2") == []
    assert demarche("runs", "promote", "rules", "--force", "--reason", "a demonstration").exit_code == 0
    assert champion() == "2"
    (event,) = events("2")
    assert (event.what, event.forced, event.reason) == ("promoted", True, "a demonstration")
    assert any(objection.startswith("test: topics/micro_f1: -0.") for objection in event.objections)


def test_training_says_in_a_line_whether_the_version_would_be_promoted(versions_made_once: dict[str, str]) -> None:
    assert "compared with the champion" not in versions_made_once["first"]
    (line,) = [line for line in versions_made_once["rules"].splitlines() if "compared with the champion" in line]
    assert "worse: topics/micro_f1 on test, joint/micro_f1 on test; it would not be promoted: test: topics/" in line
    assert "compared with the champion: no clear difference; it would be promoted" in versions_made_once["again"]
    assert "it would not be promoted: test: " in versions_made_once["other"]
    assert f"to promote it: demarche runs promote {NAME}/3" in versions_made_once["again"]


def test_a_rollback_brings_back_the_version_before_and_then_the_one_before_that(versions: Path) -> None:
    nothing = demarche("runs", "rollback", NAME)
    assert nothing.exit_code == 2
    assert "nothing to go back to" in nothing.output
    for version in ("2", "3", "2"):
        assert demarche("runs", "promote", f"{NAME}/{version}", "--force", "--reason", "try").exit_code == 0
    output = demarche("runs", "rollback", "--reason", "too slow").output
    assert f"models:/{NAME}@champion is version 3 again, in place of version 2" in output
    assert (champion(), champion("previous")) == ("3", "2")
    for version, before in (("2", "1"), ("1", None)):
        assert demarche("runs", "rollback").exit_code == 0
        assert (champion(), champion("previous")) == (version, before)
    assert demarche("runs", "rollback").exit_code == 2
    assert [(event.what, event.other) for event in events("3")] == [
        ("promoted", "2"), ("restored", "2"), ("rolled back", "2"),
    ]  # fmt: skip
    assert events("3")[1].reason == "too slow"
    assert [(event.what, event.other) for event in events("2")] == [
        ("promoted", "1"), ("promoted", "3"), ("rolled back", "3"), ("restored", "3"), ("rolled back", "1"),
    ]  # fmt: skip


def test_another_alias_has_a_holder_and_a_way_back_of_its_own(versions: Path) -> None:
    assert "staging is now version 2" in demarche("runs", "promote", "rules", "--alias", "staging").output
    assert demarche("runs", "promote", "again", "--alias", "staging", "--force", "--reason", "try").exit_code == 0
    assert (champion("staging"), champion("previous-staging"), champion(), champion("previous")) == (
        "3",
        "2",
        "1",
        None,
    )
    assert demarche("runs", "rollback", "--alias", "staging").exit_code == 0
    assert (champion("staging"), champion()) == ("2", "1")
    for alias in ("v2", "latest", "a b"):
        assert "not an alias" in demarche("runs", "promote", "again", "--alias", alias).output


def test_a_version_is_named_by_its_number_its_run_or_an_alias(versions: Path) -> None:
    (run,) = [run for run in tracking.runs() if run.name == "again"]
    for reference in (f"{NAME}/3", f"models:/{NAME}/3", run.id, run.id[:8], "again"):
        found = promotion.find_candidate(reference, reporter=Silent())
        assert (str(found), found.run) == (f"{NAME}/3", run.id)
    assert promotion.find_candidate(f"models:/{NAME}@champion", reporter=Silent()).version == "1"
    for missing in (f"{NAME}/9", f"models:/{NAME}/9", "nobody/1", "nobody"):
        what = "version" if "/" in missing else "run"
        with pytest.raises(DemarcheError, match=rf"no such {what} .*`demarche runs list`"):
            promotion.find_candidate(missing, reporter=Silent())
    tracking.new_run("tests", "unregistered")
    with pytest.raises(DemarcheError, match=r"it registered no model; set tracking.register"):
        promotion.find_candidate("unregistered", reporter=Silent())


def test_the_champion_is_not_compared_with_itself(versions: Path) -> None:
    result = demarche("runs", "promote", "first")
    assert result.exit_code == 0
    assert "is version 1 already" in result.output
    assert events("1") == []


def test_a_champion_of_another_split_is_evaluated_afresh_without_what_it_was_trained_on(versions: Path) -> None:
    reporter = Silent()
    (side,) = promotion.consider("other", reporter=reporter).sides
    tested = {}
    for run in tracking.runs():
        places = registry.read_split(tracking.fetch_artifact(run.id, tracking.SPLIT)).values()
        tested[run.name] = {place.passage for place in places if place.split == "test"}
    common = tested["other"] & tested["first"]
    assert 0 < side.left_out == len(tested["other"]) - len(common)
    assert side.differences[0].passages == len(common)
    told = f"test: {side.left_out} passages of {len(tested['other'])} left out, because {NAME}/1 was trained on them"
    assert any(line.startswith(told) for line in reporter.lines)
    assert not any("the id of a passage" in line for line in reporter.lines)


def test_versions_are_evaluated_afresh_on_a_set_that_one_was_not_tested_on_or_that_has_changed(versions: Path) -> None:
    demarche("runs", "promote", "rules", "--force", "--reason", "never tested on that set")
    reporter = Silent()
    more, test = promotion.consider("again", reporter=reporter).sides
    assert reporter.lines == [f"evaluating models:/{NAME}/2 on 60 passages"]
    assert more.differences[0].passages == 60
    assert more.differences[0].clear
    assert test.left_out == more.left_out == 0
    annotations = versions / "more_annotations.jsonl"
    annotations.write_text("".join(annotations.read_text().splitlines(keepends=True)[1:]))
    reporter = Silent()
    changed, _ = promotion.consider("again", reporter=reporter).sides
    assert reporter.lines == [
        f"more: has changed since {NAME}/3 was tested on it",
        f"evaluating models:/{NAME}/2 on 59 passages",
        f"evaluating models:/{NAME}/3 on 59 passages",
    ]
    assert changed.differences[0].passages == 59
    assert changed.digest != more.digest


def test_versions_whose_data_is_gone_are_not_compared_but_may_be_forced(versions: Path) -> None:
    (versions / "annotations.jsonl").rename(versions / "away.jsonl")
    result = demarche("runs", "promote", "other")
    assert result.exit_code == 2
    assert "the data of its config cannot be read again" in result.output
    assert "annotations.jsonl" in result.output
    assert demarche("runs", "promote", "other", "--force", "--reason", "moved").exit_code == 0
    assert champion() == "4"


def test_training_does_not_evaluate_a_champion_with_an_encoder_afresh(versions: Path) -> None:
    runs = {run.name: run.id for run in tracking.runs()}
    prepared = prepare(read_config("config.yaml", ["split.seed=14", RULES, *WIDE]))
    new = registry.Registered(NAME, "4", "1")
    compared = promotion.against_champion(new, prepared, runs["other"], reporter=Silent())
    assert compared.failure is None
    open_store().set_tag(runs["first"], tracking.DEVICE, "cpu fp32")
    reporter = Silent()
    refused = promotion.against_champion(new, prepared, runs["other"], reporter=reporter)
    assert "has an encoder, which takes time to test; `demarche runs promote` tests it" in (refused.failure or "")
    assert reporter.lines == []


def test_training_asks_no_counterfactuals_of_a_version_with_an_encoder(versions: Path) -> None:
    runs = {run.name: run.id for run in tracking.runs()}
    prepared = prepare(read_config("config.yaml", ["tracking.gate=[counterfactuals]", *MORE]))
    new, reporter = registry.Registered(NAME, "3", "1"), Silent()
    compared = promotion.against_champion(new, prepared, runs["again"], reporter=reporter)
    assert compared.failure is None
    assert compared.objections == []
    assert len(reporter.lines) == 2
    open_store().set_tag(runs["again"], tracking.DEVICE, "cpu fp32")
    refused = promotion.against_champion(new, prepared, runs["again"], reporter=reporter)
    assert refused.failure == (
        "counterfactuals: a version with an encoder takes time to ask; `demarche runs promote` asks it"
    )
    assert len(reporter.lines) == 2


def on_counterfactuals(holder: str, candidate: str, *overrides: str, margin: float = 0.02) -> ComparedSet:
    versions = [aliases.find_version(NAME, number) for number in (holder, candidate)]
    rules = Tracking(gate=("counterfactuals",), margin=margin)
    (side,) = compare_on_gate(
        *(version for version in versions if version is not None),
        rules,
        lambda: prepare(read_config("config.yaml", overrides)),
        reporter=Silent(),
    )
    return side


def test_the_gate_may_ask_both_versions_the_same_counterfactuals_of_what_neither_learned(versions: Path) -> None:
    side = on_counterfactuals("1", "3", *MORE)
    assert (side.name, side.objections) == ("counterfactuals", [])
    assert side.left_out > 0
    (difference,) = side.differences
    assert difference.metric == "counterfactuals/consistency"
    assert difference.difference == (0, 0, 0)
    refused = on_counterfactuals("1", "3", *MORE, margin=0)
    assert refused.objections[0].startswith(
        "counterfactuals: counterfactuals/consistency: +0.000 [+0.000, +0.000] may be"
    )


def test_too_few_counterfactuals_speak_against_a_version_without_asking_it(versions: Path) -> None:
    side = on_counterfactuals("1", "3", "split.test=0.1")
    assert side.differences == []
    (objection,) = side.objections
    assert re.fullmatch(
        r"counterfactuals: at most \d+ pairs of a kind; at least 30 of 5 articles are needed", objection
    )


def test_a_version_that_gives_no_stance_cannot_be_asked_counterfactuals(versions: Path) -> None:
    trained("name=topics-only", "stance=null", *WIDE)
    with pytest.raises(DemarcheError, match=rf"counterfactuals: models:/{NAME}/5 predicts no stance"):
        on_counterfactuals("1", "5", *MORE)


def test_a_champion_that_cannot_be_loaded_does_not_fail_the_training(versions: Path, tmp_path: Path) -> None:
    client = open_store()
    client.delete_run(str(client.get_model_version(NAME, "1").run_id))
    client.set_model_version_tag(NAME, "1", "demarche.digest", "another")
    result = demarche("train", "config.yaml", "split.seed=14", RULES, "stance=null")
    assert result.exit_code == 0
    assert "not compared with the champion, version 1: " in result.output


def test_a_version_that_lacks_a_task_of_the_champion_is_refused(versions: Path) -> None:
    trained("name=topics", RULES, "stance=null", *WIDE)
    result = demarche("runs", "promote", "topics")
    assert result.exit_code == 2
    assert "test: stance/macro_f1: it does not have this metric, which the present one has" in result.output


def test_the_loser_of_two_promotions_at_once_is_told_and_the_tags_keep_both(versions: Path) -> None:
    decisions = [promotion.consider(name, reporter=Silent()) for name in ("rules", "again")]

    def promote(decision: promotion.Decision) -> str:
        try:
            promotion.promote(decision, force=True, reason="at once")
        except aliases.Overtaken as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(promote, decisions))
    winner, loser = (0, 1) if told[1] else (1, 0)
    assert told[winner] == ""
    won, lost = decisions[winner].candidate.version, decisions[loser].candidate.version
    assert f"not promoted, because the champion changed in the meantime: version {won} is the champion" in told[loser]
    assert (champion(), champion("previous")) == (won, "1")
    assert [(event.what, event.other) for event in events(won)] == [("promoted", "1")]
    assert [(event.what, event.other) for event in events(lost)] == [("overtaken", won)]
    assert claims() == []


@pytest.mark.slow
def test_the_claim_of_a_killed_process_does_not_stop_the_next(versions: Path) -> None:
    gone = '{"demarche.host": "%s", "demarche.pid": "999999999", "demarche.pid_started": "1"}'
    open_store().set_registered_model_tag(NAME, "demarche.promoting.1", gone % socket.gethostname())
    assert demarche("runs", "promote", "again").exit_code == 0
    assert champion() == "3"
    assert claims() == []


def test_an_alias_set_by_hand_at_the_same_moment_is_noticed(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decision = promotion.consider("again", reporter=Silent())
    holders = iter(["1", "2"])
    monkeypatch.setattr(aliases, "holder_of", lambda client, name, alias: next(holders))
    with pytest.raises(aliases.Overtaken, match="version 2 is the champion"):
        promotion.promote(decision)
    assert [event.what for event in events("3")] == ["overtaken"]


@pytest.mark.usefixtures("signals_of_a_terminal")
def test_an_interrupt_leaves_alias_and_tags_together(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_in(monkeypatch, "set_model_version_tag")
    assert demarche("runs", "promote", "again").exit_code == 130
    assert (champion(), champion("previous")) == ("3", "1")
    assert [event.what for event in events("3")] == ["promoted"]
    assert claims() == []


def test_a_set_that_has_decided_often_is_said_to_grow_optimistic(versions: Path) -> None:
    assert "optimistic" not in demarche("runs", "promote", "again").output
    assert "optimistic" not in demarche("runs", "promote", "rules").output
    assert "optimistic" not in demarche("runs", "promote", "rules").output
    demarche("runs", "rollback")
    output = demarche("runs", "promote", "rules").output
    assert f"test has decided 3 promotions of {NAME}; its figures grow optimistic" in output
