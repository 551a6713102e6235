"""(c) Reading train.csv and test.csv: `kit` without and with its cache, against `pandas.read_csv`.

`python -m tests.benchmarks.reading kit|pandas FOLDER` reads once and prints seconds (without imports), the
bytes by which the process's memory grew at its highest, and the bytes of the arrays.
"""

import gzip
import json
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.bench import Bench, Row, child

ROWS = {"train.csv": 42_000, "test.csv": 28_000}
"""Of the competition's files."""


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.folder / "csv"
    folder.mkdir()
    size = sum(_place(bench, name, folder / name) for name in ROWS)
    kinds = {"cold": "kit", "warm": "kit", "pandas": "pandas"}
    read: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(bench.repeat):
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        for kind, reader in kinds.items():
            read[kind].append(child("reading", reader, folder))
    shutil.rmtree(folder)
    notes = {"cold": "checked, hashed, cache written", "warm": "cached", "pandas": "read_csv, no checks"}
    cold, warm, pandas = (
        Row(f"read, {kind}", "ms", tuple(1000 * one["seconds"] for one in values), notes[kind])
        for kind, values in read.items()
    )
    yield from (cold, warm, pandas, pandas.over(cold, "read, pandas / cold"))
    arrays = read["cold"][0]["arrays"]
    for kind, values in read.items():
        peaks = tuple(one["peak"] / 1e6 for one in values)
        yield Row(f"memory, {kind}", "MB", peaks)
    note = f"arrays {arrays / 1e6:.0f} MB, files {size / 1e6:.0f} MB"
    limit = 3 * arrays + size
    shares = tuple(one["peak"] / limit for one in read["cold"])
    yield Row("memory, cold / (3 x arrays + files)", "x", shares, note)


def _place(bench: Bench, name: str, target: Path) -> int:
    """Write the data set's file, the sample's repeated to the competition's rows, and return its bytes."""
    from kit.data.layout import file_in

    source = file_in(bench.source, name)
    if source is None:
        raise FileNotFoundError(name)
    content = gzip.decompress(source.read_bytes()) if source.suffix == ".gz" else source.read_bytes()
    if bench.dataset.sample and not bench.quick:
        header, body = content.split(b"\n", 1)
        lines = body.splitlines(keepends=True)
        content = header + b"\n" + b"".join(lines[row % len(lines)] for row in range(ROWS[name]))
    return target.write_bytes(content)


def _peak() -> int:
    """Return the bytes that this process had in memory at its highest."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux's getrusage counts the parent's memory too, from before exec.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _read_with_kit(folder: Path) -> dict[str, float]:
    from kit.config import load
    from kit.data.dataset import open_folder

    config, before, started = load("default"), _peak(), time.perf_counter()
    dataset = open_folder(folder, config)
    seconds = time.perf_counter() - started
    arrays = dataset.train_images, dataset.train_labels, dataset.test_images
    return {"seconds": seconds, "peak": _peak() - before, "arrays": sum(array.nbytes for array in arrays)}


def _read_with_pandas(folder: Path) -> dict[str, float]:
    import pandas as pd

    before, started = _peak(), time.perf_counter()
    tables = [pd.read_csv(folder / name) for name in ROWS]
    seconds = time.perf_counter() - started
    arrays = sum(float(table.memory_usage().sum()) for table in tables)
    return {"seconds": seconds, "peak": _peak() - before, "arrays": arrays}


if __name__ == "__main__":
    read = {"kit": _read_with_kit, "pandas": _read_with_pandas}[sys.argv[1]]
    print(json.dumps(read(Path(sys.argv[2]))))  # noqa: T201 - what the parent reads
