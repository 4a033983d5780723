"""Read a labelled data set, and report every mistake in it at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from labels.codebook import Codebook, fits, read_codebook
from labels.detached import DetachedPassage
from labels.errors import BadInput, Problem, Problems, suggest, suggest_value
from labels.files import read_jsonl
from labels.passages import Annotation, Article, Passage

AnyPassage = TypeVar("AnyPassage", Passage, DetachedPassage)


@dataclass(frozen=True)
class LabelledData:
    """A codebook, passages, and annotations that fit both."""

    codebook: Codebook
    passages: list[Passage]
    annotations: list[Annotation]
    warnings: list[Problem] = field(default_factory=list)

    def digest(self) -> str:
        """Return a digest that depends on every character of text and every label, but not on the order of the lines."""
        parts = [self.codebook.model_dump_json(exclude={"history"})]  # how the labels came to be changes none
        parts += sorted(passage.model_dump_json() for passage in self.passages)
        # A doubt or a note is no label: adding one makes no other data set.
        parts += sorted(annotation.model_dump_json(exclude={"doubt", "note"}) for annotation in self.annotations)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def read_labelled(
    codebook: Path | str,
    passages: Sequence[Path | str],
    annotations: Sequence[Path | str],
    *,
    articles: Path | str | None = None,
) -> LabelledData:
    """Read and check a data set. Raises BadInput with every problem in all the files, by file and line."""
    problems, warnings = Problems(), Problems()
    try:
        book: Codebook | None = read_codebook(codebook)
    except BadInput as error:
        book = None
        for problem in error.problems:
            problems.add(*problem)
    numbered = _read_passages(passages, Passage, problems)
    if articles is not None:
        _check_offsets(numbered, Path(articles), problems)
    readings: list[Annotation] = []
    seen: dict[tuple[str, str], str] = {}
    known = {passage.id: passage for _, _, passage in numbered}
    # An older version of the codebook is reported once per file, not once per line.
    older: dict[tuple[str, str], int] = {}
    for path in dict.fromkeys(map(Path, annotations)):
        for line, annotation in read_jsonl(path, Annotation, problems):
            place = f"{path}:{line}"
            first = seen.setdefault((annotation.passage, annotation.annotator), place)
            if first != place:
                problems.add(
                    path,
                    line,
                    f"a second reading of passage {annotation.passage!r} by {annotation.annotator!r}, "
                    f"after {first}; keep one",
                )
            if annotation.passage in known:
                check_spans(path, line, annotation, known[annotation.passage], problems)
            elif known:
                problems.add(
                    path,
                    line,
                    f"passage {annotation.passage!r:.200} is not in {' or '.join(map(str, passages))}"
                    + (suggest(annotation.passage, known) if len(known) < 2000 else "; correct the id"),
                )
            if book is not None and check_codebook(path, line, annotation, book, problems):
                older.setdefault((str(path), annotation.codebook), line)
            readings.append(annotation)
    if book is not None:
        for (file, reference), line in older.items():
            warnings.add(
                file, line, f"made with {reference}, read with {book.reference}: same major version, so accepted"
            )
    if not readings and not len(problems):
        problems.add(", ".join(map(str, annotations)) or "annotations", None, "contain no annotations")
    problems.raise_any()
    assert book is not None
    return LabelledData(book, [passage for _, _, passage in numbered], readings, list(warnings))


def read_passages(path: Path | str) -> list[Passage]:
    """Read a file of passages. Raises BadInput with every problem in it."""
    return _read_all(Path(path), Passage)


def read_detached(path: Path | str) -> list[DetachedPassage]:
    """Read a file of passages without text. Raises BadInput with every problem in it."""
    return _read_all(Path(path), DetachedPassage)


def _read_all(path: Path, model: type[AnyPassage]) -> list[AnyPassage]:
    problems = Problems()
    numbered = _read_passages([path], model, problems)
    problems.raise_any()
    return [passage for _, _, passage in numbered]


def _read_passages(
    paths: Iterable[Path | str], model: type[AnyPassage], problems: Problems
) -> list[tuple[Path, int, AnyPassage]]:
    """Return the passages with file and line, and report an id that occurs twice, in one file or in two."""
    first: dict[str, tuple[Path, int]] = {}
    numbered = []
    for path in dict.fromkeys(map(Path, paths)):
        count = 0
        for line, passage in read_jsonl(path, model, problems):
            count += 1
            file, number = first.setdefault(passage.id, (path, line))
            if (file, number) != (path, line):
                where = f"line {number}" if file == path else f"{file}:{number}"
                problems.add(path, line, f"passage id {passage.id!r} already occurs in {where}; rename one")
                continue
            numbered.append((path, line, passage))
        if not count and not _is_reported(path, problems):
            problems.add(path, None, "contains no passages")
    return numbered


def _is_reported(path: Path | str, problems: Problems) -> bool:
    """Return whether a problem in the file is already reported; if so, that is why the file yields nothing."""
    return any(problem.file == str(path) for problem in problems)


def _check_offsets(passages: Iterable[tuple[Path, int, Passage]], articles: Path, problems: Problems) -> None:
    texts: dict[str, str] = {}
    for line, article in read_jsonl(articles, Article, problems):
        if article.id in texts:
            problems.add(articles, line, f"article id {article.id!r} occurs twice; rename one")
        texts[article.id] = article.text
    if not texts:
        if not _is_reported(articles, problems):
            problems.add(articles, None, "contains no articles")
        return
    for path, line, passage in passages:
        if passage.article not in texts:
            problems.add(path, line, f"article {passage.article!r} is not in {articles}; add it or correct the id")
        elif texts[passage.article][passage.start : passage.end] != passage.text:
            text = texts[passage.article]
            at = text.find(passage.text)
            hint = f"; the text starts at {at}" if at >= 0 else "; the text does not occur in the article"
            problems.add(
                path,
                line,
                f"{passage.start}:{passage.end} is not the position of the text in article {passage.article!r}{hint}",
            )


def check_spans(path: Path, line: int | None, annotation: Annotation, passage: Passage, problems: Problems) -> None:
    """Report spans that are outside the passage."""
    length = len(passage.text)
    for label in annotation.labels:
        for name, span in (("evidence", label.evidence), ("target_span", label.target_span)):
            if span is not None and span[1] > length:
                problems.add(
                    path,
                    line,
                    f"{name} {list(span)} is outside passage {passage.id!r} of {length} characters; "
                    "spans count from the start of the passage",
                )


def check_codebook(
    path: Path, line: int | None, annotation: Annotation, codebook: Codebook, problems: Problems
) -> bool:
    """Report another codebook, and topics that it does not have.

    Return whether the annotation was made with a different version of the codebook but the same major version.
    """
    fit = fits(annotation.codebook, codebook)
    if fit == "other":
        problems.add(
            path,
            line,
            f"made with codebook {annotation.codebook}, which {codebook.reference} does not replace "
            "(another id or major version); use the codebook that it was made with, import its table with this one "
            "(--codebook), or relabel it",
        )
        return False
    for label in annotation.labels:
        if label.topic is not None and label.topic not in codebook.topic_ids:
            problems.add(
                path,
                line,
                f"topic {label.topic!r} is not in codebook {codebook.reference}{suggest_value(label.topic, codebook.topic_ids)}",
            )
    return fit == "older"
