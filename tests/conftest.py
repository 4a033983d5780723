"""A small world of labels made for tests: every text is drawn from word lists, so a model can learn it."""

from __future__ import annotations

import atexit
import os
import random
import re
import shutil
import signal
import string
import tempfile
from collections.abc import Iterator
from functools import cache
from multiprocessing import forkserver
from pathlib import Path

import pytest
import typer.testing
from hypothesis import HealthCheck, settings
from typer.testing import CliRunner, Result

from demarche.__main__ import app
from labels.codebook import Codebook, Topic, write_codebook
from labels.files import write_jsonl
from labels.passages import Annotation, Article, Label, Passage
from models.encoders.device import Device

os.environ["HF_HUB_OFFLINE"] = "1"
# The tests run in parallel: threads that wait for each other would take all the time there is.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["DEMARCHE_CACHE"] = tempfile.mkdtemp(prefix="demarche-cache-")
atexit.register(shutil.rmtree, os.environ["DEMARCHE_CACHE"], ignore_errors=True)
# Machines are shared: how long an example takes says nothing of the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
# Typer builds all commands anew for each call, which would be a good part of the time of the many tests that call one.
typer.testing._get_command = cache(typer.testing._get_command)
REPOSITORY = Path(__file__).parent.parent
CPU = Device("cpu", bf16=False)
ENCODER = "{{kind: encoder, encoder: {}, epochs: 3, learning_rate: 0.001, batch_size: 16, max_length: 32}}"

BOOK = Codebook(
    id="tiny",
    version="1.0.0",
    topics=(
        Topic(id="tea", name="tea", target="drinking more tea", keywords=("teapot", "kettle")),
        Topic(id="rain", name="rain", target="carrying umbrellas", keywords=("umbrella", "drizzle")),
    ),
)
_WORDS = {
    "tea": "teapot kettle leaves brew saucer samovar",
    "rain": "umbrella drizzle puddle clouds gutter downpour",
    "none": "match referee goal stadium striker whistle",
    "favor": "welcomes praises backs urges",
    "against": "opposes rejects scorns bans",
    "neutral": "mentions counts lists describes",
}
_FILLER = "the town council on monday about a long street and its old market near some quiet houses".split()


def train(*overrides: str) -> Result:
    """`demarche train` on the workspace's config."""
    return CliRunner().invoke(app, ["train", "config.yaml", *overrides])


def alone(encoder: Path) -> list[str]:
    """Overrides that train stance alone with an encoder."""
    return ["topics=null", f"stance={ENCODER.format(encoder)}", "precision=fp32", "tracking.register=null"]


@cache
def tiny_encoder() -> Path:
    """A two-layer BERT that knows the town's words and single letters, fresh from its config: real, and quick."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    _, passages, _ = make_articles(40, seed=1)
    words = sorted({word for passage in passages for word in re.findall(r"[a-z]+", passage.text.lower())})
    letters = list(string.ascii_lowercase + ".,;:!?[]()-")
    vocabulary = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words, *letters, *(f"##{a}" for a in letters)])
    tokenizer = Tokenizer(
        models.WordPiece({token: number for number, token in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder = Path(tempfile.mkdtemp(prefix="tiny-encoder-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(
            BertConfig(
                vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                intermediate_size=64, max_position_embeddings=64,
            )
        ).save_pretrained(folder)  # fmt: skip
    return folder


@cache
def tiny_nli(kind: str = "bert", labels: tuple[str, ...] = ("contradiction", "neutral", "entailment")) -> Path:
    """A tiny encoder with a head for natural-language inference, fresh from its config."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder(), model_max_length=256)
    folder = Path(tempfile.mkdtemp(prefix="tiny-judge-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tokenizer.save_pretrained(folder)
    config = AutoConfig.for_model(
        kind, vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=256, type_vocab_size=2, pad_token_id=0, pooler_hidden_size=32,
        id2label=dict(enumerate(labels)), label2id={label: number for number, label in enumerate(labels)},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    return folder


def make_articles(count: int = 60, *, seed: int = 1) -> tuple[list[Article], list[Passage], list[Annotation]]:
    """Articles of three passages: on tea, rain, both or neither, each topic with a stance."""
    rng = random.Random(seed)
    articles, passages, annotations = [], [], []
    for number in range(count):
        texts, found = [], []
        for _ in range(3):
            topics = rng.choice([["tea"], ["rain"], ["tea", "rain"], [], []])
            words = rng.sample(_FILLER, 8)
            labels = []
            stance = rng.choice(["favor", "against", "neutral"])
            for topic in topics:
                words += rng.sample(_WORDS[topic].split(), 3)
                labels.append(Label(topic=topic, stance=stance))
            words += rng.sample(_WORDS[stance].split(), 2) if topics else rng.sample(_WORDS["none"].split(), 4)
            rng.shuffle(words)
            texts.append(" ".join(words).capitalize() + f" {rng.randrange(10**6)}.")
            found.append(tuple(labels))
        text = "\n\n".join(texts)
        id = f"article-{number:03}"
        articles.append(Article(id=id, text=text, published=f"2020-01-{number % 28 + 1:02}", source="town crier"))
        for place, (part, labels_) in enumerate(zip(texts, found, strict=True), start=1):
            start = text.index(part)
            passages.append(
                Passage(
                    id=f"{id}#{place}", article=id, text=part, start=start, end=start + len(part),
                    published=articles[-1].published, source="town crier",
                )
            )  # fmt: skip
            annotations.append(
                Annotation(passage=f"{id}#{place}", annotator="one", codebook=BOOK.reference, labels=labels_)
            )
    return articles, passages, annotations


# Plots would take most of the time; the tests of them ask for them.
CONFIG = """\
name: tiny
data: {codebook: codebook.yaml, passages: passages.jsonl, annotations: [annotations.jsonl]}
input: [text]
topics: {kind: linear, ngrams: {chars: null}}
stance: {kind: linear, ngrams: {chars: null}}
tracking: {experiment: tests, register: tiny-tagger, plots: false}
"""
PLOTS = "tracking.plots=true"


def demarche(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def trained(*overrides: str) -> Result:
    """Train the config of the workspace."""
    result = demarche("train", "config.yaml", *overrides)
    assert result.exit_code == 0, result.output
    return result


def from_terminal() -> None:
    """Set this process's signals as a terminal does; whatever runs the tests may ignore some of them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def signals_of_a_terminal() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    from_terminal()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a labelled data set and a config that trains in seconds."""
    return make_workspace(tmp_path, monkeypatch)


def make_workspace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name, content in _files_of_a_workspace().items():
        (folder / name).write_bytes(content)
    return folder


@cache
def _files_of_a_workspace() -> dict[str, bytes]:
    """Write the files of a workspace once, since a thousand tests start from them, and return their contents."""
    articles, passages, annotations = make_articles()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_codebook(folder / "codebook.yaml", BOOK)
        write_jsonl(folder / "articles.jsonl", articles)
        write_jsonl(folder / "passages.jsonl", passages)
        write_jsonl(folder / "annotations.jsonl", annotations)
        (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
        return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new MLflow database: it takes seconds to make, so it is made once and copied."""
    from mlflow.store.db.utils import _initialize_tables
    from sqlalchemy import create_engine

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    engine = create_engine(f"sqlite:///{path}")
    _initialize_tables(engine)
    engine.dispose()
    return path


@pytest.fixture
def store(workspace: Path, empty_store: Path) -> Path:
    """The workspace with an empty MLflow store in it."""
    return Path(shutil.copy(empty_store, workspace / "mlflow.db"))


@pytest.fixture(scope="session", autouse=True)
def fork_server() -> None:
    """Start the server that worker processes are forked from, with all that those that tag share.

    Else the first command decides what they share; if that is one that does not tag, each that tags loads the rest anew.
    """
    forkserver.set_forkserver_preload(["tagging.preloaded"])
    forkserver.ensure_running()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved tagger of the tiny codebook."""
    from labels.gold.adjudication import adjudicate
    from models.examples import NoCallback
    from training.config import read_config
    from training.fit import fit

    folder = tmp_path_factory.mktemp("world")
    for name in ("codebook.yaml", "passages.jsonl", "annotations.jsonl"):
        (folder / name).touch()
    text = CONFIG
    for name in ("codebook.yaml", "passages.jsonl", "annotations.jsonl"):
        text = text.replace(name, str(folder / name))
    (folder / "config.yaml").write_text(text)
    _, passages, annotations = make_articles()
    examples = adjudicate(passages, annotations)
    fitted = fit(read_config(folder / "config.yaml"), BOOK, examples[:150], examples[150:], callback=NoCallback())
    fitted.tagger.save(folder / "model")
    return folder / "model"


@pytest.fixture
def town(store: Path, model: Path, workspace: Path) -> Path:
    """The workspace with an empty store and, in `copy`, a model of its own."""
    shutil.copytree(model, workspace / "copy")
    return workspace
