import itertools

import pytest

from kit.tuning.confirm.replicates import all_replicates


@pytest.mark.parametrize(("seeds", "folds"), [(3, 5), (3, 3), (4, 6), (3, 2), (5, 5), (6, 4)])
def test_replicates_are_every_pair_once_and_share_as_late_as_possible(seeds: int, folds: int) -> None:
    replicates = all_replicates(range(10, 10 + seeds), folds)
    pairs = [(replicate.seed, replicate.fold) for replicate in replicates]
    assert sorted(pairs) == sorted(itertools.product(range(10, 10 + seeds), range(folds)))
    assert len({replicate.seed for replicate in replicates[:seeds]}) == seeds
    assert len({replicate.fold for replicate in replicates[:folds]}) == folds
