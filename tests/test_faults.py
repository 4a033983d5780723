"""Whatever is thrown at a command: one clear line (what, where, what to do), nothing lost, nothing half-written."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from tests.conftest import CONFIG, tiny_encoder, tiny_nli

TEXT = "The council praises the teapot, the kettle and the samovar."
TABLE = "id,text,topics,stance\n1,We like tea,tea,favor\n2,No more rain,rain,against\n"
SPLIT = '{"passage": "article-000#1", "group": "article-000", "split": "train"}\n'

Make = Callable[[Path], Any]


class Fault(NamedTuple):
    """`argv`: a command line in which MODEL stands for a model's folder. `says` must all be told."""

    argv: str
    says: tuple[str, ...]
    make: Make = lambda folder: None
    code: int = 2
    env: dict[str, str] = {}


def put(name: str, content: str | bytes) -> Make:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")

    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)

    return make


def both(*makes: Make) -> Make:
    return lambda folder: [make(folder) for make in makes]


def more(name: str, content: str) -> Make:
    return lambda folder: put(name, (folder / name).read_bytes() + content.encode("utf-8", "surrogatepass"))(folder)


# What a file may be, whatever is expected in it: how it comes about, and what is said beside its name.
ANY_FILE: dict[str, tuple[Make, str]] = {
    "missing": (lambda path: path.unlink(missing_ok=True), "no such"),
    "folder": (lambda path: (path.unlink(missing_ok=True), path.mkdir()), ""),
    "broken link": (lambda path: (path.unlink(missing_ok=True), path.symlink_to("nowhere")), "no such"),
    "link to itself": (lambda path: (path.unlink(missing_ok=True), path.symlink_to(path.name)), "no such"),
    "a Windows encoding": (lambda path: path.write_bytes(path.read_bytes() + b"caf\xe9\n"), "not UTF-8"),
    "UTF-16": (lambda path: path.write_bytes(path.read_bytes().decode().encode("utf-16")), "UTF-"),
    "a binary": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9), "not UTF-8"),
    "empty": (lambda path: path.write_bytes(b""), ""),
    "blank lines": (lambda path: path.write_bytes(b"\r\n \r\n"), ""),
    "zero bytes": (lambda path: path.write_bytes(bytes(500)), ""),
}
ANY_JSON = {
    "a number of 5,000 digits": ('{"id": ' + "9" * 5000 + "}", ""),
    "nested 100,000 deep": ('{"id": ' + "[" * 100_000 + "]" * 100_000 + "}", "JSON"),
    "half a surrogate": ('{"id": "\\ud800", "text": "\\ud800 x", "topics": "tea", "stance": "favor"}', ""),
    "not an object": ("[]", "object"),
    "NaN for an id": ('{"id": NaN, "passage": NaN, "text": 3}', ""),
    "cut off": ('{"id": "x", "te', "not JSON"),
}
CHECK = "labels check codebook.yaml passages.jsonl annotations.jsonl"
TAG = "tag {} --model MODEL --out out/tags.csv"
IMPORT = "labels import table {} --out out --id id --topics topics --stance stance"
# Every argument that names a file: the file as it should be (or None: it is there), and a command that reads it.
INPUTS: dict[str, tuple[str, str | None]] = {
    "labels check {codebook.yaml} passages.jsonl annotations.jsonl": ("yaml", None),
    "labels check codebook.yaml {passages.jsonl} annotations.jsonl": ("jsonl", None),
    "labels check codebook.yaml passages.jsonl {annotations.jsonl}": ("jsonl", None),
    f"{CHECK} --articles {{articles.jsonl}}": ("jsonl", None),
    "labels stats {codebook.yaml} passages.jsonl annotations.jsonl": ("yaml", None),
    "labels stats codebook.yaml {passages.jsonl} annotations.jsonl": ("jsonl", None),
    f"{CHECK} --split {{split.jsonl}}".replace("check", "stats"): ("jsonl", SPLIT),
    "labels agreement codebook.yaml {passages.jsonl} annotations.jsonl": ("jsonl", None),
    "labels adjudicate codebook.yaml passages.jsonl {annotations.jsonl} --out out/d.jsonl": ("jsonl", None),
    "labels export table {codebook.yaml} passages.jsonl annotations.jsonl --out out/t.csv": ("yaml", None),
    "labels passages {a.txt} --out out/p.jsonl": ("text", TEXT),
    "labels passages {a.jsonl} --out out/p.jsonl": ("rows", '{"text": ""}\n'),
    TAG.replace("{}", "{a.txt}"): ("text", TEXT),
    TAG.replace("{}", "{a.jsonl}"): ("rows", '{"text": ""}\n'),
    TAG.replace("{}", "{a.csv}"): ("table", "text\n"),
    IMPORT.replace("{}", "{t.csv}"): ("table", TABLE),
    IMPORT.replace("{}", "{t.jsonl}"): ("rows", '{"id": "1", "text": "Tea.", "topics": "tea", "stance": "favor"}\n'),
    f"{IMPORT} --codebook {{codebook.yaml}}".replace("{}", "t.csv"): ("yaml", None),
    "train {config.yaml} --check": ("yaml", None),
    "train config.yaml data.passages={passages.jsonl} --check": ("jsonl", None),
    "train config.yaml data.annotations=[{annotations.jsonl}] --check": ("jsonl", None),
    "train config.yaml split.from={split.jsonl} --check": ("jsonl", SPLIT),
    "evaluate MODEL {passages.jsonl} annotations.jsonl --out out/said.jsonl": ("jsonl", None),
    "evaluate MODEL passages.jsonl {annotations.jsonl} --out out/said.jsonl": ("jsonl", None),
    "evaluate MODEL passages.jsonl annotations.jsonl --codebook {codebook.yaml}": ("yaml", None),
}


def _inputs() -> Iterator[Any]:
    for template, (kind, content) in INPUTS.items():
        name = template[template.index("{") + 1 : template.index("}")]
        argv = template.replace("{", "").replace("}", "")

        def ready(folder: Path, name: str = name, content: str | None = content) -> Path:
            put("t.csv", TABLE)(folder)
            if content is not None:
                put(name, content)(folder)
            return folder / name

        for what, (harm, said) in ANY_FILE.items():
            make: Make = lambda folder, ready=ready, harm=harm: harm(ready(folder))  # noqa: E731
            yield pytest.param(Fault(argv, (name, said), make), id=f"{what}: {argv}")
        for what, (line, said) in ANY_JSON.items() if kind in ("jsonl", "rows") else ():
            make = lambda folder, ready=ready, line=line: _append(ready(folder), line)  # noqa: E731
            yield pytest.param(Fault(argv, (name, said), make), id=f"{what}: {argv}")


def _append(path: Path, line: str) -> None:
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")


def harmed_store(statement: str) -> Make:
    def make(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
            connection.execute(statement)
            connection.commit()

    return make


def parquet(**columns: Any) -> Make:
    def make(folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(columns), folder / "a.parquet")

    return make


def damaged_parquet(folder: Path) -> None:
    parquet(text=[TEXT] * 50)(folder)
    path = folder / "a.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def not_utf_8_in_parquet(folder: Path) -> None:
    import pyarrow as pa

    raw = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    parquet(text=raw)(folder)


def model_with(name: str, content: bytes, *, sealed: bool = False) -> Make:
    """A copy of the model with one part written anew."""

    def make(folder: Path) -> None:
        from models import saved

        put(f"copy/{name}", content)(folder)
        if sealed:
            saved.seal(folder / "copy")

    return make


def search(space: str, *, metric: str = "stance/macro_f1") -> Make:
    return more("config.yaml", f"search: {{metric: {metric}, space: {{{space}}}}}\n")


def locked(name: str) -> Make:
    """A database that another program is writing to for as long as the tests run."""

    def make(folder: Path) -> None:
        holder = sqlite3.connect(folder / name)
        holder.execute("BEGIN EXCLUSIVE")
        HOLDERS.append(holder)

    return make


HOLDERS: list[sqlite3.Connection] = []


def zero_shot_config(folder: Path) -> None:
    put("config.yaml", CONFIG.replace("kind: linear, ngrams: {chars: null}", "kind: zero_shot, encoder: judge"))(folder)


BOMB = "".join(
    f"{one}: &{one} [{', '.join([other] * 9)}]\n"
    for one, other in zip("bcdefghij", ["x", *(f"*{c}" for c in "bcdefghi")], strict=True)
)
EVALUATE = "evaluate MODEL passages.jsonl annotations.jsonl"
NEW = "train config.yaml"
SWEEP = "sweep config.yaml --trials 1"

FAULTS: dict[str, Fault] = {
    # YAML
    "a key twice in a codebook": Fault(CHECK, ("codebook.yaml:16: 'topics' stands already in line 3",), more("codebook.yaml", "topics: []\n")),
    "a key twice in a config": Fault(NEW, ("config.yaml:7: 'name' stands already in line 1",), more("config.yaml", "name: again\n")),
    "aliases that explode in a codebook": Fault(CHECK, ("codebook.yaml", "aliases"), more("codebook.yaml", BOMB)),
    "aliases that explode in a config": Fault(NEW, ("config.yaml", "aliases"), more("config.yaml", BOMB)),
    "a value within itself": Fault(NEW, ("config.yaml:7", "within itself"), more("config.yaml", "x: &a [*a]\n")),
    "a config nested deep": Fault(NEW, ("config.yaml", "nested more than 50 deep"), more("config.yaml", "x: " + "[" * 5000 + "]" * 5000)),
    "a number of 5,000 digits in a config": Fault(NEW, ("config.yaml", "too many digits"), more("config.yaml", "x: " + "9" * 5000)),
    "a number of 5,000 digits in a codebook": Fault(CHECK, ("codebook.yaml", "too many digits"), more("codebook.yaml", "x: " + "9" * 5000)),
    "a tab in a config": Fault(NEW, ("config.yaml:7: not YAML", "\\t"), more("config.yaml", "\tx: 1\n")),
    "a zero byte in a codebook": Fault(CHECK, ("codebook.yaml: not YAML", "#x0000"), more("codebook.yaml", "x: \0\n")),
    "code in a codebook": Fault(CHECK, ("codebook.yaml:16: not YAML", "python/object"), more("codebook.yaml", "x: !!python/object/apply:os.system [ls]\n")),
    "a codebook of 50 MB": Fault(CHECK, ("codebook.yaml: larger than",), lambda folder: more("codebook.yaml", "# " + "x" * 50_000_000)(folder)),
    # Targets held out
    "a target that nothing is labelled with": Fault(NEW + " topics=null split.strategy=leave_target_out split.target=teas", ("split.target: nothing is labelled with 'teas'; did you mean 'tea'?",)),
    "a topic held out of topics that must be learnt": Fault(NEW + " split.strategy=leave_target_out split.target=tea", ("split.target: linear topics cannot find 'tea' without having learnt it", "topics=null")),
    "no target to hold out": Fault(NEW + " split.strategy=leave_target_out", ("config.yaml: split.target: missing",)),
    # Sweeps and learning curves
    "a sweep of a config that has nothing to try": Fault(SWEEP, ("config.yaml: search: missing", "topics.c")),
    "a figure that dev does not have": Fault(SWEEP, ("config.yaml: search.metric: no dev figure 'stance/macrof1'; did you mean 'stance/macro_f1'?",), search("topics.c: {low: 1, high: 9}", metric="stance/macrof1")),
    "a figure of a task that is not trained": Fault(SWEEP + " stance=null", ("search.metric: no dev figure 'stance/macro_f1'",), search("topics.c: {low: 1, high: 9}")),
    "an unknown key to try": Fault(SWEEP, ("config.yaml: search.space.topics.d: 1 is not taken (topics.d: unknown key",), search("topics.d: {low: 1, high: 9}")),
    "a key to try within a value": Fault(SWEEP, ("config.yaml: search.space.input.0.x: 1 is not taken",), search("input.0.x: {low: 1, high: 9}")),
    "a value that the config does not take": Fault(SWEEP, ("config.yaml: search.space.topics.c: 0 is not taken (topics.c: ",), search("topics.c: {low: 0, high: 9}")),
    "an encoder to try that is not there": Fault(SWEEP + " topics=null", ("config.yaml: search.space.stance.encoder: \"nowhere\" is not taken (", "nowhere"), both(lambda folder: put("config.yaml", (folder / "config.yaml").read_text().replace("stance: {kind: linear, ngrams: {chars: null}}", "stance: {kind: encoder, encoder: x}"))(folder), search("stance.encoder: {choices: [nowhere, elsewhere]}"))),
    "values that change what is judged": Fault(SWEEP, ("config.yaml: search.space.split.seed: must be the same for all trials",), search("split.seed: {low: 1, high: 9}")),
    "a low above high": Fault(SWEEP, ("config.yaml: search.space.topics.c: low 9 must be below high 1",), search("topics.c: {low: 9, high: 1}")),
    "a logarithm of nothing": Fault(SWEEP, ("config.yaml: search.space.topics.c: log needs low above 0",), search("topics.c: {low: 0, high: 1, log: true}")),
    "a step beyond the range": Fault(SWEEP, ("config.yaml: search.space.topics.c: step 9 is larger than the range",), search("topics.c: {low: 1, high: 2, step: 9}")),
    "a dimension without values": Fault(SWEEP, ("config.yaml: search.space.topics.c: nothing to try; give low and high, or choices",), search("topics.c: {low: 1}")),
    "a range and choices": Fault(SWEEP, ("config.yaml: search.space.topics.c: choices stand alone",), search("topics.c: {low: 1, high: 2, choices: [1, 2]}")),
    "one choice alone": Fault(SWEEP, ("config.yaml: search.space.topics.c.choices: ",), search("topics.c: {choices: [1]}")),
    "a search with nothing in it": Fault(SWEEP, ("config.yaml: search.space: ",), search("")),
    "a sweep without a dev side": Fault(SWEEP + " split.dev=0", ("the dev side is empty", "raise split.dev"), search("topics.c: {low: 1, high: 9}")),
    "no trials": Fault("sweep config.yaml --trials 0", ("--trials",)),
    "a study that is no database": Fault(SWEEP + " --study studies", ("--study studies: not a database",), search("topics.c: {low: 1, high: 9}")),
    "a study without a file": Fault(SWEEP + " --study sqlite://", ("--study sqlite://: names no file",), search("topics.c: {low: 1, high: 9}")),
    "a study in a folder that is not there": Fault(SWEEP + " --study sqlite:///nowhere/s.db", ("nowhere/s.db: the folder of the study's database does not exist",), search("topics.c: {low: 1, high: 9}")),
    "a study in the tracking store": Fault(SWEEP + " --study sqlite:///mlflow.db", ("mlflow.db: a database of another program; give the study's database a file of its own",), search("topics.c: {low: 1, high: 9}")),
    "a study that is locked": Fault(SWEEP + " --study sqlite:///locked.db", ("locked.db: the study's database cannot be used (database is locked); another program holds it",), both(search("topics.c: {low: 1, high: 9}"), locked("locked.db"))),
    "a study on a server that does not answer": Fault(SWEEP + " --study postgresql://a:secret@127.0.0.1:1/b", ("postgresql://a:***@127.0.0.1:1/b",), search("topics.c: {low: 1, high: 9}")),
    "a study whose driver is not installed": Fault(SWEEP + " --study oracle://a/b", ("--study oracle://a/b: its driver is not installed",), search("topics.c: {low: 1, high: 9}")),
    "a study for which there is no driver": Fault(SWEEP + " --study nosql://a/b", ("--study nosql://a/b: not a database",), search("topics.c: {low: 1, high: 9}")),
    "a learning curve of one point": Fault(NEW + " --learning-curve 1", ("--learning-curve",)),
    "a learning curve of too many points": Fault(NEW + " --learning-curve 50", ("share 1/50 of train is too small to learn from", "take fewer shares")),
    # Tables
    "a lone quote": Fault(IMPORT.format("t.csv"), ("t.csv:2", "a quote in a quoted cell is doubled"), put("t.csv", TABLE.replace("We", '"We'))),
    "a cell too few": Fault(IMPORT.format("t.csv"), ("t.csv:4: 2 cells where the header has 4",), put("t.csv", TABLE + "3,x\n")),
    "packed, but not by its name": Fault(IMPORT.format("t.jsonl"), ("t.jsonl: packed with gzip", ".gz"), put("t.jsonl", gzip.compress(TABLE.encode()))),
    "packed, and cut off": Fault(IMPORT.format("t.csv.gz"), ("t.csv.gz: cannot be read",), put("t.csv.gz", gzip.compress(TABLE.encode())[:-20])),
    "a packed text": Fault(TAG.format("a.txt.gz"), ("packed .txt is not read",), put("a.txt.gz", gzip.compress(TEXT.encode()))),
    "Parquet cut off": Fault(TAG.format("a.parquet"), ("a.parquet: not a Parquet file",), damaged_parquet),
    "Parquet with texts in another encoding": Fault(TAG.format("a.parquet"), ("a.parquet", "utf-8"), not_utf_8_in_parquet),
    "signs of no width alone": Fault(TAG.format("a.txt"), ("a.txt: empty",), put("a.txt", "\u200b\u200d \ufeff\n")),
    "half a surrogate for a target": Fault(TAG.format("a.jsonl") + " --target about", ("a.jsonl:1: not JSON: half a surrogate pair",), put("a.jsonl", '{"about": "\\ud800", "text": "A text."}\n')),
    # The same id
    "an id twice in passages": Fault(CHECK, ("passages.jsonl:181", "rename one"), lambda folder: _append(folder / "passages.jsonl", (folder / "passages.jsonl").read_text().splitlines()[0])),
    # What a message quotes may be a whole book
    "an id of 50 MB": Fault(CHECK, ("annotations.jsonl:181: passage 'xxx", "is not in passages.jsonl"), lambda folder: _append(folder / "annotations.jsonl", '{"passage": "' + "x" * 50_000_000 + '", "annotator": "one", "codebook": "tiny@1.0.0", "labels": []}')),
    "a stance of 50 MB": Fault(CHECK, ("annotations.jsonl:181: labels.0.stance: 'xxx", "is not allowed"), lambda folder: _append(folder / "annotations.jsonl", '{"passage": "x", "annotator": "one", "codebook": "tiny@1.0.0", "labels": [{"topic": "tea", "stance": "' + "x" * 50_000_000 + '"}]}')),
    "a passage of 50 MB": Fault(CHECK, ("passages.jsonl:181: text: 50,000,000 characters; cut",), lambda folder: _append(folder / "passages.jsonl", '{"id": "x", "article": "x", "start": 0, "end": 50000000, "text": "' + "x" * 50_000_000 + '"}')),
    "control characters in an id": Fault(CHECK, ("annotations.jsonl:181: passage '\\x1b[2J\\n'",), lambda folder: _append(folder / "annotations.jsonl", '{"passage": "\\u001b[2J\\n", "annotator": "one", "codebook": "tiny@1.0.0", "labels": []}')),
    # Encoders
    "an encoder without entailment labels": Fault(NEW, ("encoder judge: does not tell what a text entails (its labels: con, pro)", "trained on natural-language inference"), both(zero_shot_config, lambda folder: shutil.copytree(tiny_nli(labels=("con", "pro")), folder / "judge"))),
    "an encoder without any labels": Fault(NEW, ("encoder judge: does not tell what a text entails (its labels: none)",), both(zero_shot_config, lambda folder: shutil.copytree(tiny_encoder(), folder / "judge"))),
    # Too little
    "annotations for three passages": Fault(NEW + " --check", ("3 labelled passages", "label more"), lambda folder: put("annotations.jsonl", b"".join((folder / "annotations.jsonl").read_bytes().splitlines(True)[:3]))(folder)),
    # Outputs
    "an output that is an input: judge": Fault(EVALUATE + " --out passages.jsonl", ("passages.jsonl: is an input",)),
    "an output that is an input: import": Fault("labels import table passages.jsonl --out . --split id --stance id", ("passages.jsonl: is an input",)),
    "an output that is an input: passages": Fault("labels passages articles.jsonl --out articles.jsonl", ("articles.jsonl: is an input",)),
    "an output that is an input: adjudicate": Fault("labels adjudicate codebook.yaml passages.jsonl annotations.jsonl --out annotations.jsonl", ("annotations.jsonl: is an input",)),
    "an output that is an input: export": Fault("labels export table codebook.yaml passages.jsonl annotations.jsonl --out table/../passages.jsonl", ("passages.jsonl: is an input",), lambda folder: (folder / "table").mkdir()),
    "an output below a file: adjudicate": Fault("labels adjudicate codebook.yaml passages.jsonl annotations.jsonl --out config.yaml/x", ("config.yaml/x: cannot be written",)),
    "an output below a file: export": Fault("labels export table codebook.yaml passages.jsonl annotations.jsonl --out config.yaml/t.csv", ("config.yaml/t.csv: cannot be written",)),
    "a form of table that is none": Fault("labels export table codebook.yaml passages.jsonl annotations.jsonl --out t.xlsx", ("t.xlsx: a table goes to a file ending in .csv",)),
    "one reader alone": Fault("labels agreement codebook.yaml passages.jsonl annotations.jsonl", ("no passage was read by two annotators", "read again")),
    "two outputs in one file": Fault("labels passages articles.jsonl --out p.jsonl --articles-out p.jsonl", ("p.jsonl",)),
    "an output in the model": Fault("tag articles.jsonl --model copy --out copy/tags.csv", ("copy/tags.csv: is in the model's folder",)),
    "an output on a pipe: judge": Fault(EVALUATE + " --out pipe", ("pipe: cannot be written: is a device or a pipe",), lambda folder: os.mkfifo(folder / "pipe")),
    "an output on a pipe: tag": Fault("tag articles.jsonl --model MODEL --out pipe.csv", ("pipe.csv: cannot be written: is a device or a pipe",), lambda folder: os.mkfifo(folder / "pipe.csv")),
    "an output on a pipe: schema": Fault("labels schema --out out", ("article.schema.json: cannot be written: is a device",), lambda folder: ((folder / "out").mkdir(), os.mkfifo(folder / "out" / "article.schema.json"))),
    "an output on a folder": Fault(EVALUATE + " --out out", ("out: cannot be written: is a folder",), lambda folder: (folder / "out").mkdir()),
    "an output below a file: judge": Fault(EVALUATE + " --out config.yaml/x", ("config.yaml/x: cannot be written",)),
    "an output below a file: import": Fault(IMPORT.format("t.csv").replace("--out out", "--out config.yaml/x"), ("config.yaml/x/passages.jsonl: cannot be written",), put("t.csv", TABLE)),
    "an output below a file: schema": Fault("labels schema --out config.yaml/x", ("config.yaml/x/article.schema.json: cannot be written",)),
    "an output where nothing can be written": Fault("labels passages articles.jsonl --out /proc/1/x.jsonl", ("/proc/1/x.jsonl: cannot be written",)),
    "an output with too long a name": Fault(EVALUATE + " --out " + "x" * 300, ("cannot be written: File name too long",)),
    "an input with too long a name": Fault(CHECK + "x" * 300, ("cannot be read: File name too long",)),
    "a codebook that was filled in": Fault(IMPORT.format("t.csv"), ("out/codebook.yaml: was filled in", "--codebook"), both(put("t.csv", TABLE), put("out/codebook.yaml", 'id: t\nversion: "1.0.0"\ntopics:\n- {id: tea, target: more tea}\n'))),
    "no article among those to annotate": Fault("labels passages a.txt --out p.jsonl", ("a.txt: empty", "nothing is written"), both(put("a.txt", ""), put("p.jsonl", "older"))),
    # Models
    "a model of pickles": Fault("tag articles.jsonl --model foreign --out t.csv", ("foreign: not a Demarche model", "manifest.json"), put("foreign/model.pkl", b"\x80\x04K\x01.")),
    "a model of another make": Fault("evaluate foreign passages.jsonl annotations.jsonl", ("foreign: not a Demarche model",), both(put("foreign/config.json", '{"model_type": "bert"}'), put("foreign/model.safetensors", b"\x08\0\0\0\0\0\0\0{}      "))),
    "a manifest of something else": Fault("evaluate foreign passages.jsonl annotations.jsonl", ("foreign/manifest.json: not a Demarche manifest",), put("foreign/manifest.json", '{"name": "web app"}')),
    "a manifest nested deep": Fault("evaluate foreign passages.jsonl annotations.jsonl", ("foreign/manifest.json: not a Demarche manifest",), put("foreign/manifest.json", "[" * 100_000)),
    "a manifest of nothing": Fault("evaluate foreign passages.jsonl annotations.jsonl", ("foreign: not a model that this version can read",), put("foreign/manifest.json", '{"demarche_model": 1, "files": {}}')),
    "a byte changed: evaluate": Fault("evaluate copy passages.jsonl annotations.jsonl", ("copy/tagger.json: changed since",), model_with("tagger.json", b"{}")),
    "sealed by something else: settings": Fault("evaluate copy passages.jsonl annotations.jsonl", ("copy: not a model that this version can read",), model_with("tagger.json", b'{"colour": 1}', sealed=True)),
    "sealed by something else: weights": Fault("tag articles.jsonl --model copy --out t.csv", ("copy: not a model that this version can read",), model_with("topics/weights.safetensors", b"12345678", sealed=True)),
    "a model that is a file": Fault("evaluate config.yaml passages.jsonl annotations.jsonl", ("config.yaml: no such model folder",)),
    "a model nobody registered": Fault("tag articles.jsonl --model models:/nobody@champion --out t.csv", ("models:/nobody@champion: no such model in sqlite:", "registered there: none")),
    "a version beyond all numbers": Fault("evaluate models:/x/99999999999999999999 passages.jsonl annotations.jsonl", ("no such model",)),
    "an address that is none": Fault("tag articles.jsonl --model models:/ --out t.csv", ("expected models:/NAME@ALIAS",)),
    "a model nobody can promote": Fault("runs promote nobody 1", ("nobody/1", "runs list")),
    "runs nobody made": Fault("runs compare one other", ("one: no such run", "runs list")),
    "an experiment nobody made": Fault("runs list --experiment none", ("no experiment 'none'", "there are: Default")),
    # Stores
    **{
        f"{what}: {command.split()[0]} {command.split()[1]}": Fault(command, said, make, env=env)
        for command in (NEW, "runs list", "runs compare a b", "runs promote a 1", "evaluate models:/a@b passages.jsonl annotations.jsonl", "tag articles.jsonl --model models:/a@b --out t.csv")
        for what, said, make, env in (
            ("a dead store", ("http://127.0.0.1:1: the tracking server does not answer",), lambda folder: None, {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}),
            ("a store of an older version", ("mlflow.db", "mlflow db upgrade"), harmed_store("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'"), {}),
        )
    },
    "an address with a blank": Fault("runs list", ("http://a b/: the tracking server does not answer",), env={"MLFLOW_TRACKING_URI": "http://a b/"}),
    "an address with half a bracket": Fault("runs list", ("http://[a: not an address",), env={"MLFLOW_TRACKING_URI": "http://[a"}),
    "a port beyond all ports": Fault(NEW, ("not an address",), env={"MLFLOW_TRACKING_URI": "postgresql://a:99999/b"}),
    "a store without a file": Fault(NEW, ("sqlite://: names no file",), env={"MLFLOW_TRACKING_URI": "sqlite://"}),
    "a database of another program": Fault(NEW, ("other.db: a database of another program",), lambda folder: sqlite3.connect(folder / "other.db").execute("CREATE TABLE metrics (a)"), env={"MLFLOW_TRACKING_URI": "sqlite:///other.db"}),
    # Options
    "a seed below zero: judge": Fault(EVALUATE + " --seed -1", ("--seed",)),
    "a seed below zero: compare": Fault("runs compare a b --seed -1", ("--seed",)),
    "more runs than MLflow gives": Fault("runs list --most 99999999", ("--most",)),
    "a port that is none": Fault("ui --port 99999", ("--port",)),
}  # fmt: skip


def files(folder: Path) -> dict[str, bytes | str]:
    """All that stands in a folder, but for what MLflow keeps."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: path.read_bytes() if path.is_file() else "link" if path.is_symlink() else "folder or pipe"
        for name, path in found.items()
        if not name.startswith(("mlruns", "mlflow.db"))
    }


@pytest.mark.parametrize("fault", [*_inputs(), *(pytest.param(fault, id=name) for name, fault in FAULTS.items())])
def test_a_fault_is_told_in_a_line_and_nothing_is_lost(
    fault: Fault, town: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault.make(town)
    for name, value in fault.env.items():
        monkeypatch.setenv(name, value)
    before = files(town)
    result = CliRunner().invoke(app, [part.replace("MODEL", str(model)) for part in fault.argv.split()])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == fault.code, result.output
    for said in fault.says:
        assert said in result.output
    assert len(result.output.splitlines()) < 12
    assert all(len(line) < 800 for line in result.output.splitlines())
    assert files(town) == before


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = CliRunner().invoke(app, ["ui", "--port", str(other.getsockname()[1])])
    assert result.exit_code == 2
    assert "the UI cannot listen there" in result.output
