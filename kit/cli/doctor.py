"""`kit doctor`: this machine, the settings that `auto` chooses on it, and what is missing."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from kit import config
from kit.cli import options
from kit.errors import UserError
from kit.records import Machine
from kit.records.base import Record
from kit.typed import typed

NEEDED_GIB = 2.0
"""Free disk for the cache of the competition's data, and a few runs with their networks."""
WORKER_GIB = 1.0
"""Memory of a training worker: 0.94 GiB with `default` on the competition's data."""


class Problem(Record):
    """Something that is missing or wrong."""

    what: str
    hint: str
    fatal: bool = False
    """Whether kit cannot work with it."""


class DataFound(Record):
    """The data that `kit cv` would use."""

    source: str | None
    """For people; None if there is none."""
    sample: bool = False


class Findings(Record):
    """What `kit doctor` found."""

    versions: dict[str, str]
    machine: Machine
    backend: str | None
    precision: str | None
    data: DataFound
    kaggle_credentials: bool
    credentials_found_in: tuple[str, ...]
    free_disk_gib: float
    problems: tuple[Problem, ...]

    @property
    def is_fatal(self) -> bool:
        """Whether a problem keeps kit from working."""
        return any(problem.fatal for problem in self.problems)


@click.command(epilog="\b\nExample:\n  kit doctor\n  kit doctor --json | jq .precision")
@click.option(
    "-c",
    "--config",
    "name",
    type=options.Named(),
    default="default",
    show_default=True,
    metavar="NAME",
    help="Configuration whose data is looked for.",
)
@options.as_json
@click.pass_context
def command(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show what this machine offers and what is missing.

    Exit code 2 if something keeps kit from working.
    """
    findings = examine(config.load(name))
    if as_json:
        click.echo(findings.model_dump_json(indent=2))
    else:
        _show(findings)
    ctx.exit(2 if findings.is_fatal else 0)


def examine(settings: config.Config) -> Findings:
    """Examine versions, machine, backend, precision, data, credentials and free disk.

    Args:
        settings: names the competition and its folder. The data itself is not read.
    """
    from kit import kaggle_client
    from kit.training import machine

    backend = precision = None
    problems = []
    try:
        backend = machine.backend()
        precision = machine.precision(settings.training.precision, backend)
    except UserError as error:
        problems.append(_problem(error.what, error.hint or f"expected {error.expected}", fatal=True))
    sources = [one.source for one in kaggle_client.usable()]
    data, refusals = _data(settings, bool(sources))
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Findings(
        versions=machine.versions(),
        machine=machine.describe(),
        backend=backend,
        precision=precision,
        data=data,
        kaggle_credentials=bool(sources),
        credentials_found_in=tuple(sources),
        free_disk_gib=round(free, 1),
        problems=(*problems, *_hardware(backend), *_slow(settings, backend), *refusals, *_folder(free)),
    )


def _slow(settings: config.Config, backend: str | None) -> Iterator[Problem]:
    from kit.training.plan import FASTER, slow_networks

    for note in slow_networks(settings, backend):
        yield _problem(note, FASTER)


def _problem(what: str, hint: str, *, fatal: bool = False) -> Problem:
    return Problem(what=what, hint=hint, fatal=fatal)


def _refusal(error: UserError, *, fatal: bool) -> Problem:
    return _problem(f"{error.where}: {error.what}", error.hint or "correct it", fatal=fatal)


def _hardware(backend: str | None) -> Iterator[Problem]:
    from kit.cores import cores
    from kit.training import machine
    from kit.training.memory import memory

    if backend and machine.gpus() and not machine.usable_gpus(backend):
        hint = "install tensorflow[and-cuda], or a CUDA build of yours"
        yield _problem(f"{backend} cannot use the GPU", hint)
    if missing := machine.missing_instructions():
        what = f"this CPU lacks {', '.join(missing)}, which TensorFlow's and JAX's packages need"
        yield _problem(what, "use another machine, or KERAS_BACKEND=torch", fatal=backend != "torch")
    size, workers = memory(), cores()
    if (size.limit or size.total) < workers * WORKER_GIB:
        jobs = max(1, int((size.limit or size.total) / WORKER_GIB))
        what = f"{size.text} for {workers} workers of about {WORKER_GIB:g} GiB"
        yield _problem(what, f"train fewer members at a time: --jobs {jobs}")


def _data(settings: config.Config, credentials: bool) -> tuple[DataFound, list[Problem]]:
    """Return the data that `kit cv` would use, and what is wrong with it and with the credentials."""
    from kit import kaggle_client
    from kit.data import layout

    unusable = kaggle_client.unusable()
    problems = [_refusal(error, fatal=False) for error in unusable]
    try:
        if folder := layout.local_folder(settings):
            return DataFound(source=f"{folder}/"), problems
        if credentials:
            return DataFound(source="Kaggle"), problems
        if unusable:
            return DataFound(source=None), [_refusal(error, fatal=True) for error in unusable]
        layout.bundled_sample(settings)
    except UserError as error:
        return DataFound(source=None), [*problems, _refusal(error, fatal=True)]
    what = "no competition data here: results come from the bundled sample"
    problems.append(_problem(what, typed("kit data fetch --source PATH")))
    return DataFound(source="the bundled sample", sample=True), problems


def _folder(free: float) -> Iterator[Problem]:
    """Yield what is wrong with the working folder, whose disk has `free` GiB left."""
    if free < NEEDED_GIB:
        yield _problem(
            f"{free:.1f} GiB free on this disk", f"free some space: a run may need {NEEDED_GIB:g} GiB"
        )
    if not os.access(Path.cwd(), os.W_OK):
        hint = "use another: kit writes runs/ here"
        yield _problem("this folder is not writable", hint, fatal=True)


def _show(findings: Findings) -> None:
    from rich.console import Console

    from kit.reports.formatting import print_text
    from kit.terminals import is_terminal

    machine = findings.machine
    memory = f"{machine.cores} cores, {machine.memory_gib} GiB memory"
    if machine.memory_limit_gib is not None:
        memory += f" (limited to {machine.memory_limit_gib} GiB)"
    rows = {
        "versions": ", ".join(f"{name} {version}" for name, version in findings.versions.items()),
        "machine": f"{machine.cpu}, {memory}, {machine.platform}",
        "features": ", ".join(machine.features) or "none that kit uses",
        "gpu": machine.gpu or "none",
        "backend": findings.backend or "none",
        "precision": findings.precision or "none",
        "data": findings.data.source or "none",
        "credentials": ", ".join(f"found in {source}" for source in findings.credentials_found_in)
        or "none (kaggle.com, Settings, API)",
        "free disk": f"{findings.free_disk_gib} GiB",
    }
    lines = list(rows.items())
    lines += [("problem" if one.fatal else "note", f"{one.what}; {one.hint}") for one in findings.problems]
    console = Console()
    if not is_terminal(console):
        console.width = 1000  # One line each, for grep.
    for name, value in lines:
        print_text(console, value, start=f"{name:13}", indent=" " * 13)
    click.echo("kit cannot work here" if findings.is_fatal else f"ready: {typed('kit cv')}")
