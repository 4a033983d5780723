"""A job for worker processes that hangs or dies where an item says so; light to import, as each process does."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from labels.errors import DemarcheError


class Upper:
    """The capital letters of a word, unless the word says what else to do."""

    def prepare(self, item: str) -> Iterator[str]:
        match item:
            case "hang":
                time.sleep(1000)
            case "hang in a pattern":  # holds the interpreter, as a C function may: no other thread can run
                re.match(r"(a+)+$", "a" * 60 + "b")
            case "be killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "kill the worker":  # of a cluster, which started this process
                import psutil

                next(p for p in psutil.Process().parents() if p.name().startswith("ray::")).kill()
                time.sleep(1000)
            case "crash":
                ctypes.string_at(0)
            case "exit":
                os._exit(7)
            case "take all memory":
                raise MemoryError
            case "be odd":
                raise KeyError("odd")
            case "be slow, part by part":
                for part in "abc":
                    time.sleep(1)
                    yield part
        yield item.upper()

    def finish(self, prepared: Sequence[Sequence[str]]) -> list[str]:
        if ["HANG LATER"] in prepared:
            time.sleep(1000)
        if ["CRASH LATER"] in prepared:
            ctypes.string_at(0)
        if ["BE REFUSED"] in prepared:
            raise DemarcheError("the model cannot read this")
        if ["FAIL"] in prepared:
            raise ZeroDivisionError
        if ["WHO"] in prepared:
            return [str(os.getpid()) for _ in prepared]
        return [" ".join(parts) for parts in prepared]


class Where(Upper):
    """Also tells the folder of the model, if the word asks for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def finish(self, prepared: Sequence[Sequence[str]]) -> list[str]:
        return [
            str(self.folder) if parts == ["WHERE"] else part
            for parts, part in zip(prepared, super().finish(prepared), strict=True)
        ]


def load_in(folder: Path) -> Where:
    return Where(folder)


def load_slowly(seconds: float) -> Upper:
    time.sleep(seconds)
    return Upper()


def refuse() -> Upper:
    raise DemarcheError("no such model")


def die() -> Upper:
    os.kill(os.getpid(), signal.SIGKILL)
    return Upper()
