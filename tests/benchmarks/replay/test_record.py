"""The recorder of trials, on a few rows of the bundled sample."""

import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.config import Source
from kit.tuning.space import make_space
from tests.benchmarks.replay.record import Training, main, near_params, random_params, read

pytestmark = pytest.mark.slow
FILES = [Path(__file__).with_name(name) for name in ("trials.csv", "table.csv")]


def test_what_is_recorded_is_not_trained_again(workdir: Path) -> None:
    path = workdir / "trials.csv"
    command = [str(path), "--rows", "200", "--epochs", "2", "--jobs", "1"]
    for numbers in ("1", "0-1"):
        CliRunner().invoke(main, [*command, "--configuration", numbers], catch_exceptions=False)
    assert [one.training for one in read(path)] == [Training(number, 5, 0, 0, 200, 2) for number in (1, 0)]
    assert all(len(one.losses) == 2 and 0 < one.losses[-1] < math.log(10) + 1 for one in read(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_recorded_trials_are_those_of_the_search_space(path: Path) -> None:
    space = make_space(Source.read("lenet-regularized"))
    params = [*random_params(space), *near_params(space)]
    for one in read(path):
        assert one.params == params[one.training.configuration]
        assert len(one.losses) == one.training.epochs
