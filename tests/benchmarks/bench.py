"""What every family of benchmarks is given, and what it gives."""

import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kit.data.dataset import Dataset

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: was measured.
        unit: of the values.
        values: one a repetition; none where it was skipped.
        note: conditions, or why it was skipped.
    """

    what: str
    unit: str
    values: tuple[float, ...] = ()
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def plain(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return asdict(self) | {"median": self.median if self.values else None}

    def over(self, other: "Row", what: str) -> "Row":
        """Return the ratio of each pair of values, as they were measured one after the other."""
        pairs = zip(self.values, other.values, strict=True)
        return Row(what, "x", tuple(mine / its for mine, its in pairs))


@dataclass(frozen=True)
class Trained:
    """What the engine reached with one network; `matmul` sets it against the machine's peak."""

    network: str
    precision: str
    multiply_adds: int
    images_per_second: float


@dataclass(frozen=True)
class Bench:
    """The run.

    Attributes:
        dataset: the competition's, or the bundled sample.
        source: the folder of its CSV files.
        folder: for temporary files.
        repeat: times that each measurement is made.
        quick: do as little as shows that everything works.
        trained: filled by `throughput`.
    """

    dataset: Dataset
    source: Path
    folder: Path
    repeat: int
    quick: bool
    trained: list[Trained] = field(default_factory=list)


def child(module: str, *arguments: object) -> Any:
    """Run a module of this folder in a fresh process and return the JSON it prints last."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
