"""The command `demarche labels annotate`: a page in the browser to label passages on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.label_files import (
    CodebookOption,
    Passages,
    annotations_out,
    file_arguments,
    read_annotations,
    unlabelled_files,
)
from demarche.printing import echo, warn
from demarche.tag import resolve_model
from labels.errors import DemarcheError
from labels.wording import counted

if TYPE_CHECKING:
    from labels.annotate.server import Suggest
    from labels.annotate.session import Session
    from labels.codebook import Codebook
    from labels.passages import Passage

_SEED = 13
"""Random seed of the choice of passages, as that of `labels suggest`."""


def annotate(
    passages: Passages = None,
    *,
    annotator: Annotated[str, typer.Option(metavar="NAME", help="Name of the annotator.")],
    codebook: CodebookOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the annotations (JSON lines); it is continued.  [default: labels/annotations/NAME.jsonl in a "
            "project]",
            show_default=False,
        ),
    ] = None,
    next: Annotated[
        int | None,
        typer.Option(
            "--next",
            min=1,
            metavar="N",
            help="Show only the next N unread passages; with --model, those that `labels suggest` would choose.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A models:/ or runs:/ URI, or a model folder, to ask for suggestions."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on this machine.  [default: a free one]", show_default=False)
    ] = 0,
    open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Label passages on a page in the browser.

    Keys do everything. The page is there until Ctrl-C. Every action is saved at once, and the next start goes on at the first unread passage. The page is for this machine alone.
    """
    from labels.annotate.session import Session
    from labels.check import read_passages
    from labels.codebook import read_codebook
    from labels.doubts import undefined_topics
    from labels.files import check_output
    from labels.passages import DECIDERS
    from labels.sheets.assignment import check_annotators

    check_annotators([annotator])
    codebook, source = unlabelled_files(codebook, passages)
    book = read_codebook(codebook)
    if not book.topics:
        raise DemarcheError(f"{codebook}: has no topics; stances toward named targets are labelled in a table")
    path = annotations_out(out, annotator)
    check_output(path, inputs=[codebook, source])
    known = read_passages(source)
    folder, _ = resolve_model(model) if model else (None, "")
    suggest = _suggester(folder, book) if folder else None
    session = Session(book, known, annotator, path)
    try:
        for reference in {each.codebook for each in session.annotations().values()} - {book.reference}:
            warn(
                f"note: {path} has annotations made with {reference}, which stay so; new ones are made with {book.reference}"
            )
        if annotator in DECIDERS:
            warn(f"note: readings by {annotator!r} override those of all others")
        for what in undefined_topics(book):
            warn(f"note: {what}")
        elsewhere = _read_elsewhere(annotator, path)
        if elsewhere:
            session.show([passage for passage in session.shown if passage.id not in elsewhere])
            warn(
                f"note: {counted(len(elsewhere), 'passage')} that {annotator!r} read are in other files of the project, and "
                "not shown"
            )
        if next is not None:
            session.show(_next(session, source, next, folder))
        _serve(session, port=port, suggest=suggest, is_opened=open)
    finally:
        session.close()
        echo(f"{session.count_read()} of {counted(len(session.shown), 'passage')} read; annotations in {path}")
        if session.annotations():
            echo("check them with:")
            echo("  " + shlex.join(["demarche", "labels", "check", *file_arguments(codebook, source, [path])]))


def _read_elsewhere(annotator: str, out: Path) -> set[str]:
    """Return the passages that the annotator read in other files of the project: a second reading would be refused."""
    from labels.project import find_project

    project = find_project()
    if project is None or out not in {project.new_annotations(annotator), *project.annotation_files()}:
        return set()
    others = [file for file in project.annotation_files() if file != out]
    return {each.passage for each in read_annotations(others) if each.annotator == annotator}


def _next(session: Session, source: Path, n: int, model: Path | None) -> list[Passage]:
    """Return the passages to read next: in their order, or by a model the most useful ones."""
    read = session.annotations().keys()
    unread = [passage for passage in session.shown if passage.id not in read]
    if not unread:
        raise DemarcheError(f"{source}: all passages are read")
    if model is None:
        return unread[:n]
    return _most_useful(unread, [passage for passage in session.shown if passage.id in read], n, model)


def _most_useful(unread: list[Passage], read: list[Passage], n: int, model: Path) -> list[Passage]:
    """Return what `labels suggest` chooses of the unread passages; it reads files, since they may be large."""
    from tempfile import TemporaryDirectory

    from labels.files import write_jsonl
    from tagging.suggest import suggest_from_passages

    with TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("unread.jsonl", "read.jsonl")]
        for file, passages in zip(files, (unread, read), strict=True):
            write_jsonl(file, passages)
        suggestion = suggest_from_passages(files[:1], model, n, labelled=files[1:] if read else [], seed=_SEED)
    known = {passage.id: passage for passage in unread}
    return [known[candidate.passage.id] for candidate in suggestion.chosen]


def _suggester(folder: Path, codebook: Codebook) -> Suggest:
    """Return what the model says of a passage. Raises DemarcheError if it knows none of the topics."""
    from labels.passages import Label
    from models.tagger import Tagger

    tagger = Tagger.load(folder)
    if not set(tagger.codebook.topic_ids) & set(codebook.topic_ids):
        raise DemarcheError(
            f"{folder}: was trained with {tagger.codebook.reference}, which has none of the topics of {codebook.reference}; "
            "name another --model"
        )

    def suggest(passage: Passage) -> Sequence[Label]:
        (tags,) = tagger.tag([passage])
        return [Label(topic=tag.topic, stance=tag.stance) for tag in tags if tag.assigned]

    return suggest


def _serve(session: Session, *, port: int, suggest: Suggest | None, is_opened: bool) -> None:
    import socket
    import webbrowser

    import uvicorn

    from labels.annotate.server import HOST, make_app, new_token

    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise DemarcheError(f"{HOST}:{port}: {error.strerror or error}; choose another with --port") from None
    with listening:
        port, token = listening.getsockname()[1], new_token()
        address = f"http://{HOST}:{port}/?token={token}"
        echo(
            f"{len(session.shown) - session.count_read()} of {counted(len(session.shown), 'passage')} to read, on this page:"
        )
        echo(f"  {address}")
        echo("stop it with Ctrl-C")
        if is_opened:
            webbrowser.open(address)
        app = make_app(session, token=token, port=port, suggest=suggest)
        # The address has the token, so requests are not logged.
        settings = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=2)
        uvicorn.Server(settings).run(sockets=[listening])
