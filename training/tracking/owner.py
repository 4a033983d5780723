"""The process that owns a run or trial, recorded so that work left behind by a killed process is recognised."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import psutil


def owner_tags() -> dict[str, str]:
    """Return tags that identify this process as the owner of a run or trial."""
    process = psutil.Process()
    return {
        "demarche.host": socket.gethostname(),
        "demarche.pid": str(process.pid),
        "demarche.pid_started": str(process.create_time()),
    }


def is_gone(tags: Mapping[str, str]) -> bool:
    """Return whether the owner was a process on this machine that is no longer running."""
    return tags.get("demarche.host") == socket.gethostname() and not _alive(tags)


def _alive(tags: Mapping[str, str]) -> bool:
    try:
        process = psutil.Process(int(tags["demarche.pid"]))
        return abs(process.create_time() - float(tags["demarche.pid_started"])) < 1
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return False
