import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit.config import Cnn, load
from kit.ensembling.methods import METHODS
from kit.models.families import cost
from tests.benchmarks import peak
from tests.benchmarks.__main__ import FAMILIES, main
from tests.benchmarks.bench import Row
from tests.benchmarks.throughput import REFERENCE


def measured(*arguments: str) -> dict[str, list[dict[str, Any]]]:
    """Run the benchmarks in the current folder at their smallest and return the rows of each family."""
    result = CliRunner().invoke(main, ["--quick", "--json", "bench.json", *arguments])
    assert result.exit_code == 0, result.output
    families: dict[str, list[dict[str, Any]]] = json.loads(Path("bench.json").read_bytes())["families"]
    return families


def medians(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {row["what"]: row["median"] for row in rows if row["values"]}


def test_the_reference_network_has_15_million_multiply_adds() -> None:
    spec = load(str(REFERENCE)).models["cnn"]
    assert isinstance(spec, Cnn)
    assert cost(spec, (28, 28, 1), 10).multiply_adds == 15_162_752


def test_ratios_are_taken_pair_by_pair() -> None:
    ratio = Row("one", "s", (1.0, 6.0, 2.0)).over(Row("other", "s", (2.0, 2.0, 2.0)), "one / other")
    assert ratio.values == (0.5, 3.0, 1.0)
    assert ratio.median == 1.0


def test_memory_of_a_command_includes_the_processes_that_it_starts() -> None:
    hold = "import time; held = bytearray(60_000_000); time.sleep(1.5)"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}]); sys.exit(3)"
    code, seconds, memory, anonymous = peak.measured([sys.executable, "-c", start])
    assert code == 3
    assert seconds > 1
    assert memory >= anonymous > 60_000_000


def test_an_unknown_family_is_named() -> None:
    result = CliRunner().invoke(main, ["--only", "a,z"])
    assert result.exit_code == 2
    assert "z; expected of a, b, c, d, e, f, g, h" in result.output


def test_reading_ensembling_and_latency(workdir: Path, write_competition: Callable[..., None]) -> None:
    write_competition(workdir / "data")
    families = measured("--only", "c,d,e")
    assert list(families) == ["c", "d", "e"]
    reading = medians(families["c"])
    assert reading["read, pandas / cold"] == reading["read, pandas"] / reading["read, cold"]
    assert reading["memory, cold"] < 1000
    methods = {f"combine by {method}" for method in METHODS}
    whole = {"assemble members", "combine members", "compare every method"}
    assert medians(families["d"]).keys() == methods | whole
    assert all(10 < value < 60_000 for value in medians(families["e"]).values())


@pytest.mark.slow
def test_training_is_measured_on_both_sides(workdir: Path, write_competition: Callable[..., None]) -> None:
    write_competition(workdir / "data")
    families = measured("--only", ",".join(FAMILIES))
    assert families.keys() == FAMILIES.keys()
    training = medians(families["a"])
    ratio = training["reference: engine"] / training["reference: plain Keras"]
    assert training["reference: engine / plain Keras"] == ratio
    assert training["reference: engine, start-up"] > 0
    share = medians(families["f"]).get("reference: share of it in training", 50.0)
    assert 0 < share < 200
    accuracy = medians(families["g"])
    assert 0 <= accuracy["quick: engine"] <= 100
    assert "quick: difference in log loss" in accuracy
    tuning = medians(families["h"])
    saved = tuning["study, losing trials stopped"] / tuning["study, every trial to its end"]
    assert tuning["time of trials, stopped / to the end"] == saved
