"""(b) Members an hour with one job and with two, start-up included."""

import shutil
import time
from collections.abc import Iterator

from kit.cores import cores
from tests.benchmarks import engine
from tests.benchmarks.bench import Bench, Row

MEMBERS = 4


def run(bench: Bench) -> Iterator[Row]:
    if engine.on_gpu() or cores() < 2:
        yield Row("members, 2 jobs / 1 job", "x", note="skipped: needs two cores, and no GPU")
        return
    rows, epochs = (256, 1) if bench.quick else (8192, 3)
    data = engine.write_arrays(bench.folder / "members", bench.dataset, rows + engine.HELD_OUT)
    jobs = engine.make_jobs("default", MEMBERS, data, rows, epochs)
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(bench.repeat):
        for workers, values in rates.items():
            started = time.perf_counter()
            engine.train(jobs, workers, data)
            values.append(MEMBERS * 3600 / (time.perf_counter() - started))
    shutil.rmtree(data.path)
    note = f"{MEMBERS} members of the default network, {epochs} x {rows:,} rows"
    one, two = (
        Row(f"members, {count} job{'s' * (count > 1)}", "an hour", tuple(values), note)
        for count, values in rates.items()
    )
    yield from (one, two, two.over(one, "members, 2 jobs / 1 job"))
