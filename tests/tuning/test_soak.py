"""What the process of a search holds after 40 trials."""

from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import pytest

from kit.config import FloatRange, Source
from kit.data.dataset import Dataset
from kit.scratch import scratch
from kit.training.launch.local import LocalLauncher
from kit.tuning.search import search
from kit.tuning.space import Parameter, Space
from kit.tuning.study import SharedStudy
from kit.tuning.trial import Objective
from tests.launchers import CPU
from tests.tuning.conftest import Recorder

RATE = "models.cnn.training.learning_rate"
SPACE = Space((Parameter(RATE, FloatRange(kind="float", low=0.001, high=1.0), {}),), {RATE: 0.01}, False)
TRIALS, WARM_UP = 40, 10
NETWORK = 300_000
"""Bytes of a stand-in network, so that a result which is kept shows."""
MOST_BYTES = 100_000
"""Growth of memory per trial of four members; results that are kept add 1,200,000."""


class Samples(Recorder):
    """Measures this process after each trial."""

    def __init__(self) -> None:
        super().__init__()
        self.process = psutil.Process()
        self.taken: list[tuple[int, int, int]] = []

    def trial_ended(self, trial: Any) -> None:
        super().trial_ended(trial)
        now = self.process
        self.taken.append((now.memory_info().rss, now.num_fds(), now.num_threads()))


@pytest.mark.slow
def test_nothing_grows_with_the_trials(
    worker: Callable[..., None],
    launcher: LocalLauncher,
    open_study: Callable[..., SharedStudy],
    dataset: Dataset,
    folds: Any,
) -> None:
    sent = '(seen / f"{name}{fold}.npz").read_bytes()'
    worker(f"""
send({{"epoch": 1, "val_loss": rate, "val_score": 0.5}})
send({{"result": "member"}}, {sent}, os.urandom({NETWORK}))""")
    before, samples = set(scratch().iterdir()), Samples()
    shared = open_study(SPACE, folds=4)
    search(
        shared,
        Objective(Source.read("tiny"), SPACE, dataset, folds),
        trials=TRIALS,
        stop_at=lambda: float("inf"),
        launcher=launcher,
        devices=[CPU] * 2,
        listener=samples,
    )
    assert len(samples.ended) == TRIALS
    assert {trial.state.name for trial in samples.ended} == {"COMPLETE"}
    late = np.array(samples.taken, np.float64)[WARM_UP:]
    memory, files, threads = np.polyfit(np.arange(len(late)), late, 1)[0]
    assert memory < MOST_BYTES
    assert max(abs(files), abs(threads)) < 0.2
    assert set(scratch().iterdir()) == before
