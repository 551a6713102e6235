"""`make bench`: what the kit promises about speed, measured within one run on one machine."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from kit.config import load
from kit.data.dataset import open_folder
from kit.data.layout import SAMPLE, locate
from kit.training import machine
from tests.benchmarks import accuracy, ensembling, latency, matmul, reading, scaling, throughput, tuning
from tests.benchmarks.bench import Bench, Row

FAMILIES: dict[str, tuple[str, Callable[[Bench], Iterator[Row]]]] = {
    "a": ("Training", throughput.run),
    "b": ("Scaling", scaling.run),
    "c": ("Reading", reading.run),
    "d": ("Ensembling", ensembling.run),
    "e": ("Latency", latency.run),
    "f": ("Share of the matrix product (needs a)", matmul.run),
    "g": ("Accuracy (9 minutes, only when asked for)", accuracy.run),
    "h": ("Pruning (only when asked for)", tuning.run),
}
USUAL = "a,b,c,d,e,f"


@click.command()
@click.option("--quick", is_flag=True, help="Show that everything works; the figures mean nothing.")
@click.option("--only", default=USUAL, metavar="A,B,…", show_default=True, help="Families.")
@click.option("--repeat", type=click.IntRange(1), help="Times to measure each.  [default: 3, quick: 1]")
@click.option("--json", "path", type=click.Path(path_type=Path), help="[default: bench/TIME.json]")
def main(quick: bool, only: str, repeat: int | None, path: Path | None) -> None:
    """Measure, print a table a family, and write everything as JSON."""
    names = sorted(set(only.split(",")))
    if unknown := set(names) - set(FAMILIES):
        raise click.BadParameter(
            f"{', '.join(unknown)}; expected of {', '.join(FAMILIES)}", param_hint="--only"
        )
    config, console = load("default"), Console()
    source = locate(config) or SAMPLE
    dataset = open_folder(source, config)
    now = time.strftime("%Y%m%d-%H%M%S")
    record: dict[str, Any] = {
        "time": now,
        "quick": quick,
        "data": dataset.source,
        "rows": len(dataset.train_labels),
        "versions": machine.versions(),
        "machine": machine.describe().model_dump(mode="json"),
        "load_before": os.getloadavg()[0],
    }
    console.print(f"{record['machine']['cpu']}, {record['machine']['cores']} cores; data: {dataset.source}")
    if record["load_before"] > 0.5:
        console.print(f"warning: this machine is busy (load {record['load_before']:.1f})", style="yellow")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(dataset, source, Path(folder), repeat or (1 if quick else 3), quick)
        families = {}
        for name in names:
            title, run = FAMILIES[name]
            console.print(f"\n[bold]({name}) {title}[/]")
            families[name] = list(run(bench))
            console.print(_table(families[name]))
    record["families"] = {name: [row.plain() for row in rows] for name, rows in families.items()}
    path = path or Path("bench") / f"{now}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2), encoding="utf-8")
    console.print(f"\n{path}")


def _table(rows: list[Row]) -> Table:
    grid = Table("Measured", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    grid.add_column("Median", justify="right", no_wrap=True)
    grid.add_column("Lowest … highest", justify="right", no_wrap=True)
    grid.add_column("Note")
    for row in rows:
        median = f"{_number(row.median)} {row.unit}" if row.values else "-"
        spread = " … ".join(_number(end(row.values)) for end in (min, max)) if row.values else "-"
        grid.add_row(row.what, median, spread, row.note)
    return grid


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
