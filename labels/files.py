"""Read text and JSON lines, and write files atomically."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, AnyStr, TextIO, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from labels.compression import DAMAGED, LARGEST, ByteStream, explain_damage, open_bytes
from labels.encodings import (
    choose_encoding,
    decode,
    extends_ascii,
    guess,
    guess_wide,
    is_utf8,
    marked_encoding,
    not_in,
)
from labels.errors import DemarcheError, Problems, explain
from labels.signatures import HEAD, HTML, describe, recognise


class Frozen(BaseModel):
    """Base of the data models: immutable, without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


Model = TypeVar("Model", bound=BaseModel)
_CHUNK = 1 << 20
"""Number of bytes read at once."""


def require_file(path: Path | str, *, what: str = "file") -> Path:
    """Return the path if it is a readable file; raise DemarcheError otherwise."""
    path = Path(path)
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:  # a name that is too long, for one
        raise DemarcheError(f"{path}: cannot be read: {error.strerror or error}; check the path") from None
    if is_folder:
        raise DemarcheError(f"{path}: is a folder; a {what} is expected")
    if not is_there:
        raise DemarcheError(f"{path}: no such {what}; check the path (relative to {Path.cwd()})")
    if not os.access(path, os.R_OK):
        raise DemarcheError(f"{path}: cannot be read; check its permissions")
    return path


def load_json(text: str) -> Any:
    """Parse JSON. Raises DemarcheError if it is invalid, repeats a key, or could not be written again."""
    try:
        value = json.loads(text, object_pairs_hook=unique_keys)
        check_characters(value, text)
        return value
    except json.JSONDecodeError as error:
        raise DemarcheError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise DemarcheError("not JSON: nested too deeply") from None
    except ValueError:  # Python's limit on the digits of a number
        raise DemarcheError("not JSON: a number with too many digits") from None


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object with these pairs of key and value. Raises DemarcheError for a key that occurs twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise DemarcheError(f"the key {repeated!r} occurs twice in one object; rename or remove one")
    return value


def check_characters(value: Any, text: str) -> None:
    """Raise DemarcheError if the value of this JSON text has half a surrogate pair, which could not be written again."""
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise DemarcheError(
                "not JSON: half a surrogate pair (\\ud800 to \\udfff); write the whole character"
            ) from None


def read_text(path: Path, encoding: str | None = None) -> str:
    """Read the file's text unchanged, line ends included; `encoding` is that of files that are not UTF-8."""
    try:
        with open_bytes(require_file(path)) as stream:
            raw = stream.read()
    except DAMAGED as error:
        raise DemarcheError(f"{path}: cannot be read: {error}") from None
    if what := reason_not_text(path, raw[:HEAD], encoding):
        raise DemarcheError(f"{path}: {what}")
    try:
        return decode(raw, encoding)
    except DemarcheError as error:
        raise DemarcheError(f"{path}: {error}") from None


def read_lines(path: Path, problems: Problems, encoding: str | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line) for each line that is not blank, in UTF-8 without a byte-order mark.

    A line that is not UTF-8, or too long to be kept in memory, becomes a problem, and so does the place from which a
    file is damaged. `encoding` is that of files that are not UTF-8.
    """
    number = 0
    try:
        with open_bytes(require_file(path)) as stream:
            start = stream.peek(HEAD)[:HEAD]
            if what := reason_not_text(path, start, encoding):
                problems.add(path, None, what)
                return
            chosen = encoding_of(path, encoding)
            lines = _bounded(stream.readline) if chosen == "utf-8" else _recode(stream, chosen)
            is_explained = False
            for number, raw in enumerate(lines, start=1):
                if raw is None:
                    problems.add(path, number, f"longer than {LARGEST / 1e6:,.0f} MB; split it")
                    continue
                raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
                if not is_utf8(raw):
                    problems.add(
                        path, number, "not UTF-8, like an earlier line" if is_explained else explain_file(path)
                    )
                    is_explained = True
                elif raw.strip():
                    yield number, raw
    except UnicodeError:
        problems.add(path, None, not_in(chosen))
    except DAMAGED as error:
        problems.add(path, number + 1 if number else None, explain_damage(error, is_begun=number > 0))


def _recode(stream: ByteStream, encoding: str) -> Iterator[bytes | None]:
    """Yield the lines of a text in another encoding, in UTF-8."""
    # Only these line ends: a line separator within a string ends no line.
    with io.TextIOWrapper(stream, encoding=encoding, newline="\n") as text:
        for line in _bounded(text.readline):
            yield None if line is None else line.encode()


def _bounded(readline: Callable[[int], AnyStr]) -> Iterator[AnyStr | None]:
    """Yield each line, or None for one that is too long to be kept in memory."""
    while line := readline(LARGEST + 1):
        is_long = len(line) > LARGEST
        yield None if is_long else line
        while is_long and line and line[-1:] not in ("\n", b"\n"):
            line = readline(LARGEST)


def open_text(path: Path, encoding: str | None = None) -> TextIO:
    """Open the file as text, without a byte-order mark and with its line ends unchanged, decompressing it if needed."""
    chosen = encoding_of(path, encoding)
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig" if chosen == "utf-8" else chosen, newline="")


def encoding_of(path: Path, encoding: str | None = None) -> str:
    """Return the encoding to decode the file with; `encoding` is that of files that are not UTF-8."""
    with open_bytes(path) as stream:
        return choose_encoding(_sound_chunks(stream), encoding)


def _sound_chunks(stream: ByteStream) -> Iterator[bytes]:
    """Yield the start of a file and then the rest of it, up to a place where it is damaged."""
    with contextlib.suppress(*DAMAGED):
        yield stream.read(HEAD)
        while chunk := stream.read(_CHUNK):
            yield chunk


def explain_file(path: Path) -> str:
    """Return why the file is not UTF-8, with a guess at its encoding from some of its lines."""
    before = after = b""
    message = "not UTF-8"
    with open_bytes(path) as stream:
        for number, raw in enumerate(stream, start=1):
            if raw.isascii():
                continue
            if not after and is_utf8(raw):
                before += raw if len(before) < _CHUNK else b""
                continue
            message = message if after else f"not UTF-8 (line {number})"
            after += raw
            if len(after) > _CHUNK:
                break
    return message + guess(before + after)


def reason_not_text(path: Path, start: bytes, encoding: str | None = None) -> str | None:
    """Return why a file that starts with these bytes is not text, or None; reported once rather than for each line."""
    kind = recognise(start)
    if kind is not None and kind != HTML:
        return describe(kind, path)
    if b"\0" not in start or marked_encoding(start) or (encoding and not extends_ascii(encoding)):
        return None
    if what := guess_wide(start):
        return what
    line = start.count(b"\n", 0, start.index(b"\0")) + 1
    return f"binary, or damaged: it contains a zero byte in line {line}; remove it, or save the file as UTF-8 text"


def read_jsonl(path: Path, model: type[Model], problems: Problems) -> Iterator[tuple[int, Model]]:
    """Yield (line number, model) for each valid line, and add a problem for each invalid line."""
    for number, raw in read_lines(path, problems):
        try:
            yield number, model.model_validate_json(raw)
        except ValidationError as error:
            for what in _explain_line(raw, error):
                problems.add(path, number, what)


def _explain_line(raw: bytes, error: ValidationError) -> list[str]:
    if error.errors()[0]["type"] != "json_invalid":
        return explain(error)
    try:
        load_json(raw.decode())
    except DemarcheError as broken:
        return [explain_json_line(broken)]
    return explain(error)


def explain_json_line(error: DemarcheError) -> str:
    """Return the message of `load_json` for a line of a JSON-lines file."""
    return f"{error}; one JSON object per line is expected" if str(error).startswith("not JSON") else str(error)


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, and rename it to `path` if the block ends without an error.

    If the block raises, `path` is unchanged and nothing is left behind.
    """
    path = Path(path)
    _check_place(path)
    # Keep a symbolic link, and write the file that it points to.
    place = Path(os.path.realpath(path))
    made = [folder for folder in place.parents if not folder.exists()]
    # Choose the name before creating the file, so that an interrupt between the two leaves nothing behind.
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.touch(exist_ok=False)
        yield part
        part.replace(place)
        made = []
    except OSError as error:
        if error.filename is not None and Path(os.fsdecode(error.filename)) not in {part, place, *place.parents}:
            raise
        raise DemarcheError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def check_output(path: Path, *, inputs: Iterable[Path] = ()) -> None:
    """Raise DemarcheError, before any work is done, if `path` cannot be written or is one of the inputs."""
    _check_place(path)
    if any(os.path.realpath(path) == os.path.realpath(source) for source in inputs):
        raise DemarcheError(f"{path}: is an input and would be overwritten; choose another output file")
    try:
        tempfile.TemporaryFile(dir=next(folder for folder in path.absolute().parents if folder.exists())).close()
    except OSError as error:
        raise DemarcheError(f"{path}: cannot be written: {error.strerror or error}") from None


def check_jsonl_output(path: Path, *, inputs: Iterable[Path] = ()) -> None:
    """Raise DemarcheError, as `check_output` does, and if the name says that the file is something else."""
    check_output(path, inputs=inputs)
    if path.suffix.lower() not in (".jsonl", ".ndjson"):
        raise DemarcheError(f"{path}: JSON lines are written here; name a file that ends in .jsonl")


def _check_place(path: Path) -> None:
    """Raise DemarcheError if `path` is not a regular file: a device or pipe must never be replaced."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise DemarcheError(f"{path}: cannot be written: {error.strerror or error}") from None
    what = "a folder" if stat.S_ISDIR(mode) else None if stat.S_ISREG(mode) else "a device or a pipe"
    if what:
        raise DemarcheError(f"{path}: cannot be written: it is {what}; give the path of a file")


def write_jsonl(path: Path, rows: Iterable[BaseModel | dict[str, Any]]) -> int:
    """Write one JSON object per line atomically, without default values, and return the number of lines."""
    with jsonl_writer(path) as write:
        return write(rows)


@contextlib.contextmanager
def jsonl_writer(path: Path) -> Iterator[Callable[[Iterable[BaseModel | dict[str, Any]]], int]]:
    """Open a JSON-lines file and yield a function that writes batches of rows, in the format of `write_jsonl`."""
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="\n") as stream:

        def write(rows: Iterable[BaseModel | dict[str, Any]]) -> int:
            count = 0
            for row in rows:
                plain = row.model_dump(mode="json", exclude_defaults=True) if isinstance(row, BaseModel) else row
                stream.write(json.dumps(plain, ensure_ascii=False) + "\n")
                count += 1
            # Report a full disk now, before another file that is written along with this one is moved into place.
            stream.flush()
            return count

        yield write


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, atomically."""
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
