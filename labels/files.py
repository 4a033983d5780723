"""Read text and JSON lines, and write files atomically."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import secrets
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from labels.errors import DemarcheError, Problems, explain


class Frozen(BaseModel):
    """Base of the data models: immutable, without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


Model = TypeVar("Model", bound=BaseModel)
HEAD = 1000
"""Number of bytes read to recognise a file that is not text."""


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


def open_bytes(path: Path) -> io.BufferedReader | gzip.GzipFile:
    """Open the file in binary mode, decompressing it if its name ends in .gz."""
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def suffix(path: Path) -> str:
    """Return the lower-case suffix of the file's name, without a trailing `.gz`."""
    return Path(path.stem).suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def decode(raw: bytes) -> str:
    """Decode UTF-8, keeping any byte-order mark. Raises a DemarcheError that names the first invalid byte."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DemarcheError(
            f"not UTF-8 (byte 0x{raw[error.start]:02x} at {error.start}); "
            "save it as UTF-8, e.g. `iconv -f WINDOWS-1252 -t UTF-8`"
        ) from None


def load_json(text: str) -> Any:
    """Parse JSON. Raises DemarcheError if it is invalid or could not be written again."""
    try:
        value = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            # Half a surrogate pair is not a character and could not be written again.
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError:
        raise DemarcheError("not JSON: half a surrogate pair (\\ud800 to \\udfff); write the whole character") from None
    except json.JSONDecodeError as error:
        raise DemarcheError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise DemarcheError("not JSON: nested too deeply") from None
    except ValueError:  # Python's limit on the digits of a number
        raise DemarcheError("not JSON: a number with too many digits") from None


def read_text(path: Path) -> str:
    """Read the file's text unchanged, line ends included."""
    try:
        return decode(require_file(path).read_bytes())
    except DemarcheError as error:
        message = str(error)
        raise DemarcheError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def read_lines(path: Path, problems: Problems) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line) for each line that is not blank, without a byte-order mark."""
    try:
        with open_bytes(require_file(path)) as stream:
            if what := binary_reason(stream.peek(HEAD)[:HEAD]):
                problems.add(path, None, what)
                return
            for number, raw in enumerate(stream, start=1):
                raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
                if raw.strip():
                    yield number, raw
    except (zlib.error, EOFError, OSError) as error:
        problems.add(path, None, f"cannot be read: {error}")


def binary_reason(start: bytes) -> str | None:
    """Return why a file that starts with these bytes is not text, or None; reported once rather than for each line."""
    if start.startswith(b"\x1f\x8b"):
        return "compressed with gzip; give it a name that ends in .gz"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
        return "not UTF-8 but UTF-16 or binary; save it as text in UTF-8"
    return None


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
        load_json(decode(raw))
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
    if path.suffix.lower() not in (".jsonl", ".ndjson"):
        raise DemarcheError(f"{path}: JSON lines are written here; name a file that ends in .jsonl")
    check_output(path, inputs=inputs)


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
