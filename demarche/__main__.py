"""`demarche`: train topic and stance classifiers, compare them, and tag news with them."""

from __future__ import annotations

from demarche.interrupted import exit_on_interrupt, handle_signals, release_signals

with exit_on_interrupt():
    from models.quiet import quiet_libraries

    # Libraries read the environment when they are imported.
    quiet_libraries()

    import typer

    from demarche import (
        annotate,
        choose,
        codebooks,
        detached,
        evaluate,
        label_studio,
        labels,
        other_tools,
        project,
        promote,
        read,
        report,
        runs,
        sheets,
        sweep,
        tables,
        tag,
        totals,
        train,
        ui,
    )  # fmt: skip
    from demarche.app import Commands, demarche, new_app

    app = new_app("Train topic and stance classifiers for news, compare them, and tag articles with them.")
    app.info.cls = Commands

    app.callback()(demarche)
    app.command("init")(project.init)
    app.command("train")(train.train)
    app.command("sweep")(sweep.sweep)
    app.command("evaluate")(evaluate.evaluate)
    app.command("tag")(tag.tag)
    app.command("report")(report.report)
    app.command("review")(choose.review)
    app.command("totals")(totals.totals)
    app.command("ui")(ui.ui)
    app.add_typer(runs.app, name="runs")
    runs.app.command("promote")(promote.promote)
    runs.app.command("rollback")(promote.rollback)
    app.add_typer(labels.app, name="labels")
    labels.app.add_typer(tables.import_app, name="import")
    labels.app.add_typer(tables.export_app, name="export")
    labels.app.command("annotate")(annotate.annotate)
    label_studio.register(tables.import_app, tables.export_app)
    other_tools.register(tables.import_app, tables.export_app)
    labels.app.command("backend")(label_studio.backend)
    labels.app.command("audit")(choose.audit)
    labels.app.command("suggest")(choose.suggest)
    labels.app.command("sheet")(sheets.sheet)
    tables.import_app.command("sheets")(sheets.import_sheets)
    labels.app.command("plan")(totals.plan)
    labels.app.command("diff")(codebooks.diff)
    labels.app.command("migrate")(codebooks.migrate)
    labels.app.command("read")(read.read)
    labels.app.command("detach")(detached.detach)
    labels.app.command("attach")(detached.attach)


def main() -> None:
    try:
        with exit_on_interrupt():
            handle_signals()
            typer.main.get_command(app)()
    finally:
        release_signals()


if __name__ == "__main__":
    main()
