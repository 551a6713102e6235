"""`kit report`: show the report of a run or of a study."""

import json

import click

from kit.cli import options
from kit.cli.browser import open_page
from kit.cli.busy import Busy
from kit.errors import UserError
from kit.run_folder import Run, find_run, holds_run
from kit.studies import StudyFolder, find_study
from kit.typed import in_typed_form


@click.command(
    epilog="\b\nExample:\n  kit report --open\n  kit report default-1a2b3c4d --json | jq .oof.accuracy\n"
    "  kit report tune-quick-1a2b3c4d"
)
@click.argument("run", type=options.RunOrStudyName(), required=False, metavar="[RUN]")
@options.as_json
@options.open_page
def command(run: str | None, as_json: bool, open_: bool) -> None:
    """Show the report of RUN, a name or a path (default: the newest finished run), or of a study.

    Its page, report.html, is drawn again if it is out of date. A study of kit tune is named with "tune-" or
    without; if a run has the same name, tune-NAME is the study.
    """
    study = find_study(run) if run and not holds_run(run) else None
    if study:
        show_study(study, as_json=as_json, open_=open_)
        return
    found = find_run(run)
    if not found.is_finished():
        raise _unfinished(found)
    warn_of_changes(found)
    show(found, as_json=as_json, open_=open_)


def show(
    run: Run, *, as_json: bool, open_: bool, gain: str = "", step: tuple[str, str] | None = None
) -> None:
    """Print the report of a finished run, and open its page if asked; see `render` for `gain` and `step`."""
    from kit.pipeline.report import current

    with Busy() as busy:
        busy(f"reading the report of {run.name}; if it is out of date, computing it")
        report = current(run, busy.say)
    if as_json:
        click.echo(json.dumps(report.model_dump(mode="json"), indent=2))
    else:
        from rich.console import Console

        from kit.reports.run.terminal import render

        render(report, Console(), run, gain=gain, step=step)
    if open_:
        open_page(run.page_path)


def show_study(files: StudyFolder, *, as_json: bool, open_: bool) -> None:
    """Print the report of a study, and open its page if asked."""
    from kit.pipeline.study_report import current

    report = current(files, lambda text: click.echo(text, err=True))
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    else:
        from rich.console import Console

        from kit.reports.study.terminal import render_study

        render_study(report, Console(), files.page_path)
    if open_:
        open_page(files.page_path)


def warn_of_changes(run: Run) -> None:
    """Name the source runs of an ensemble that changed since it was made."""
    record = run.read_record()
    if record.sources:
        from kit.ensembling.sources import changed

        for text in changed(record):
            click.echo(in_typed_form(f"warning: {run.name}: {text}"), err=True)


def _unfinished(run: Run) -> UserError:
    planned, status = run.planned(), f"not finished ({run.status()})"
    if not planned:  # an ensemble
        return UserError(status, where=str(run.path), hint=run.how_to_finish())
    missing = [str(member) for member in planned if not run.has(member)]
    names = f", without {', '.join(missing[:3])}{', …' * (len(missing) > 3)}" if missing else ""
    return UserError(
        f"{status}; the report is written after the last member",
        where=str(run.path),
        expected=f"{len(planned)} members",
        received=f"{len(planned) - len(missing)}{names}",
        hint=run.how_to_finish(),
    )
