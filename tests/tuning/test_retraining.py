import itertools

import pytest

from kit.tuning.retraining import all_cells, makespan


@pytest.mark.parametrize(("seeds", "folds"), [(3, 5), (3, 3), (4, 6), (3, 2), (5, 5), (6, 4)])
def test_cells_are_every_pair_once_and_share_as_late_as_can_be(seeds: int, folds: int) -> None:
    cells = all_cells(range(10, 10 + seeds), folds)
    pairs = [(cell.seed, cell.fold) for cell in cells]
    assert sorted(pairs) == sorted(itertools.product(range(10, 10 + seeds), range(folds)))
    assert len({cell.seed for cell in cells[:seeds]}) == seeds
    assert len({cell.fold for cell in cells[:folds]}) == folds


def test_makespan_gives_the_next_task_to_whoever_is_free() -> None:
    assert makespan([4, 1, 1, 1, 4], 2) == 7
    assert makespan([], 3) == 0
