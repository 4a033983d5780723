"""Files in an object store or on another machine, named by URLs such as `s3://bucket/prefix`.

They are listed and fetched through fsspec; a file is fetched when it is read, by the process that reads it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from labels.errors import DemarcheError, one_line

ATTEMPTS = 3
"""Number of times that a file is fetched before it counts as unreadable; the packages of the stores try again, too."""
_PAUSE = 0.5
"""Seconds before the second attempt; each further pause is twice as long."""
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_WILD = frozenset("*?[")
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_LONGEST_SUFFIX = 12


class RemoteFile(NamedTuple):
    """A file and its size; `version` is a text that differs if its content does, as its store says."""

    url: str
    size: int | None
    version: str

    def __str__(self) -> str:
        return self.url

    @property
    def digest(self) -> bytes:
        return hashlib.blake2b(self.version.encode(), digest_size=16).digest()


class Listing(NamedTuple):
    """The folder of a listing, and the files in it with their paths below it."""

    folder: PurePosixPath
    files: list[tuple[PurePosixPath, RemoteFile]]


def is_url(text: str) -> bool:
    """Return whether the text names something by a URL rather than by a path."""
    return _URL.match(text) is not None


def check_remote(url: str) -> None:
    """Raise DemarcheError if there is nothing at the URL, or it cannot be reached."""
    with _errors_of(url):
        filesystem, root = _open(url)
        if _WILD.isdisjoint(root):
            filesystem.info(root)


def list_remote(url: str) -> Listing:
    """Return the files at the URL: one, those of a folder or prefix, or those that match a pattern with `*`.

    Raises DemarcheError if there are none, or the store cannot be reached.
    """
    with _errors_of(url):
        filesystem, root = _open(url)
        if _WILD.isdisjoint(root):
            folder = PurePosixPath(root)
            infos = {root: filesystem.info(root)}
            if infos[root]["type"] == "file":
                folder = folder.parent
            else:
                infos = filesystem.find(root, detail=True)
        else:
            folder = PurePosixPath(*takewhile(_WILD.isdisjoint, PurePosixPath(root).parts))
            infos = filesystem.glob(root, detail=True)
        files = [
            (PurePosixPath(name).relative_to(folder), _remote_file(filesystem.unstrip_protocol(name), info))
            for name, info in sorted(infos.items())
            if info["type"] == "file" and not name.endswith("/")
        ]
    if not files:
        raise DemarcheError(f"{url}: no files there; check the URL")
    return Listing(folder, files)


@contextlib.contextmanager
def local_copy(file: Path | RemoteFile) -> Iterator[Path]:
    """Yield the path of a file on this machine; that of a remote file is a copy, which is removed at the end.

    Raises DemarcheError if the file cannot be fetched.
    """
    if isinstance(file, Path):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="demarche-") as folder:
        # The suffixes say what the file is; the rest of its name may be one that this machine does not allow.
        endings = [ending[:_LONGEST_SUFFIX] for ending in PurePosixPath(file.url.partition("?")[0]).suffixes[-2:]]
        path = Path(folder) / "".join(["article", *endings])
        _fetch(file, path)
        yield path


def _fetch(file: RemoteFile, path: Path) -> None:
    with _errors_of(file.url):
        filesystem, root = _open(file.url)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                filesystem.get_file(root, str(path))
                if file.size in (None, size := path.stat().st_size):
                    return
                raise OSError(f"the connection was cut after {size:,} of {file.size:,} bytes")
            except (FileNotFoundError, PermissionError):
                raise
            except Exception:  # each store has errors of its own for a connection that fails
                if attempt == ATTEMPTS:
                    raise
                time.sleep(_PAUSE * 2 ** (attempt - 1))


def _open(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it."""
    import fsspec

    filesystem, root = fsspec.core.url_to_fs(url)
    return filesystem, root.rstrip("/") or root


def _remote_file(url: str, info: dict[str, Any]) -> RemoteFile:
    versions = (info.get(name) for name in ("ETag", "etag", "md5Hash", "LastModified", "mtime", "created"))
    size = info.get("size")
    return RemoteFile(url, size, f"{size} {next(filter(None, versions), '')}")


@contextlib.contextmanager
def _errors_of(url: str) -> Iterator[None]:
    """Turn the errors of file systems, each of which has its own, into a DemarcheError with one line."""
    kind = url.partition(":")[0].lower()
    try:
        yield
    except DemarcheError:
        raise
    except ImportError:
        package = _PACKAGES.get(kind, "a package for it")
        raise DemarcheError(f"{url}: {kind}:// needs {package}; install it with `pip install {package}`") from None
    except FileNotFoundError:
        raise DemarcheError(f"{url}: no such file, folder or bucket; check the URL") from None
    except PermissionError as error:
        raise DemarcheError(
            f"{url}: access is denied ({_first_line(error)}); check the credentials and their rights"
        ) from None
    except Exception as error:
        if "not known" in str(error):
            raise DemarcheError(f"{url}: {kind}:// is not a store that can be read") from None
        hint = "; set them as the tools of the store expect, e.g. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise DemarcheError(
            f"{url}: cannot be reached: {_first_line(error)}{hint if 'credentials' in str(error).lower() else ''}"
        ) from None


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return one_line(lines[0] if lines else type(error).__name__)
