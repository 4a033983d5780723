"""`demarche labels read`: a language model as an annotator, asked through a real socket."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import Result

from labels.codebook import STANCES, write_codebook
from labels.files import write_jsonl
from labels.passages import Annotation, Passage, is_model
from labels.project import create_project
from labels.reading.endpoint import address
from labels.reading.prompt import NO
from tests.conftest import BOOK, REPOSITORY, demarche
from tests.scripted_endpoint import Endpoint, cuts, fails, hangs, labels, page, says, serve

KEY = "sk-very-secret-1234"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEMARCHE_API_KEY", KEY)
    write_codebook(tmp_path / "codebook.yaml", BOOK)
    return tmp_path


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serve() as running:
        yield running


def write_passages(texts: Sequence[str], *, title: str | None = None) -> None:
    write_jsonl(
        Path("passages.jsonl"),
        [
            Passage(id=f"p{n}", article=f"a{n}", text=text, start=0, end=len(text), title=title)
            for n, text in enumerate(texts)
        ],
    )


def command(url: str, *options: str) -> list[str]:
    known = ["--codebook", "codebook.yaml", "--with", url, "--model", "tiny-lm", "--out", "annotations.jsonl"]
    return ["labels", "read", "passages.jsonl", *known, *options]


def read(url: str, *options: str, yes: bool = True) -> Result:
    return demarche(*command(url, *options), *(["--yes"] if yes else []))


def annotations(path: str = "annotations.jsonl") -> dict[str, Annotation]:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {each.passage: each for each in map(Annotation.model_validate_json, lines)}


def test_three_readings_become_one_annotation_with_shares() -> None:
    write_passages(["A kettle split.", "A goal."])
    votes = [labels(tea="favor"), labels(tea="against"), labels(tea="favor", rain="neutral")]
    with serve({"kettle": votes}) as endpoint:
        result = read(endpoint.url)
    assert result.exit_code == 0, result.output
    found = annotations()
    (label,) = found["p0"].labels
    assert (label.topic, label.stance) == ("tea", "favor")
    assert label.shares is not None
    assert label.shares.proportions == (0.6667, 0.3333, 0)
    assert found["p1"].labels == ()
    assert "all 3 readings are the same for 50% of them" in result.output
    assert "6 requests" in result.output
    assert demarche("labels", "check", "codebook.yaml", "passages.jsonl", "annotations.jsonl").exit_code == 0


def test_the_annotator_is_named_for_the_model_and_the_kept_prompt(endpoint: Endpoint) -> None:
    write_passages(["A teapot."])
    read(endpoint.url)
    kept = Path("annotations.prompt.json").read_bytes()
    annotator = annotations()["p0"].annotator
    assert annotator == f"tiny-lm@{hashlib.sha256(kept).hexdigest()[:12]}"
    assert is_model(annotator)
    system = "\n".join(json.loads(kept)["system"])
    assert endpoint.asked[0]["messages"][0]["content"] == system
    for topic in BOOK.topics:
        assert topic.proposition in system


@pytest.mark.parametrize("change", [["--readings", "5"], ["--model", "other"], ["--temperature", "0.1"]])
def test_another_model_or_setting_is_another_annotator_and_overwrites_nothing(
    endpoint: Endpoint, change: list[str]
) -> None:
    write_passages(["A teapot."])
    read(endpoint.url)
    before = Path("annotations.jsonl").read_bytes()
    options = command(endpoint.url, *change)
    if change[0] == "--model":
        options = [
            each for n, each in enumerate(options) if each != "tiny-lm" and options[n : n + 2] != ["--model", "tiny-lm"]
        ]
    result = demarche(*options, "--yes")
    assert result.exit_code == 2
    assert "another annotator" in result.output
    assert Path("annotations.jsonl").read_bytes() == before


def test_the_answers_are_constrained_to_the_topics_and_stances_of_the_codebook(endpoint: Endpoint) -> None:
    write_passages(["A teapot."])
    read(endpoint.url)
    schema = endpoint.asked[0]["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == schema["required"] == ["tea", "rain"]
    assert schema["properties"]["tea"]["enum"] == [NO, *STANCES, "unclear"]
    assert [body["seed"] for body in endpoint.asked] == [13, 14, 15]
    assert {body["temperature"] for body in endpoint.asked} == {0.7}


def test_a_field_of_the_request_can_be_left_out_or_added(endpoint: Endpoint) -> None:
    write_passages(["A teapot."])
    read(endpoint.url, "--request", "response_format=", "--request", "reasoning_effort=low", "--readings", "1")
    assert "response_format" not in endpoint.asked[0]
    assert endpoint.asked[0]["reasoning_effort"] == "low"
    assert endpoint.asked[0]["temperature"] == 0


def test_each_passage_is_answered_after_a_retry_or_listed_with_the_reason() -> None:
    soon = {"retry-after-ms": "1"}
    script = {
        "limited": [fails(429, "slow down", {"retry-after": "0.01"}), labels(rain="favor")],
        "overloaded": [fails(503, "busy", soon), labels(rain="favor")],
        "broken": [says('{"tea": "no", "rai'), labels(rain="favor")],
        "severed": [cuts, labels(rain="favor")],
        "prosaic": [says("Sure! The passage is about rain.")],
        "refused": [says(None, refusal="I cannot help with that.")],
        "filtered": [says("", finish="content_filter")],
        "alien": [says('{"tea": "no", "rain": "no", "coffee": "favor"}')],
        "endless": [says('{"tea": "no", ', finish="length")],
        "hanging": [hangs],
        "web": [page],
        "lengthy": [fails(400, "the prompt exceeds the context size")],
        "exhausted": [fails(429, "quota used up", soon)],
    }
    write_passages([f"It was {word} today." for word in script])
    with serve(script) as endpoint:
        result = read(endpoint.url, "--readings", "1", "--timeout", "0.3", "--concurrency", "13")
    assert result.exit_code == 3, result.output
    words = list(script)
    assert {words[int(id[1:])] for id in annotations()} == {"limited", "overloaded", "broken", "severed"}
    reasons = dict(re.findall(r"^not read: (p\d+): (.*)$", result.output, re.MULTILINE))
    expected = {
        "prosaic": "not JSON: Expecting value at column 1: 'Sure! The passage is about rain.' (3 times)",
        "refused": "refused: I cannot help with that.",
        "filtered": "refused: the endpoint's content filter",
        "alien": "topic 'coffee' is not in the codebook; known: rain, tea (3 times)",
        "endless": "cut off at 1000 tokens (--max-tokens): not JSON",
        "hanging": "no answer within 0.3 s (--timeout), 5 times",
        "web": "not a chat completion: '<html>Welcome to the proxy</html>'",
        "lengthy": "400: the prompt exceeds the context size",
        "exhausted": "rate limit, 5 times: quota used up",
    }
    assert set(reasons) == {f"p{words.index(word)}" for word in expected}
    for word, reason in expected.items():
        assert reasons[f"p{words.index(word)}"].startswith(reason)


def test_a_passage_that_was_not_read_is_asked_for_again_and_no_other() -> None:
    write_passages(["A teapot.", "A broken one."])
    with serve({"broken": [says("no")]}) as endpoint:
        assert read(endpoint.url).exit_code == 3
    assert list(annotations()) == ["p0"]
    with serve() as endpoint:
        result = read(endpoint.url)
    assert result.exit_code == 0, result.output
    assert "3 requests; 3 are answered already" in result.output
    assert {body["messages"][1]["content"] for body in endpoint.asked} == {"Passage:\nA broken one."}
    assert list(annotations()) == ["p0", "p1"]


def test_a_finished_reading_asks_nothing_and_writes_the_same(endpoint: Endpoint) -> None:
    write_passages(["A teapot.", "A goal."])
    read(endpoint.url)
    before = Path("annotations.jsonl").read_bytes()
    endpoint.asked.clear()
    result = read(endpoint.url, yes=False)
    assert result.exit_code == 0, result.output
    assert endpoint.asked == []
    assert Path("annotations.jsonl").read_bytes() == before


def test_a_killed_reading_goes_on_without_asking_again() -> None:
    write_passages([f"Passage {number:02} of a teapot." for number in range(12)])
    with serve({f"Passage {number:02}": [hangs] for number in range(8, 12)}) as endpoint:
        arguments = [sys.executable, "-m", "demarche", *command(endpoint.url, "--readings", "1", "--yes")]
        process = subprocess.Popen(arguments, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE)
        kept, until = Path("annotations.jsonl.readings"), time.monotonic() + 60
        while time.monotonic() < until and not (kept.exists() and len(kept.read_bytes().splitlines()) == 8):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not Path("annotations.jsonl").exists()
    # What a loss of power may leave.
    with kept.open("a", encoding="utf-8") as stream:
        stream.write('{"key": "12')
    with serve() as endpoint:
        result = read(endpoint.url, "--readings", "1")
    assert result.exit_code == 0, result.output
    asked = sorted(body["messages"][1]["content"] for body in endpoint.asked)
    assert asked == [f"Passage:\nPassage {number:02} of a teapot." for number in range(8, 12)]
    assert len(annotations()) == 12


def test_in_a_project_only_the_labels_are_among_its_annotations(endpoint: Endpoint) -> None:
    create_project(Path("town"), [])
    write_passages(["A teapot."])
    text = Path("town/demarche.yaml").read_text(encoding="utf-8")
    Path("demarche.yaml").write_text(text.replace("labels/passages.jsonl", "passages.jsonl"), encoding="utf-8")
    done = demarche("labels", "read", "--with", endpoint.url, "--model", "tiny-lm", "--readings", "1", "--yes")
    assert done.exit_code == 0, done.output
    for _ in range(2):
        checked = demarche("labels", "check")
        assert checked.exit_code == 0, checked.output
        assert "1 annotation by 1 annotator" in checked.output
        next_command = next(line for line in done.output.splitlines() if line.startswith("  demarche labels agreement"))
        agreement = demarche(*next_command.split()[1:])
        assert agreement.exit_code == 0, agreement.output


def test_the_key_is_sent_and_appears_nowhere_else() -> None:
    write_passages(["A teapot.", "A wrong one."])
    with serve({"wrong": [fails(400, f"your key {KEY} has no credit")]}) as endpoint:
        result = read(endpoint.url)
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
    assert "your key … has no credit" in result.output
    assert KEY not in result.output
    for path in Path().iterdir():
        assert KEY.encode() not in path.read_bytes()


def test_a_wrong_key_stops_the_reading_and_is_not_quoted() -> None:
    write_passages(["A wrong one."] * 5)
    with serve({"wrong": [fails(401, f"Incorrect API key provided: {KEY[:10]}***")]}) as endpoint:
        result = read(endpoint.url, "--concurrency", "1")
        assert len(endpoint.asked) == 1
    assert result.exit_code == 2
    assert "401: the endpoint refuses the key in DEMARCHE_API_KEY" in result.output
    assert KEY[:10] not in result.output


def test_an_unknown_model_stops_the_reading() -> None:
    write_passages(["A lost one."])
    with serve({"lost": [fails(404, "The model 'tiny-lm' does not exist")]}) as endpoint:
        result = read(endpoint.url)
    assert result.exit_code == 2
    assert "404: The model 'tiny-lm' does not exist; check --model" in result.output


def test_an_endpoint_that_reads_nothing_is_soon_given_up() -> None:
    write_passages([f"A broken one, {number}." for number in range(40)])
    with serve({"broken": [says("I would say that it rains.")]}) as endpoint:
        result = read(endpoint.url, "--concurrency", "1")
        assert len(endpoint.asked) == 30
    assert result.exit_code == 2
    assert "not read: 30 more passages" in result.output
    assert not Path("annotations.jsonl").exists()


def test_an_endpoint_without_schemas_is_named_with_its_remedy() -> None:
    write_passages(["A plain one."])
    with serve({"plain": [fails(400, "response_format 'json_schema' is not supported")]}) as endpoint:
        result = read(endpoint.url)
    assert "add --request response_format=" in result.output


def test_settings_that_nothing_was_answered_with_can_be_changed() -> None:
    write_passages(["A plain one."])
    with serve({"plain": [fails(400, "response_format is unknown"), labels(rain="favor")]}) as endpoint:
        assert read(endpoint.url, "--readings", "1").exit_code == 2
        result = read(endpoint.url, "--readings", "1", "--request", "response_format=")
    assert result.exit_code == 0, result.output


def test_nothing_is_sent_without_consent(endpoint: Endpoint) -> None:
    write_passages(["A teapot."])
    result = read(endpoint.url, "--price-in", "2", "--price-out", "8", yes=False)
    assert result.exit_code == 2
    assert "add --yes" in result.output
    assert re.search(
        r"about [\d,]+ tokens of prompts and \d+ of answers, without reasoning: about 0\.00", result.output
    )
    assert endpoint.asked == []
    assert not Path("annotations.prompt.json").exists()


def test_actors_are_masked_in_what_is_sent_and_nowhere_else(endpoint: Endpoint) -> None:
    text = "Russia said that Putin and the Chinese would meet U.S. officials; Russians cheered."
    write_passages([text], title="Moscow and Beijing agree")
    result = read(endpoint.url, "--mask-actors", "--readings", "1")
    assert result.exit_code == 0, result.output
    assert endpoint.asked[0]["messages"][1]["content"] == (
        "Title: Country A and Country B agree\nPassage:\n"
        "Country A said that Putin and the Country B would meet Country C officials; citizens of Country A cheered."
    )
    masked = annotations()["p0"].annotator
    for path in Path().glob("annotations.*"):
        path.unlink()
    read(endpoint.url, "--readings", "1")
    assert annotations()["p0"].annotator != masked


def test_a_second_process_does_not_read_into_the_same_file(endpoint: Endpoint) -> None:
    from labels.reading.cache import Cache

    write_passages(["A teapot."])
    with Cache.open(Path("annotations.jsonl.readings")):
        result = read(endpoint.url)
    assert result.exit_code == 2
    assert "another process" in result.output


def test_annotations_by_others_are_not_overwritten(endpoint: Endpoint) -> None:
    write_passages(["A teapot."])
    Path("annotations.jsonl").write_text("{}\n")
    result = read(endpoint.url)
    assert result.exit_code == 2
    assert "was not made by `labels read`" in result.output


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("127.0.0.1:8080", "e.g. http://127.0.0.1:8080/v1 is expected"),
        (f"http://me:{KEY}@host/v1", "put the key into DEMARCHE_API_KEY"),
        (f"http://host/v1?key={KEY}", "put the key into DEMARCHE_API_KEY"),
        ("http://host:99999/v1", "--with"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, what: str) -> None:
    write_passages(["A teapot."])
    result = read(url)
    assert result.exit_code == 2
    assert what in result.output
    assert KEY not in result.output


def test_the_key_of_openai_is_sent_to_openai_alone() -> None:
    keys = {"OPENAI_API_KEY": "sk-openai"}
    assert address("https://api.openai.com/v1", keys).key == "sk-openai"
    assert address("http://127.0.0.1:8080", keys) == ("http://127.0.0.1:8080/v1", None, "DEMARCHE_API_KEY")
    assert address("http://10.0.0.1/v1", {"DEMARCHE_API_KEY": "k\n"}).is_exposed
    assert not address("http://[::1]:8080/v1", {"DEMARCHE_API_KEY": "k"}).is_exposed
