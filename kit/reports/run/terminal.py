"""The report of a run as people read it in a terminal: the answer first, then what it is made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit.reports.formatting import WIDE, duration, interval, network_size, percent, table
from kit.runs import Run

Figures = Mapping[str, Any]


def render(report: Figures, console: Console, run: Run | None = None) -> None:
    """Write a report to `console`, which has 80 columns or more.

    Args:
        report: report.json, as `kit.reports.run.figures.summarise` gives it.
        console: where to.
        run: whose files to name at the end.
    """
    console.print(Text.assemble((report["run"], "bold"), "   ", _makeup(report)))
    console.print()
    console.print(_headline(report))
    if report["sample"]:
        rows = f"{report['data']['rows']:,}"
        plainly = f"bundled sample of {rows} digits: these figures say nothing about the competition"
        _paragraph(console, plainly, "bold yellow")
    for warning in report["warnings"]:
        _paragraph(console, f"warning: {warning}", "yellow")
    if len(report["models"]) > 1:
        console.print()
        console.print(_models(report["models"], wide=console.width >= WIDE))
    details = [_folds(report["folds"]["each"])]
    if len(report["seeds"]["each"]) > 1:
        details.append(_seeds(report["seeds"]["each"]))
    if report["confusions"]:
        details.append(_confusions(report["confusions"]))
    console.print()
    console.print(Columns(details, padding=(0, 4)))
    if tta := report.get("tta"):  # Reports of earlier versions say nothing of it.
        console.print()
        console.print(_test_time(tta))
        console.print(Text(_difference(tta)))
    if report["notes"]:
        _paragraph(console, " ".join(report["notes"]), "dim")
    if run is not None:
        written = [run.oof_path, run.submission_path, run.report_path]
        _paragraph(console, f"{run.path}: {', '.join(path.name for path in written if path.is_file())}")


def _makeup(report: Figures) -> str:
    counts = {
        "model": len(report["models"]),
        "seed": len(report["seeds"]["each"]),
        "fold": len(report["folds"]["each"]),
    }
    parts = ", ".join(f"{count} {word}{'s' * (count > 1)}" for word, count in counts.items())
    return parts + (f", blend by {report['blend']}" if len(report["columns"]) > 1 else "")


def _headline(report: Figures) -> Table:
    oof, time, models = report["oof"], report["time"], report["models"]
    grid = Table.grid(padding=(0, 3))
    accuracy = Text(f"{percent(oof['accuracy'])} %", "bold green")
    grid.add_row(
        "OOF accuracy", accuracy.append(f"   {oof['errors']:,} errors in {oof['rows']:,} rows", "default")
    )
    grid.add_row("95 % interval", f"{interval(oof)} %")
    if not report["sample"]:
        score = report["expected_score"]
        span = f"{percent(score['low'])} to {percent(score['high'])} %"
        grid.add_row("Expected score", f"{span} on the leaderboard's {score['rows']:,} rows")
    grid.add_row("Log loss", f"{oof['log_loss']:.5f}")
    grid.add_row("Fold mean", f"{_spread(report['folds'])} %")
    if len(report["seeds"]["each"]) > 1:
        grid.add_row("Seed mean", f"{_spread(report['seeds'])} %")
    if len(models) == 1 and models[0]["gap"] is not None:
        train, gap = percent(models[0]["train_accuracy"]), percent(models[0]["gap"])
        grid.add_row("Train accuracy", f"{train} %, a gap of {gap} points to the held-out folds")
    if len(models) == 1 and models[0]["parameters"] is not None:
        grid.add_row("Network", network_size(models[0]["parameters"], models[0]["multiply_adds"]))
    training = f"training {duration(time['member_seconds'])} in {len(report['members'])} members"
    start = f", start-up {duration(time['startup_seconds'])}" if time["startup_seconds"] else ""
    grid.add_row("Time", f"{duration(time['wall_seconds'])} ({training}{start})")
    return grid


def _models(models: Sequence[Figures], *, wide: bool) -> Table:
    cells = {
        "Model": [one["model"] for one in models],
        "OOF %": [percent(one["accuracy"]) for one in models],
        "95 % interval": [interval(one) for one in models],
        "Errors": [f"{one['errors']:,}" for one in models],
        "Log loss": [f"{one['log_loss']:.5f}" for one in models],
        "Fold mean %": [_spread(one["folds"]) for one in models],
        "Train %": [percent(one["train_accuracy"]) for one in models],
        "Gap": [percent(one["gap"]) for one in models],
        "Params": [_short(one["parameters"]) for one in models],
        "MACs": [_short(one["multiply_adds"]) for one in models],
        "Time": [duration(one["seconds"]) for one in models],
    }
    if not wide:
        del cells["95 % interval"], cells["Log loss"], cells["Train %"]
    return table(cells)


def _folds(folds: Sequence[Figures]) -> Table:
    return table(
        {"Fold": [one["fold"] for one in folds], "Accuracy %": [_spread(one) for one in folds]},
    )


def _seeds(seeds: Sequence[Figures]) -> Table:
    return table(
        {
            "Seed": [one["seed"] for one in seeds],
            "OOF %": [percent(one["accuracy"]) for one in seeds],
            "Errors": [f"{one['errors']:,}" for one in seeds],
            "Log loss": [f"{one['log_loss']:.5f}" for one in seeds],
        }
    )


def _test_time(tta: Figures) -> Table:
    both = {"off": tta["without"], "on": tta["with"]}
    used = "on" if tta["used"] else "off"
    return table(
        {
            "Test-time augmentation": [name + ", in the blend" * (name == used) for name in both],
            "OOF %": [percent(one["accuracy"]) for one in both.values()],
            "Errors": [f"{one['errors']:,}" for one in both.values()],
            "Log loss": [f"{one['log_loss']:.5f}" for one in both.values()],
        }
    )


def _difference(tta: Figures) -> str:
    """Return what test-time augmentation changes, with how sure that is."""
    loss = tta["log_loss_difference"]
    return (
        f"Log loss on - off: {loss['mean']:+.5f} (95 % interval {loss['low']:+.5f} to {loss['high']:+.5f}). "
        f"Rows right only with it: {tta['right_only_with']:,}, only without it: "
        f"{tta['right_only_without']:,} (p = {tta['p']:.2g})."
    )


def _confusions(confusions: Sequence[Figures]) -> Table:
    return table(
        {
            "Label": [one["label"] for one in confusions],
            "Read as": [one["predicted"] for one in confusions],
            "Rows": [f"{one['count']:,}" for one in confusions],
        }
    )


def _short(count: int | None) -> str:
    """Return a count as in 468.9 k, 5.1 M."""
    if count is None:
        return "-"
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.1f} k"


def _spread(figures: Figures) -> str:
    """Return mean ± sd, the sd only where there is one."""
    return percent(figures["mean"]) + (f" ± {percent(figures['sd'])}" if figures["sd"] is not None else "")


def _paragraph(console: Console, text: str, style: str = "default") -> None:
    console.print()
    console.print(Text(text, style))
