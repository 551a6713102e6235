"""(a) Images a second in training: the engine against a plain Keras script and against PyTorch.

All train the same network on the same number of images, augmentation on, all cores, in turn. The first epoch,
which traces and compiles, is left out everywhere.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from kit.cores import cores
from tests.benchmarks import engine
from tests.benchmarks.bench import Bench, Row, Trained, child

REFERENCE = Path(__file__).with_name("reference.yaml")


def run(bench: Bench) -> Iterator[Row]:
    yield from _network(bench, "reference", str(REFERENCE))
    if not bench.quick:
        yield from _network(bench, "default", "default")


def _network(bench: Bench, name: str, config: str) -> Iterator[Row]:
    workers = 1 if engine.on_gpu() else cores()
    rows, epochs = (512, 2) if bench.quick else (40_960 if engine.on_gpu() else 4096, 4)
    own = engine.write_arrays(bench.folder / "own", bench.dataset, rows + engine.HELD_OUT)
    whole = engine.write_arrays(bench.folder / "whole", bench.dataset, rows * workers)
    jobs = engine.make_jobs(config, workers, own, rows, epochs)
    rivals: dict[str, tuple[object, ...]] = {"plain Keras": ("plain_keras", config, whole.path, epochs)}
    if find_spec("torch"):
        for precision in ("float32", "bfloat16"):
            rivals[f"PyTorch {precision}"] = ("plain_torch", config, whole.path, epochs, precision)
    rates: dict[str, list[float]] = {rival: [] for rival in ("engine", *rivals)}
    starts: dict[str, list[float]] = {rival: [] for rival in ("engine", "plain Keras")}
    for _ in range(bench.repeat):
        results = engine.train(jobs, workers, own)
        rates["engine"].append(sum(_rate(one.history.epochs.seconds, rows) for one in results))
        histories = [one.history for one in results]
        starts["engine"].append(max(one.startup_seconds + one.tracing_seconds for one in histories))
        for rival, command in rivals.items():
            started = time.perf_counter()
            seconds = child(*map(str, command))
            rates[rival].append(_rate(seconds, rows * workers))
            if rival in starts:
                starts[rival].append(time.perf_counter() - started - sum(seconds[1:]) * epochs / (epochs - 1))
    shutil.rmtree(own.path)
    shutil.rmtree(whole.path)
    mine = Row(
        f"{name}: engine",
        "images/s",
        tuple(rates["engine"]),
        f"{workers} jobs, {jobs[0].precision}, batch {histories[0].batch_size}",
    )
    bench.trained.append(Trained(name, jobs[0].precision, histories[0].multiply_adds or 0, mine.median))
    yield mine
    for rival in rivals:
        row = Row(f"{name}: {rival}", "images/s", tuple(rates[rival]))
        yield row
        yield mine.over(row, f"{name}: engine / {rival}")
    if not find_spec("torch"):
        yield Row(f"{name}: PyTorch", "images/s", note="skipped: torch is not installed")
    for rival, values in starts.items():
        yield Row(f"{name}: {rival}, start-up", "s", tuple(values), "imports, tracing")


def _rate(seconds: Sequence[float], images: int) -> float:
    return images * (len(seconds) - 1) / sum(seconds[1:])
