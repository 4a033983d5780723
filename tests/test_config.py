"""A config is right as a whole, or every mistake in it is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import BadInput, DemarcheError
from labels.yaml_text import dump_yaml, read_yaml
from models.families.baselines import RulesSettings
from models.families.encoder import EncoderTopicsSettings
from models.families.linear import LinearTopicsSettings
from models.families.ngrams import Ngrams
from tests.conftest import REPOSITORY
from training.config import Config, read_config
from training.split_config import ColumnSplit, GroupSplit, TimeSplit

BASE = """\
name: town
data: {codebook: codebook.yaml, passages: passages.jsonl, annotations: [annotations.jsonl]}
topics: {kind: linear}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which the files that BASE names stand."""
    monkeypatch.chdir(tmp_path)
    for name in ("codebook.yaml", "passages.jsonl", "annotations.jsonl", "split.jsonl"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    return tmp_path


def read(folder: Path, text: str, *overrides: str) -> Config:
    (folder / "config.yaml").write_bytes(text.encode())
    return read_config("config.yaml", overrides)


def mistakes(folder: Path, text: str, *overrides: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        read(folder, text, *overrides)
    assert {problem.file for problem in caught.value.problems} == {"config.yaml"}
    return [problem.what for problem in caught.value.problems]


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_config_is_right(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert read_config(path).name


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs/bench").glob("*.yaml")), ids=lambda path: path.name)
def test_every_config_of_the_bench_is_right_once_its_data_is_there(path: Path, folder: Path) -> None:
    data = read_yaml(path)["data"]
    for name in (data["codebook"], data["passages"], *data["annotations"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert read_config(path).name == path.stem


def test_what_is_left_out_has_a_sensible_value(folder: Path) -> None:
    config = read(folder, BASE)
    assert config.split == GroupSplit(test=0.2, dev=0.15, seed=13, on_leak="refuse")
    assert config.input == ("title", "text")
    assert config.stance is None
    assert config.tracking.register_ is None


def test_every_mistake_is_told_at_once_with_its_field_and_the_nearest_key(folder: Path) -> None:
    text = """\
nme: town
data: {codebook: codebook.yaml, passages: nowhere.jsonl, annotations: [annotations.jsonl, gone.jsonl], vote: soft}
input: [title, txt]
split: {strategy: group, test: 1.2, on_leak: dorp, sead: 3}
topics: {kind: linear, c: -1, ngrams: {wrods: [1, 2], chars: [5, 2]}}
stance: {kind: liner}
review: lots
tracking: {experiment: "", registr: town}
"""
    found = mistakes(folder, text)
    for expected in [
        "name: missing",
        "nme: unknown key; did you mean 'name'?",
        "data.passages: no such file: nowhere.jsonl",
        "data.annotations.1: no such file: gone.jsonl",
        "data.vote: unknown key; did you mean 'votes'?",
        "input.1: 'txt' is not allowed; did you mean 'text'?",
        "split.test: Input should be less than 1",
        "split.on_leak: 'dorp' is not allowed; did you mean 'drop'?",
        "split.sead: unknown key; did you mean 'seed'?",
        "topics.c: Input should be greater than 0",
        "topics.ngrams.wrods: unknown key; did you mean 'words'?",
        "topics.ngrams.chars: [5, 2] is not a range; write the smaller size first",
        "stance.kind: 'liner' is unknown; did you mean 'linear'?",
        "review: Input should be a valid number",
        "tracking.experiment: String should have at least 1 character",
        "tracking.registr: unknown key; did you mean 'register'?",
    ]:
        assert [what for what in found if what.startswith(expected)], (expected, found)
    assert len(found) == 16


MISTAKES = [
    (("topics=null",), "neither topics nor stance"),
    (("input=[title]",), "input must include text"),
    (("input=[]",), "input: Tuple should have at least 1 item"),
    (("input=text",), "input: Input should be a valid tuple"),
    (("data.annotations=[]",), "data.annotations: no file; name one at least"),
    (("data.codebook=.",), "data.codebook: no such file"),
    (("topics.kind=null",), "topics.kind: "),
    (("topics.c=.inf",), "topics.c: "),
    (("topics.c=.nan",), "topics.c: "),
    (("topics.ngrams.words=null", "topics.ngrams.chars=null"), "topics.ngrams: neither words nor chars"),
    (("topics.ngrams.words=[2,1]",), "topics.ngrams.words: [2, 1] is not a range"),
    (("topics.ngrams.words=[0,1]",), "topics.ngrams.words.0: Input should be greater than or equal to 1"),
    (("topics=linear",), "topics: "),
    (
        ("topics.kind=zero_shot", "topics.encoder=x", "topics.hypothesis=about"),
        "topics.hypothesis: 'about' has no placeholder {topic}; add it where the topic goes",
    ),
    (("topics.kind=setfit", "topics.encoder=x", "topics.pairs=1"), "topics.pairs: "),
    (("split=time",), "split: "),
    (("split.strategy=tmie",), "split.strategy: 'tmie' is unknown; did you mean 'time'?"),
    (("split.strategy=column", "split.test=0.2"), "split.test: unknown key; known: dev"),
    (("split.test=0.6", "split.dev=0.4"), "split: test 0.6 and dev 0.4 leave nothing to train on"),
    (("split.strategy=time", "split.test=0.9", "split.dev=0.2"), "split: test 0.9 and dev 0.2 leave nothing"),
    (("split.stratify=true", "split.from=split.jsonl"), "split: stratify and from are mutually exclusive"),
    (("split.from=nowhere.jsonl",), "split.from: no such file: nowhere.jsonl"),
    (("seed=-1",), "seed: "),
    (("seed=4294967296",), "seed: "),
    (("review=0.5",), "review: "),
    (("thresholds.precision=0",), "thresholds.precision: "),
    (("thresholds.text=1.5",), "thresholds.text: "),
    (("tracking.register=a/b",), "tracking.register: "),
    (("tpoics.c=4",), "tpoics: unknown key; did you mean 'topics'?"),
    (("data=null",), "data: "),
    (("data.codebook=null",), "data.codebook: a file is expected"),
    (("data.passages=null",), "data.passages: a file or a list of files is expected"),
    (("data.passages=[null]",), "data.passages.0: a file is expected"),
    (("data.annotations=[gone.jsonl]",), "data.annotations.0: no such file: gone.jsonl"),
    (
        ("joint.kind=joint", "topics=null", "joint.encoder=x", "joint.epohcs=2"),
        "joint.epohcs: unknown key; did you mean 'epochs'?",
    ),
    (
        ("search={metric: topics/map, space: {topics.c: {low: 1, hihg: 2, high: 3}}}",),
        "search.space.topics.c.hihg: unknown key; did you mean 'high'?",
    ),
    *(
        (
            (f"evaluation={{{name}: {{passages: passages.jsonl, annotations: annotations.jsonl}}}}",),
            f"evaluation: {name!r} cannot name a set; use letters, digits, _ and -, and neither train, dev nor a name "
            "that starts with test: those are splits",
        )
        for name in ("train", "dev", "test", "test_far", "a/b")
    ),
    (
        ("evaluation={news: {passage: passages.jsonl, passages: passages.jsonl, annotations: annotations.jsonl}}",),
        "evaluation.news.passage: unknown key; did you mean 'passages'?",
    ),
    (("evaluation={news: {passages: passages.jsonl}}",), "evaluation.news.annotations: missing"),
    (
        ("evaluation={news: {passages: gone.jsonl, annotations: annotations.jsonl}}",),
        "evaluation.news.passages: no such file: gone.jsonl",
    ),
]


@pytest.mark.parametrize(("overrides", "expected"), MISTAKES, ids=lambda case: " ".join(case))
def test_a_mistake_is_told_by_the_field_that_the_user_wrote(
    overrides: tuple[str, ...], expected: str, folder: Path
) -> None:
    found = mistakes(folder, BASE, *overrides)
    assert len(found) == 1
    assert found[0].startswith(expected)


NOT_CONFIGS = [
    ("", "name: missing"),
    ("# nothing yet\n", "name: missing"),
    ("5", "not a mapping"),
    ("- name: a\n- name: b\n", "not a mapping"),
    (BASE + "name: again\n", ":4: 'name' already occurs in line 1; keep one"),
    (BASE + "split: {test: 0.2\n", "not YAML"),
    (BASE + "\tseed: 3\n", "not YAML"),
    ("!!python/object/apply:os.system [ls]\n", "not YAML"),
    ("name: \0\n", "zero byte"),
    (BASE + "5: five\n", "5: Keys should be strings"),
    (BASE + "description: !!timestamp 2024-01-31\n", ":4: not YAML of plain values: the tag 'timestamp'"),
    (BASE + "description: !!timestamp soon\n", ":4: not YAML of plain values: the tag 'timestamp'"),
    (BASE + "seed: !!int much\n", ":4: not YAML of plain values: 'much' is not of type 'int'"),
    (BASE + "seed: 0x" + "f" * 5000, ":4: not YAML of plain values: a number with too many digits"),
    (BASE + "description: !secret x\n", "not YAML"),
]


@pytest.mark.parametrize(("text", "expected"), NOT_CONFIGS)
def test_a_file_that_is_no_config_is_said_to_be_none(text: str, expected: str, folder: Path) -> None:
    with pytest.raises(DemarcheError, match=r"^config\.yaml") as caught:
        read(folder, text)
    assert expected in str(caught.value)


def test_a_path_is_relative_to_the_config_or_else_to_the_working_folder(folder: Path) -> None:
    study = folder / "study"
    (study / "encoder").mkdir(parents=True)
    (folder / "model").mkdir()
    for name in ("passages.jsonl", "split.jsonl"):
        (study / name).touch()
    text = (
        BASE.replace("{kind: linear}", "{kind: encoder, encoder: encoder, init: model}")
        + "split: {from: split.jsonl}\n"
    )
    (study / "config.yaml").write_text(text.replace("[annotations.jsonl]", "annotations.jsonl"), encoding="utf-8")
    config = read_config("study/config.yaml")
    assert config.data.passages == (Path("study/passages.jsonl"),)
    assert config.data.annotations == (Path("annotations.jsonl"),)
    assert config.data.codebook == Path("codebook.yaml")
    assert config.split == GroupSplit.model_validate({"from": "study/split.jsonl"})
    assert isinstance(config.topics, EncoderTopicsSettings)
    assert (config.topics.encoder, config.topics.init) == ("study/encoder", "model")
    again = read_config(
        "study/config.yaml", ["data.passages=[passages.jsonl,codebook.yaml]", "topics.init=models:/a/1"]
    )
    assert again.data.passages == (Path("study/passages.jsonl"), Path("codebook.yaml"))
    assert isinstance(again.topics, EncoderTopicsSettings)
    assert again.topics.init == "models:/a/1"


def test_a_file_that_is_in_neither_folder_is_told_with_both(folder: Path) -> None:
    (folder / "study").mkdir()
    (folder / "study" / "config.yaml").write_text(BASE.replace("passages.jsonl", "gone.jsonl"), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_config("study/config.yaml")
    message = f"no such file: gone.jsonl (relative to {folder}/study, the config's folder, or to {folder}); correct"
    assert message in str(caught.value)


def test_a_config_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(DemarcheError, match=r"^nowhere\.yaml: no such file"):
        read_config("nowhere.yaml")


def test_a_config_in_another_encoding_is_said_to_be(folder: Path) -> None:
    (folder / "config.yaml").write_bytes(BASE.replace("town", "Zürich").encode("cp1252"))
    with pytest.raises(DemarcheError, match=r"^config\.yaml: not UTF-8"):
        read_config("config.yaml")


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("name", "\ufeffname"), ("town", '"town"')])
def test_line_ends_marks_and_quotes_do_not_matter(change: tuple[str, str], folder: Path) -> None:
    assert read(folder, BASE.replace(*change)) == read(folder, BASE)


# Overrides


def test_an_override_takes_the_sets_of_evaluation_out(folder: Path) -> None:
    text = BASE + "evaluation: {news: {passages: passages.jsonl, annotations: annotations.jsonl}}\n"
    assert list(read(folder, text).evaluation) == ["news"]
    assert read(folder, text, "evaluation=null").evaluation == {}


def test_overrides_reach_every_depth_and_the_last_one_wins(folder: Path) -> None:
    config = read(
        folder,
        BASE,
        "topics.c=4",
        "topics.c=5",
        "topics.ngrams.chars=null",
        "input=[text]",
        "split.strategy=time",
        "split.by=session",
        "tracking.register=town-tagger",
        "stance.kind=majority",
        "description=a = b",
    )
    assert config.topics.c == 5  # type: ignore[union-attr]
    assert config.topics.ngrams.chars is None  # type: ignore[union-attr]
    assert config.topics.ngrams.words == (1, 2)  # type: ignore[union-attr]
    assert config.input == ("text",)
    assert config.split == TimeSplit(strategy="time", by="session")
    assert config.tracking.register_ == "town-tagger"
    assert config.stance is not None
    assert config.description == "a = b"


def test_the_environment_is_not_read_into_a_config(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    text = "${oc.env:SECRET} ${SECRET} ${name}"
    assert read(folder, BASE + f"description: '{text}'\n").description == text
    assert read(folder, BASE, f"description={text}").description == text


@pytest.mark.parametrize(("text", "number"), [("1e-4", 1e-4), ("1E3", 1e3), ("2.5e+1", 25.0), ("4", 4.0), ("0.5", 0.5)])
def test_numbers_may_have_an_exponent(text: str, number: float, folder: Path) -> None:
    assert read(folder, BASE, f"topics.c={text}").topics.c == number  # type: ignore[union-attr]


def test_a_date_is_text(folder: Path) -> None:
    assert read(folder, BASE, "description=2024-01-31").description == "2024-01-31"


def test_a_split_without_a_strategy_is_by_group(folder: Path) -> None:
    assert read(folder, BASE, "split.test=0.3").split == GroupSplit(test=0.3)
    assert read(folder, BASE, "split.strategy=column").split == ColumnSplit(strategy="column")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("topics.c", "'topics.c': not an override; write key=value"),
        ("topics.c=[", "config.yaml: 'topics.c=[': the value cannot be read: not YAML"),
        ("name=!x y", "the value cannot be read: not YAML of plain values: the tag '!x' is not read; remove it"),
        ("name=!!timestamp soon", "the tag 'timestamp' is not read; remove it"),
        ("topics.c=!!int much", "'much' is not of type 'int'; put it in quotes"),
        ("name=*x", "the value cannot be read: not YAML"),
        ("name=&x [*x]", "nested more than 50 deep, or within itself; make it flatter"),
        ("seed=0x" + "f" * 5000, "a number with too many digits; put it in quotes"),
        ("a." * 60 + "c=1", "a key of more than 50 parts"),
        ("data.codebook=" + "x" * 5000, "data.codebook: no such file"),
        ('data.codebook="a\\0b"', "data.codebook: no such file"),
        ("data.annotations.0=other.jsonl", "give the whole list"),
        ("=4", "unknown key"),
        ("name.first=x", "name: Input should be a valid string"),
        ("topics..c=4", "unknown key"),
    ],
)
def test_an_override_that_fits_nowhere_is_told(override: str, expected: str, folder: Path) -> None:
    with pytest.raises(DemarcheError) as caught:
        read(folder, BASE, override)
    assert expected in str(caught.value)


YAML_LIKE = ["!!int ", "!!float ", "!!bool ", "!!null ", "!!str ", "!!timestamp ", "!!set ", "!!omap ", "!!binary ",
             "!!merge ", "!x ", "&a ", "*a", "[", "]", "{", "}", ", ", ": ", "? ", "- ", "<<", "=", "~", "0x", "0b", "_", "1",
             "e9", ".inf", ":30", "2024-01-31", "kind", "linear", "null", "'", '"', "\n", "#", "|", ">", "%", "---"]  # fmt: skip
yaml_like = st.lists(st.sampled_from(YAML_LIKE), max_size=8).map("".join)


@settings(max_examples=200, deadline=None)
@given(
    key=st.sampled_from(
        ["name", "data", "input", "split", "topics", "topics.ngrams", "seed", "tracking.register", "x"]
    ),
    value=st.text(st.characters(codec="utf-8"), max_size=8) | yaml_like,
)
def test_no_override_ends_in_a_traceback(key: str, value: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "config.yaml"
    path.write_text(BASE, encoding="utf-8")
    with pytest.raises(DemarcheError):  # the data is not there in any case
        read_config(path, [f"{key}={value}"])


@settings(max_examples=200, deadline=None)
@given(key=st.sampled_from(["name", "data", "input", "split", "topics", "search", "evaluation", "x"]), value=yaml_like)
def test_no_config_ends_in_a_traceback(key: str, value: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "config.yaml"
    path.write_text(f"{key}: {value}\n", encoding="utf-8")
    with pytest.raises(DemarcheError):
        read_config(path)


def test_a_config_as_logged_reads_back_the_same(folder: Path) -> None:
    config = read(folder, BASE + "stance: {kind: linear, own_from: 7}\n", "split.from=split.jsonl", "review=0.25")
    text = dump_yaml(config.model_dump(mode="json", by_alias=True))
    assert read(folder, text) == config


def test_an_override_of_the_kind_leaves_the_keys_of_the_other_kind_behind(folder: Path) -> None:
    text = BASE.replace("{kind: linear}", "{kind: linear, ngrams: {chars: null}}") + "split: {test: 0.3, seed: 4}\n"
    (folder / "config.yaml").write_text(text)
    config = read_config("config.yaml", ["topics.kind=rules", "split={strategy: column, dev: 0.2}"])
    assert config.topics == RulesSettings(kind="rules")
    assert config.split == ColumnSplit(strategy="column", dev=0.2)
    kept = read_config("config.yaml", ["topics.kind=linear", "topics.c=5", "split.strategy=group"])
    assert kept.topics == LinearTopicsSettings(c=5, ngrams=Ngrams(chars=None))
    assert kept.split == GroupSplit(test=0.3, seed=4)
