"""The process that owns a run or trial, recorded so that work left behind by a killed process is recognised."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping

import psutil

OWNER = "demarche.owner"


def owner_tags() -> dict[str, str]:
    """Return the tag that identifies this process as the owner of a run or trial: its host, id and start, as JSON."""
    process = psutil.Process()
    owner = {"host": socket.gethostname(), "pid": process.pid, "started": process.create_time()}
    return {OWNER: json.dumps(owner)}


def is_gone(tags: Mapping[str, str]) -> bool:
    """Return whether the owner was a process on this machine that is no longer running."""
    owner = json.loads(tags.get(OWNER, "{}"))
    return owner.get("host") == socket.gethostname() and not _alive(owner["pid"], owner["started"])


def _alive(pid: int, started: float) -> bool:
    try:
        return abs(psutil.Process(pid).create_time() - started) < 1
    except psutil.NoSuchProcess:
        return False
