"""Full disks, little memory, Ctrl-C, two at once: a process that is cut short leaves no output half written."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from labels.check import read_passages
from labels.detached import detach
from labels.files import write_jsonl
from tests.conftest import REPOSITORY, demarche, from_terminal
from tests.faults import CHECK, IMPORT, TABLE, file_size_limit, files, put


def child(
    *arguments: str, limit: tuple[int, int] | None = None, stdout: Any = subprocess.PIPE, **env: str
) -> subprocess.Popen[str]:
    def prepare() -> None:
        from_terminal()
        if limit:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(limit[0], (limit[1], limit[1]))

    return subprocess.Popen(
        [sys.executable, "-m", "demarche", *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | env, preexec_fn=prepare,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        ("tag articles.jsonl --model copy --out out/t.csv", "out/t.csv"),
        ("tag articles.jsonl --model copy --out out/t.jsonl --articles-out out/a.jsonl", "out/"),
        ("evaluate copy passages.jsonl annotations.jsonl --out out/said.jsonl", "out/said.jsonl"),
        ("labels passages articles.jsonl --out out/p.jsonl", "out/p.jsonl"),
        ("labels detach passages.jsonl --out out/d.jsonl", "out/d.jsonl"),
        ("labels attach d.jsonl --articles articles.jsonl --out out/p.jsonl", "out/p.jsonl"),
        ("labels import table t.jsonl --out out --topics source", "out/"),
        ("labels adjudicate codebook.yaml passages.jsonl annotations.jsonl --out out/d.jsonl", "out/d.jsonl"),
        ("labels export table codebook.yaml passages.jsonl annotations.jsonl --out out/t.parquet", "out/t.parquet"),
        ("labels schema --out out", "out/"),
    ],
)
def test_a_full_disk_is_an_error_and_leaves_nothing(argv: str, name: str, town: Path) -> None:
    shutil.copy(town / "passages.jsonl", town / "t.jsonl")
    write_jsonl(town / "d.jsonl", map(detach, read_passages(town / "passages.jsonl")))
    before = files(town)
    with file_size_limit(1000):
        result = demarche(*argv.split())
    assert result.exit_code == 2, result.output
    assert name in result.stderr.splitlines()[-1]
    assert files(town) == before


def test_a_full_disk_of_the_store_is_an_error_and_leaves_nothing(town: Path) -> None:
    before = files(town)
    process = child("train", "config.yaml", limit=(resource.RLIMIT_FSIZE, 1000))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2, stderr
    assert "Traceback" not in stderr
    assert "mlflow.db" in stderr.splitlines()[-1]
    assert files(town) == before


@pytest.mark.parametrize("argv", ["labels schema", CHECK])
def test_a_full_standard_output_is_an_error(argv: str, town: Path) -> None:
    with Path("/dev/full").open("w") as full:
        process = child(*argv.split(), stdout=full)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    *warnings, error = stderr.splitlines()
    assert all(line.startswith("warning: ") for line in warnings)
    assert "No space left on device" in error


@pytest.mark.parametrize(
    "argv", ["labels passages a.txt --out p.jsonl", "tag a.txt --model copy --out t.csv", IMPORT.format("t.csv")]
)
def test_a_line_of_19_mb_fits_into_3_gb(argv: str, town: Path) -> None:
    put("a.txt", "x" * 19_000_000 + ".")(town)
    put("t.csv", TABLE + "3," + "x" * 19_000_000 + ",tea,favor\n")(town)
    process = child(*argv.split(), limit=(resource.RLIMIT_AS, 3 * 2**30), OPENBLAS_NUM_THREADS="1")
    _, stderr = process.communicate(timeout=120)
    if "import" in argv:
        assert process.returncode == 2
        assert "t.csv:4: text: 19,000,000 characters" in stderr
    else:
        assert process.returncode == 0, stderr


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 14))])
def test_ctrl_c_at_any_moment_is_one_line_and_leaves_nothing_half_written(seed: int, town: Path) -> None:
    rng = random.Random(seed)
    argv, window_length, whole = [
        ("tag many.jsonl --model copy --out out/t.csv", 3.0, {"out", "out/t.csv"}),
        ("labels passages many.jsonl --out out/p.jsonl", 1.5, {"out", "out/p.jsonl"}),
        (
            "labels import table many.jsonl --out out --topics source",
            1.0,
            {"out", "out/passages.jsonl", "out/annotations.jsonl", "out/codebook.yaml"},
        ),
        ("evaluate copy passages.jsonl annotations.jsonl --out out/s.jsonl", 3.0, {"out", "out/s.jsonl"}),
        (CHECK, 0.3, set()),
        ("train config.yaml", 4.0, set()),
        ("train config.yaml", 4.0, set()),
    ][seed % 7]
    text = (town / "articles.jsonl").read_text()
    put("many.jsonl", "".join(text.replace('"article-', f'"{number}-article-') for number in range(20)))(town)
    if seed == 6:
        # Making the database takes seconds too.
        (town / "mlflow.db").unlink()
    before = files(town)
    process = child(*argv.split())
    time.sleep(rng.uniform(0.05, window_length))
    process.send_signal(rng.choice([signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
    _, stderr = process.communicate(timeout=60)
    if "Could not import runpy" in stderr:
        pytest.skip("the signal arrived before Python had started")
    # Before our first line and after our last one the signal itself ends Python.
    assert process.returncode in (0, 130, -signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP), stderr
    assert not any(word in stderr for word in ("Traceback", "Exception", "Error")), stderr
    if process.returncode == 130:
        assert stderr.splitlines()[-1] == "interrupted"
    left = files(town).keys() - before.keys()
    assert left in (set(), whole)
    assert all(files(town)[name] == content for name, content in before.items())


def test_ctrl_c_waits_until_a_module_is_imported(tmp_path: Path) -> None:
    # As a C extension would do it, whose import cannot be cut short without an abort.
    (tmp_path / "heavy.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.3)\nprint('imported')\n"
    )
    program = (
        "import time\n"
        "from demarche.__main__ import app, main\n"
        "@app.command('load')\n"
        "def load():\n"
        "    import heavy\n"
        "    time.sleep(30)\n"
        "main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, "load"], capture_output=True, text=True, timeout=25,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(tmp_path)])},
        preexec_fn=from_terminal,
    )  # fmt: skip
    assert (process.returncode, process.stdout, process.stderr) == (130, "imported\n", "interrupted\n")


def test_two_processes_that_write_the_same_output_leave_one_of_them_whole(town: Path) -> None:
    argv = ("labels", "passages", "articles.jsonl", "--out", "out/p.jsonl")
    processes = [child(*argv) for _ in range(2)]
    assert [process.communicate(timeout=60)[1] for process in processes] == [""] * 2
    assert [process.returncode for process in processes] == [0] * 2
    assert files(town).keys() >= {"out/p.jsonl"}
    assert len(list((town / "out").iterdir())) == 1
    assert len((town / "out" / "p.jsonl").read_text().splitlines()) == 180
