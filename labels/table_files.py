"""Read the rows of tables: CSV, TSV, JSON lines, JSON arrays and Parquet."""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TextIO

from labels.errors import DemarcheError, Problems
from labels.files import (
    HEAD,
    binary_reason,
    decode,
    explain_json_line,
    load_json,
    open_bytes,
    read_lines,
    require_file,
    suffix,
)
from labels.wording import counted

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
DELIMITERS = ",;\t|"
Rows = Iterator[tuple[int, dict[str, Any]]]


def read_rows(path: Path, problems: Problems) -> Rows:
    """Yield (line or row number from 1, row) of a .csv, .tsv, .jsonl, .json (each also .gz) or .parquet table.

    Rows that cannot be read become problems. Raises DemarcheError for a file that is not a table.
    """
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


def _read_json_array(path: Path, problems: Problems) -> Rows:
    """Read an array of objects, or JSON lines in a file named .json."""
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


def _read_json_rows(path: Path, problems: Problems) -> Rows:
    for number, raw in read_lines(path, problems):
        try:
            row = load_json(decode(raw))
        except DemarcheError as error:
            problems.add(path, number, explain_json_line(error))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            problems.add(path, number, "not a JSON object; one object per line is expected")


def _read_csv(path: Path, problems: Problems) -> Rows:
    # A cell may hold a whole article, which the csv module's default limit refuses.
    csv.field_size_limit(2**31 - 1)
    line = 0
    with open_bytes(path) as raw:
        stream = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        try:
            # A quoted name may contain any of the delimiters.
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
            if what := binary_reason("".join(header).encode()[:HEAD]):
                problems.add(path, 1, what)
                return
            repeated = sorted(name for name, count in Counter(header).items() if count > 1 and name)
            if repeated:
                problems.add(path, 1, f"columns {', '.join(map(repr, repeated))} occur twice in the header; rename one")
                return
            for cells in reader:
                start, line = line + 1, reader.line_num
                if not any(cells):
                    continue
                if len(cells) != len(header):
                    problems.add(path, start, f"{counted(len(cells), 'cell')} where the header has {len(header)}")
                    continue
                yield start, dict(zip(header, cells, strict=True))
        except UnicodeDecodeError:
            problems.add(path, None, "not UTF-8; save it as UTF-8, e.g. `iconv -f WINDOWS-1252 -t UTF-8`")
        except csv.Error as error:
            problems.add(path, line + 1, f"not a CSV table from here: {error}; a quote in a quoted cell is doubled")
        except (zlib.error, EOFError, OSError) as error:
            problems.add(path, None, f"cannot be read: {error}")


def _tsv_quoting(stream: TextIO) -> Literal[0, 3]:
    """Return the quoting mode of a TSV file: none if parsing quotes fails, since many files use them as plain text."""
    reader = csv.reader(stream, delimiter="\t", strict=True)
    try:
        width = len(next(reader, []))
        quoted = all(len(cells) in (0, width) for cells in reader)
    except csv.Error:
        quoted = False
    stream.seek(0)
    return csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE


def _read_parquet(path: Path, problems: Problems) -> Rows:
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
        # Texts that are not UTF-8 and dates beyond the year 9999 only fail as the rows are read.
        problems.add(path, None, f"not a Parquet file, or a damaged one: {error}")
