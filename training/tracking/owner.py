"""Which process a piece of work belongs to, so that what a killed one left behind is known as such."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import psutil


def owner() -> dict[str, str]:
    """This process, as tags of what it works on."""
    process = psutil.Process()
    return {
        "demarche.host": socket.gethostname(),
        "demarche.pid": str(process.pid),
        "demarche.pid_started": str(process.create_time()),
    }


def gone(tags: Mapping[str, str]) -> bool:
    """Whether the owner was a process of this machine that is no more."""
    return tags.get("demarche.host") == socket.gethostname() and not _alive(tags)


def _alive(tags: Mapping[str, str]) -> bool:
    try:
        process = psutil.Process(int(tags["demarche.pid"]))
        return abs(process.create_time() - float(tags["demarche.pid_started"])) < 1
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return False
