"""A worker that has trained other configurations before gives the same bits as a new one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.config import Source
from kit.data.dataset import Dataset, open_folder
from kit.data.folds import folds_by_seed
from kit.data.layout import SAMPLE
from kit.members import Member
from kit.training.job import Job
from kit.training.launch.base import DataFolder
from kit.training.launch.devices import assign
from kit.training.launch.local import LocalLauncher
from kit.training.launch.session import Session
from kit.training.plan import make_jobs, resolve_numerics
from kit.tuning.fidelity import search_folds, trial_folds

pytestmark = pytest.mark.slow
ROWS = 300


def job(dataset: Dataset, *changes: str) -> Job:
    config = Source.read("lenet-regularized", ["training.epochs=2", "seeds=[0]", *changes]).config
    folds = trial_folds(folds_by_seed(dataset, search_folds(config), [0])[0], 0, ROWS)[None]
    [made] = make_jobs([Member("lenet", 0, 0)], config, resolve_numerics(config), folds, dataset)
    return made


def last(dataset: Dataset, *jobs: Job) -> NDArray[np.float32]:
    """Return the predictions of the last job, all trained in one worker."""
    launcher = LocalLauncher()
    [device] = assign(launcher.devices(jobs[0].backend), 1)
    with Session(launcher, device, DataFolder.of(dataset)) as session:
        return [session.train(one, lambda _: None).val_probs for one in jobs][-1]


@pytest.mark.usefixtures("workdir")
def test_a_used_worker_gives_the_same_bits_as_a_new_one() -> None:
    dataset = open_folder(SAMPLE, Source.read("lenet-regularized").config)
    one = job(dataset)
    other = job(dataset, "models.lenet.stages.1.batch_norm=none", "models.lenet.stages.0.dropout=0.4")
    np.testing.assert_array_equal(last(dataset, other, other, one), last(dataset, one))
