"""Every argument that names a file, with everything that a file may be instead of what is expected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labels.detached import detach
from tests.conftest import make_articles
from tests.faults import CHECK, IMPORT, TABLE, TAG, TEXT, Fault, Make, check_fault, put

SPLIT = '{"passage": "article-000#1", "group": "article-000", "split": "train"}\n'
DETACHED = "".join(detach(one).model_dump_json(exclude_defaults=True) + "\n" for one in make_articles(3)[1])
# What a file may be, whatever is expected in it: how to make it, and what the message says beside its name.
ANY_FILE: dict[str, tuple[Make, str]] = {
    "missing": (lambda path: path.unlink(missing_ok=True), "no such"),
    "folder": (lambda path: (path.unlink(missing_ok=True), path.mkdir()), ""),
    "broken link": (lambda path: (path.unlink(missing_ok=True), path.symlink_to("nowhere")), "no such"),
    "link to itself": (lambda path: (path.unlink(missing_ok=True), path.symlink_to(path.name)), "no such"),
    "a Windows encoding": (lambda path: path.write_bytes(path.read_bytes() + b"caf\xe9\n"), "not UTF-8"),
    "UTF-16 that is cut": (
        lambda path: path.write_bytes(path.read_bytes().decode().encode("utf-16")[:-1]),
        "not UTF-16",
    ),
    "UTF-16 without a mark": (lambda path: path.write_bytes(path.read_bytes().decode().encode("utf-16-le")), ""),
    "a binary": (lambda path: path.write_bytes(b"\x7f\x90\r\n\0" + bytes(range(256)) * 9), "zero byte"),
    "an image": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9), "a PNG image"),
    "empty": (lambda path: path.write_bytes(b""), ""),
    "blank lines": (lambda path: path.write_bytes(b"\r\n \r\n"), ""),
    "zero bytes": (lambda path: path.write_bytes(bytes(500)), ""),
}
# Faulty lines of JSON, and what the message says beside the name of the file.
ANY_JSON = {
    "a number of 5,000 digits": ('{"id": ' + "9" * 5000 + "}", ""),
    "nested 100,000 deep": ('{"id": ' + "[" * 100_000 + "]" * 100_000 + "}", "JSON"),
    "half a surrogate": ('{"id": "\\ud800", "text": "\\ud800 x", "topics": "tea", "stance": "favor"}', ""),
    "not an object": ("[]", "object"),
    "NaN for an id": ('{"id": NaN, "passage": NaN, "text": 3}', ""),
    "cut off": ('{"id": "x", "te', "not JSON"),
}
# A command for every argument that names a file: the kind of file, and its content (None: the workspace has it).
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
    "labels detach {passages.jsonl} --out out/d.jsonl": ("jsonl", None),
    "labels attach {detached.jsonl} --articles articles.jsonl --out out/p.jsonl": ("jsonl", DETACHED),
    "labels attach detached.jsonl --articles {articles.jsonl} --out out/p.jsonl": ("rows", None),
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
    "evaluate MODEL {passages.jsonl} annotations.jsonl --out out/predictions.jsonl": ("jsonl", None),
    "evaluate MODEL passages.jsonl {annotations.jsonl} --out out/predictions.jsonl": ("jsonl", None),
    "evaluate MODEL passages.jsonl annotations.jsonl --codebook {codebook.yaml}": ("yaml", None),
}


def _inputs() -> Iterator[Any]:
    for template, (kind, content) in INPUTS.items():
        name = template[template.index("{") + 1 : template.index("}")]
        argv = template.replace("{", "").replace("}", "")

        def intact(folder: Path, name: str = name, content: str | None = content) -> Path:
            put("t.csv", TABLE)(folder)
            put("detached.jsonl", DETACHED)(folder)
            if content is not None:
                put(name, content)(folder)
            return folder / name

        for what, (damage, message) in ANY_FILE.items():
            make: Make = lambda folder, intact=intact, damage=damage: damage(intact(folder))  # noqa: E731
            yield pytest.param(Fault(argv, (name, message), make), id=f"{what}: {argv}")
        for what, (line, message) in ANY_JSON.items() if kind in ("jsonl", "rows") else ():
            make = lambda folder, intact=intact, line=line: append_line(intact(folder), line)  # noqa: E731
            yield pytest.param(Fault(argv, (name, message), make), id=f"{what}: {argv}")


def append_line(path: Path, line: str) -> None:
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")


@pytest.mark.parametrize("fault", _inputs())
def test_a_faulty_file_is_reported_in_a_line_and_nothing_is_lost(
    fault: Fault, town: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_fault(fault, town, model, monkeypatch)
