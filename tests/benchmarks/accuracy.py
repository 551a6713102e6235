"""(g) What the engine's faster arithmetic costs: against Keras's own layers in float32, on the same rows."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from kit import metrics
from kit.config import load
from kit.cores import cores
from kit.data.folds import folds_by_seed
from kit.processes import command
from kit.training.job import Job
from kit.training.launch.base import DataFolder, Launcher
from kit.training.launch.local import LocalLauncher
from kit.training.plan import make_jobs, plan, resolve_numerics
from tests.benchmarks import engine
from tests.benchmarks.bench import Bench, Row

FOLDS = 2
PLAIN = LocalLauncher(command("tests.benchmarks.plain_worker"))


def run(bench: Bench) -> Iterator[Row]:
    for name in ("lenet-regularized", "quick"):
        config = load(name, [f"training.epochs={1 if bench.quick else 6}", "seeds=1"])
        members = [member for member in plan(config) if member.fold < FOLDS]
        folds = folds_by_seed(bench.dataset, config.folds, config.seeds)
        jobs = make_jobs(members, config, resolve_numerics(config), folds, bench.dataset)
        data = DataFolder.of(bench.dataset)
        ours = _probabilities(jobs, data, LocalLauncher())
        plain = _probabilities([replace(job, precision="float32") for job in jobs], data, PLAIN)
        labels = np.concatenate([bench.dataset.train_labels[job.held_out] for job in jobs])
        note = f"{len(labels):,} held-out rows of {FOLDS} folds, {jobs[0].epochs} epochs"
        yield Row(f"{name}: engine", "%", (100 * metrics.accuracy(ours, labels),), note)
        yield Row(f"{name}: Keras's layers, float32", "%", (100 * metrics.accuracy(plain, labels),), note)
        mean, low, high = metrics.paired_bootstrap(
            metrics.row_losses(ours, labels), metrics.row_losses(plain, labels)
        )
        yield Row(f"{name}: difference in log loss", "nats", (low, mean, high), "mean, 95 % interval")


def _probabilities(jobs: list[Job], data: DataFolder, launcher: Launcher) -> np.ndarray:
    # Members come as they finish; their held-out rows identify them.
    results = {int(one.val_rows[0]): one for one in engine.train(jobs, cores(), data, launcher)}
    return np.concatenate([results[int(np.flatnonzero(job.held_out)[0])].val_probs for job in jobs])
