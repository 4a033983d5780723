"""A project: a folder with a codebook, articles and their labels, and one file that says where they are."""

from __future__ import annotations

import glob
import re
import textwrap
from collections.abc import Mapping, Sequence
from importlib import resources
from itertools import takewhile
from pathlib import Path
from string import Template
from typing import Annotated, Any

from pydantic import Field, ValidationError

from labels.codebook import Name
from labels.errors import BadInput, DemarcheError, Problem, explain
from labels.files import Frozen, write_text
from labels.yaml_text import dump_yaml, read_yaml

FILE = "demarche.yaml"
ARTICLES = "articles"
_STARTER_FILES = (FILE, "codebook.yaml", "config.yaml")


class Project(Frozen):
    """The files of a project, relative to its folder; `annotations` are files, or patterns such as `labels/*.jsonl`.

    `model` is what `demarche tag` tags with, and `tags` is its output.
    """

    codebook: Path
    articles: Path = Path(ARTICLES)
    passages: Path
    annotations: Annotated[tuple[Name, ...], Field(min_length=1)]
    config: Path
    model: Name
    tags: Path

    def annotation_files(self) -> list[Path]:
        """Return the files of annotations that exist, in the order of the patterns and then of their names."""
        # Path.glob refuses absolute patterns.
        matches = (glob.iglob(pattern, recursive=True) for pattern in self.annotations)  # noqa: PTH207
        found = (sorted(map(Path, paths)) for paths in matches)
        return list(dict.fromkeys(path for paths in found for path in paths))

    def new_annotations(self, name: str) -> Path:
        """Return the path for annotations of this name: in the folder of the first pattern, up to a wildcard."""
        folders = takewhile(lambda part: not re.search(r"[*?[]", part), Path(self.annotations[0]).parent.parts)
        return Path(*folders, f"{name}.jsonl")

    def cut_passages(self) -> Path:
        """Return the file of passages. Raises DemarcheError with the command that makes it."""
        if not self.passages.exists():
            raise DemarcheError(
                f"{self.passages}: no passages yet; put articles into {self.articles}, and run `demarche labels passages`"
            )
        return self.passages

    def labelled(self) -> tuple[Path, list[Path]]:
        """Return the files of passages and annotations. Raises DemarcheError with the command that makes what is missing."""
        passages = self.cut_passages()
        if not (files := self.annotation_files()):
            raise DemarcheError(
                f"{', '.join(self.annotations)}: no annotations yet; `demarche labels annotate` opens a page to label "
                "passages on, and `demarche labels sheet` writes workbooks for several annotators"
            )
        return passages, files


def find_project() -> Project | None:
    """Return the project of the working folder, or None. Raises BadInput with every mistake in its file.

    Folders above are not searched: paths in configs, and the tracking store, are relative to the working folder too.
    """
    path = Path(FILE)
    if not path.is_file():
        return None
    try:
        return Project.model_validate(read_yaml(path) or {})
    except ValidationError as error:
        raise BadInput([Problem(str(path), None, what) for what in explain(error)]) from None


def with_project_data(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a config with the project's files in its `data`, where it does not name its own.

    Raises DemarcheError if the project has no labels yet.
    """
    data = plain.get("data", {})
    missing = isinstance(data, Mapping) and {"codebook", "passages", "annotations"} - data.keys()
    if not missing or (project := find_project()) is None:
        return plain
    files: dict[str, Any] = {"codebook": project.codebook}
    if missing & {"passages", "annotations"}:
        files["passages"], files["annotations"] = project.labelled()
    return {**plain, "data": {**files, **data}}


def create_project(folder: Path, topics: Sequence[str]) -> list[Path]:
    """Write the files of a new project, with a stub of each topic, and return their paths.

    A topic with blanks is given by its name, of which its id is made: `Foreign trade` has the id `foreign_trade`.
    Without topics, the codebook has one complete topic as an example. Raises DemarcheError if one of the files exists,
    before any is written.
    """
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise DemarcheError(f"{path}: is a file; name a new folder for the project")
    for path in (folder / name for name in _STARTER_FILES):
        if path.exists():
            raise DemarcheError(f"{path}: exists already; name a new folder, or remove it to start again")
    name = _as_id(folder.absolute().name)
    ids = [_topic_id(topic) for topic in topics]
    for repeated in {id for id in ids if ids.count(id) > 1}:
        raise DemarcheError(f"--topics: {repeated!r} occurs twice; give each topic its own id")
    example = _template("example_topic").template
    stubs = "".join(
        _template("topic").substitute(id=_as_yaml(id), name=_as_yaml(topic.replace("_", " ")))
        for id, topic in zip(ids, topics, strict=True)
    )
    texts = {
        FILE: _template("demarche").substitute(name=name),
        "codebook.yaml": _template("codebook").substitute(
            id=_as_yaml(name), example=_commented(example) if topics else ""
        )
        + (stubs or example),
        "config.yaml": _template("config").substitute(name=_as_yaml(name)),
    }
    (folder / ARTICLES).mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        write_text(folder / file, text)
    return [*(folder / file for file in texts), folder / ARTICLES]


def _template(name: str) -> Template:
    return Template((resources.files("labels") / "new_project" / f"{name}.yaml").read_text(encoding="utf-8"))


def _topic_id(topic: str) -> str:
    words = topic.split()
    return topic if len(words) == 1 else "_".join(words).lower()


def _as_id(name: str) -> str:
    """Return the name as it may stand in the id of a codebook and of a registered model."""
    return re.sub(r"[^\w.-]+", "-", name.lower()).strip("-.") or "project"


def _as_yaml(value: str) -> str:
    """Return a text as it stands after a key: quoted where YAML would read something else."""
    return dump_yaml({"": value}, width=1000).partition(": ")[2].strip()


def _commented(text: str) -> str:
    return textwrap.indent(text, "# ", lambda _: True).replace("# \n", "#\n")
