"""(f) How much of the machine's matrix-product rate training reaches.

`python -m tests.benchmarks.matmul PRECISION SIZE SECONDS` says when it is ready, waits for a line, multiplies
for SECONDS, and prints the floating-point operations a second it came to.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO

from kit.cores import cores
from kit.processes import environment
from kit.training import machine
from tests.benchmarks import engine
from tests.benchmarks.bench import ROOT, Bench, Row


def run(bench: Bench) -> Iterator[Row]:
    if engine.on_gpu() or machine.backend() != "tensorflow" or not hasattr(os, "sched_setaffinity"):
        yield Row("matrix product", "GFLOP/s", note="skipped: needs TensorFlow on a CPU, under Linux")
        return
    size, seconds = (256, 0.2) if bench.quick else (2048, 3)
    rates = {}
    for precision in ("float32", "bfloat16"):
        values = tuple(_rate(precision, size, seconds) / 1e9 for _ in range(bench.repeat))
        note = f"{size} x {size}, {cores()} pinned processes of one thread"
        rates[precision] = Row(f"matrix product, {precision}", "GFLOP/s", values, note)
        yield rates[precision]
    for one in bench.trained:
        # Backward takes twice the forward's operations; a multiply-add is two.
        used = 6 * one.multiply_adds * one.images_per_second / 1e9
        peak = rates[one.precision].median
        yield Row(f"{one.network}: share of it in training", "%", (100 * used / peak,), one.precision)


def _rate(precision: str, size: int, seconds: float) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.matmul", precision, str(size), str(seconds)]
    processes = []
    for core in sorted(os.sched_getaffinity(0))[: cores()]:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment("training", backend="tensorflow", one_thread=True),
            cwd=ROOT,
            text=True,
        )
        os.sched_setaffinity(process.pid, {core})
        processes.append(process)
    # Together, so that they share the memory and the clock as workers do.
    for process in processes:
        _stream(process.stdout).readline()
    for process in processes:
        _stream(process.stdin).write("go\n")
        _stream(process.stdin).flush()
    return sum(float(process.communicate()[0]) for process in processes)


def _stream(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("no pipe to a child process")
    return stream


def _multiply(precision: str, size: int, seconds: float) -> None:
    import tensorflow as tf

    left, right = (tf.cast(tf.random.normal((size, size)), precision) for _ in range(2))
    for _ in range(3):
        tf.matmul(left, right)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    started, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < seconds:
        tf.matmul(left, right)
        count += 1
    sys.stdout.write(f"{2 * size**3 * count / spent}\n")


if __name__ == "__main__":
    _multiply(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
