"""Reading and writing the project's files: JSON lines, tables, and whole-or-absent writes."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import re
import secrets
import stat
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from labels.errors import DemarcheError, Problems, explain


class Frozen(BaseModel):
    """A noun of the project: never changed after it is made, no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


Model = TypeVar("Model", bound=BaseModel)
_HEAD = 1000
"""Bytes by which a file is known for none of text."""
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
DELIMITERS = ",;\t|"


def require_file(path: Path | str, *, what: str = "file") -> Path:
    """The path, if a readable file stands there; a DemarcheError that says what to do otherwise."""
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
    """The file's bytes, unpacked if it ends in .gz."""
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def suffix(path: Path) -> str:
    """What kind of file it is by its name, `.gz` looked through."""
    return Path(path.stem).suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def decode(raw: bytes) -> str:
    """Raises DemarcheError that names the first byte that is not UTF-8. A byte-order mark is kept."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DemarcheError(
            f"not UTF-8 (byte 0x{raw[error.start]:02x} at {error.start}); "
            "save it as UTF-8, e.g. `iconv -f WINDOWS-1252 -t UTF-8`"
        ) from None


def load_json(text: str) -> Any:
    """Raises DemarcheError in words for the user."""
    try:
        found = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            # Half a surrogate pair is no character, and could not be written again.
            json.dumps(found, ensure_ascii=False).encode()
        return found
    except UnicodeEncodeError:
        raise DemarcheError("not JSON: half a surrogate pair (\\ud800 to \\udfff); write the whole character") from None
    except json.JSONDecodeError as error:
        raise DemarcheError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise DemarcheError("not JSON: nested too deep") from None
    except ValueError:  # Python's limit on the digits of a number
        raise DemarcheError("not JSON: a number of too many digits") from None


def read_text(path: Path) -> str:
    """The file's text as it stands, line ends included."""
    try:
        return decode(require_file(path).read_bytes())
    except DemarcheError as error:
        message = str(error)
        raise DemarcheError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def read_lines(path: Path, problems: Problems) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line) of each line that is not blank, without a byte-order mark."""
    try:
        with open_bytes(require_file(path)) as stream:
            if what := _no_text(stream.peek(_HEAD)[:_HEAD]):
                problems.add(path, None, what)
                return
            for number, raw in enumerate(stream, start=1):
                raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
                if raw.strip():
                    yield number, raw
    except (zlib.error, EOFError, OSError) as error:
        problems.add(path, None, f"cannot be read: {error}")


def _no_text(start: bytes) -> str | None:
    """Told once for the file, where every line of it would be a mistake."""
    if start.startswith(b"\x1f\x8b"):
        return "packed with gzip; give it a name that ends in .gz"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
        return "not UTF-8 but UTF-16 or binary; save it as text in UTF-8"
    return None


def read_jsonl(path: Path, model: type[Model], problems: Problems) -> Iterator[tuple[int, Model]]:
    """(line number, model) of each good line; the bad ones become problems."""
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
        return [_of_a_line(broken)]
    return explain(error)


def _of_a_line(error: DemarcheError) -> str:
    return f"{error}; one JSON object a line is expected" if str(error).startswith("not JSON") else str(error)


def read_rows(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line or row number from 1, row) of a .csv, .tsv, .jsonl, .json (each also .gz) or .parquet table."""
    match suffix(require_file(path)):
        case ".csv" | ".tsv":
            yield from _read_csv(path, problems)
        case ".jsonl" | ".ndjson":
            yield from _read_json_rows(path, problems)
        case ".json":
            yield from _read_json_array(path, problems)
        case ".parquet":
            yield from _read_parquet(path, problems)
        case other:
            raise DemarcheError(
                f"{path}: {other or 'no suffix'} is not a table; expected one of {', '.join(TABLE_SUFFIXES)}, .gz allowed"
            )


def _read_json_array(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """An array of objects; a file of JSON lines by another name is read as that."""
    try:
        with open_bytes(path) as stream:
            raw = stream.read()
    except (zlib.error, EOFError, OSError) as error:
        problems.add(path, None, f"cannot be read: {error}")
        return
    if not raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        yield from _read_json_rows(path, problems)
        return
    try:
        rows = load_json(decode(raw).removeprefix("\ufeff"))
    except DemarcheError as error:
        problems.add(path, None, str(error))
        return
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict):
            yield number, row
        else:
            problems.add(path, number, "not a JSON object; an array of objects is expected")


def _read_json_rows(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, raw in read_lines(path, problems):
        try:
            row = load_json(decode(raw))
        except DemarcheError as error:
            problems.add(path, number, _of_a_line(error))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            problems.add(path, number, "not a JSON object; one object a line is expected")


def _read_csv(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    # A cell may hold a whole article, which the csv module's default limit refuses.
    csv.field_size_limit(2**31 - 1)
    line = 0
    with open_bytes(path) as raw:
        stream = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        try:
            # A quoted name may hold any of them.
            head = re.sub(r'"[^"]*("|$)', "", stream.readline())
            stream.seek(0)
            delimiter = "\t" if suffix(path) == ".tsv" else max(DELIMITERS, key=head.count)
            quoting = _tsv_quoting(stream) if delimiter == "\t" else csv.QUOTE_MINIMAL
            reader = csv.reader(stream, delimiter=delimiter, quoting=quoting, strict=True)
            header = next(reader, None)
            line = reader.line_num
            if not header:
                problems.add(path, 1, "empty; a header line with the column names is expected")
                return
            if what := _no_text("".join(header).encode()[:_HEAD]):
                problems.add(path, 1, what)
                return
            twice = sorted(name for name, count in Counter(header).items() if count > 1 and name)
            if twice:
                problems.add(path, 1, f"columns {', '.join(map(repr, twice))} stand twice in the header; rename one")
                return
            for cells in reader:
                start, line = line + 1, reader.line_num
                if not any(cells):
                    continue
                if len(cells) != len(header):
                    problems.add(path, start, f"{len(cells)} cells where the header has {len(header)}")
                    continue
                yield start, dict(zip(header, cells, strict=True))
        except UnicodeDecodeError:
            problems.add(path, None, "not UTF-8; save it as UTF-8, e.g. `iconv -f WINDOWS-1252 -t UTF-8`")
        except csv.Error as error:
            problems.add(path, line + 1, f"not a CSV table from here: {error}; a quote in a quoted cell is doubled")
        except (zlib.error, EOFError, OSError) as error:
            problems.add(path, None, f"cannot be read: {error}")


def _tsv_quoting(stream: TextIO) -> Literal[0, 3]:
    """No quoting where quotes make no table: in many tab-separated sets a quote is a plain character."""
    reader = csv.reader(stream, delimiter="\t", strict=True)
    try:
        width = len(next(reader, []))
        quoted = all(len(cells) in (0, width) for cells in reader)
    except csv.Error:
        quoted = False
    stream.seek(0)
    return csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE


def _read_parquet(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as table:
            number = 0
            for batch in table.iter_batches(batch_size=1024):
                for row in batch.to_pylist(maps_as_pydicts="lossy"):
                    number += 1
                    yield number, row
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        # Texts that are not UTF-8 and dates beyond the year 9999 are found only as the rows are read.
        problems.add(path, None, f"not a Parquet file, or a damaged one: {error}")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` once the block has ended well.

    Nothing is left behind, and what stood at `path` stays, when the block raises.
    """
    path = Path(path)
    _check_place(path)
    # What a link leads to is written, and the link stays.
    place = Path(os.path.realpath(path))
    made = [folder for folder in place.parents if not folder.exists()]
    # Named before it is made: an interrupt between the two leaves nothing behind.
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
    """Raises DemarcheError before any work where `path` could not be written in the end, or is an input."""
    _check_place(path)
    if any(os.path.realpath(path) == os.path.realpath(given) for given in inputs):
        raise DemarcheError(f"{path}: is an input and would be written over; name another file to write to")
    try:
        tempfile.TemporaryFile(dir=next(folder for folder in path.absolute().parents if folder.exists())).close()
    except OSError as error:
        raise DemarcheError(f"{path}: cannot be written: {error.strerror or error}") from None


def _check_place(path: Path) -> None:
    """A device or pipe must not be replaced by a file, whatever the user's rights."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise DemarcheError(f"{path}: cannot be written: {error.strerror or error}") from None
    what = "a folder" if stat.S_ISDIR(mode) else None if stat.S_ISREG(mode) else "a device or a pipe"
    if what:
        raise DemarcheError(f"{path}: cannot be written: is {what}; name a file")


def write_jsonl(path: Path, rows: Iterable[BaseModel | dict[str, Any]]) -> int:
    """Writes one JSON object a line, whole or not at all; returns how many. Unset fields are left out."""
    with jsonl_writer(path) as write:
        return write(rows)


@contextlib.contextmanager
def jsonl_writer(path: Path) -> Iterator[Callable[[Iterable[BaseModel | dict[str, Any]]], int]]:
    """As write_jsonl, for rows that come a batch at a time."""
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="\n") as stream:

        def write(rows: Iterable[BaseModel | dict[str, Any]]) -> int:
            count = 0
            for row in rows:
                plain = row.model_dump(mode="json", exclude_defaults=True) if isinstance(row, BaseModel) else row
                stream.write(json.dumps(plain, ensure_ascii=False) + "\n")
                count += 1
            # A full disk is told before a file written beside this one takes its place.
            stream.flush()
            return count

        yield write


def write_text(path: Path, text: str) -> None:
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
