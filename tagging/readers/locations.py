"""Find the files of the inputs: paths, patterns such as `news/**/*.html`, and URLs."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from itertools import takewhile
from pathlib import Path, PurePath
from typing import NamedTuple

from labels.errors import DemarcheError
from labels.files import require_file
from labels.table_files.saved_dataset import SPLITS, STATE, is_saved_dataset
from tagging.manifest import is_store, outside_stores
from tagging.readers.files import KINDS
from tagging.readers.remote import RemoteFile, check_remote, is_url, list_remote

Input = str | Path
"""A file or folder, or a text that may also be a pattern or a URL."""
_PARTS_OF_PAGES = ("_files", "-files", "_file", "-Dateien", "_fichiers", "_archivos", "_bestanden")
"""How browsers name the folder beside a saved page, with its images and frames."""
_PAGES = (".html", ".htm", ".xhtml", ".php", ".aspx", ".asp", ".shtml")


class File(NamedTuple):
    """A file of an input. `name` is its path below the input, or more of its path where several inputs have the name."""

    path: Path | RemoteFile
    name: str
    below: PurePath
    within: PurePath
    """The input's folder."""

    @property
    def key(self) -> str:
        """What two files have in common that are the same."""
        return str(self.path.resolve() if isinstance(self.path, Path) else self.path)


def check_inputs(inputs: Sequence[Input]) -> None:
    """Raise a DemarcheError if an input is missing."""
    for input in inputs:
        if is_url(str(input)):
            check_remote(str(input))
        elif _is_pattern(input):
            _matches(str(input))
        elif not Path(input).is_dir():
            require_file(input, what="file or folder")


def find_files(inputs: Sequence[Input], outputs: Set[Path]) -> list[File]:
    """Return the files of the inputs, in order, without those that are outputs or in a folder that is one.

    A folder that `datasets` saved counts as one file. Raises DemarcheError if an input has no files.
    """
    return _tell_apart([file for input in inputs for file in _files(input, outputs)])


def _is_pattern(input: Input) -> bool:
    return glob.has_magic(str(input)) and not Path(input).exists()


def _files(input: Input, outputs: Set[Path]) -> list[File]:
    """Return the files of an input, in order."""
    if is_url(str(input)):
        listing = list_remote(str(input))
        found = dict(listing.files)
        return [File(found[below], _name(below), below, listing.folder) for below in _articles(found)]  # type: ignore[index]
    if _is_pattern(input):
        return _files_of_folder(*_matches(str(input)), outputs)
    path = Path(input)
    if not path.is_dir() or is_saved_dataset(path):
        return [File(path, _name(PurePath(path.absolute().name)), PurePath(path.absolute().name), path.parent)]
    if is_store(path):
        raise DemarcheError(f"{path}: holds the tags of earlier batches, not articles; name the folder of the articles")
    files = _files_of_folder(path, path.rglob("*"), outputs)
    if not files:
        raise DemarcheError(f"{path}: the folder contains no files; expected {', '.join(KINDS)}")
    return files


def _matches(pattern: str) -> tuple[Path, list[Path]]:
    """Return the folder of a pattern, and what matches it there. Raises DemarcheError if nothing does."""
    parts = Path(pattern).parts
    folder = Path(*takewhile(lambda part: not glob.has_magic(part), parts))
    paths = list(folder.glob(str(Path(*parts[len(folder.parts) :]))))
    if not paths:
        raise DemarcheError(f"{pattern}: no file matches this pattern (relative to {Path.cwd()}); check it")
    inside = (inner for path in paths if path.is_dir() for inner in path.rglob("*"))
    return folder, list(dict.fromkeys([*paths, *inside]))


def _files_of_folder(folder: Path, paths: Iterable[Path], outputs: Set[Path]) -> list[File]:
    """Return the files and saved datasets among the paths, in order, but none of a store of tags."""
    by_place = {
        path.relative_to(folder): path
        for path in outside_stores(sorted(paths))
        if path.is_file() and outputs.isdisjoint((path.resolve(), *path.resolve().parents))
    }
    datasets = {
        below.parent for below, path in by_place.items() if path.name == STATE and is_saved_dataset(path.parent)
    }
    files = [
        below
        for below in _articles(by_place)
        if datasets.isdisjoint(below.parents)
        and not (below.name == SPLITS and any(dataset.parent == below.parent for dataset in datasets))
    ]
    return [File(folder / below, _name(below), below, folder) for below in sorted([*files, *datasets])]


def _articles(files: Iterable[PurePath]) -> list[PurePath]:
    """Return the files, by their paths below an input, without hidden ones and the parts of saved pages."""
    shown = [file for file in files if not any(part.startswith((".", "~$")) for part in file.parts)]
    of_pages = {
        page.with_name(page.stem + end) for page in shown if page.suffix.lower() in _PAGES for end in _PARTS_OF_PAGES
    }
    return [file for file in shown if of_pages.isdisjoint(file.parents)]


def _name(path: PurePath) -> str:
    """Return the path as text for an id; bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _tell_apart(files: list[File]) -> list[File]:
    """Put the folder before the names of files that several inputs have: its name, or where that is not enough its path."""
    for folder_of in (_folder_name, lambda file: file.within):
        counts = Counter(name for name, _ in {(file.name, file.key) for file in files})
        files = [
            file if counts[file.name] < 2 else file._replace(name=_name(folder_of(file) / file.below)) for file in files
        ]
    return files


def _folder_name(file: File) -> PurePath:
    return PurePath((file.within.absolute() if isinstance(file.within, Path) else file.within).name)
