from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.ensembling.columns import assemble
from kit.errors import KitError
from kit.members import ALL_ROWS, Member, MemberResult

ROWS, CLASSES, TEST_ROWS, SEEDS = 30, 4, 6, (7, 3)
Members = dict[Member, MemberResult]


def probs_of(rows: NDArray[np.integer], offset: float) -> NDArray[np.float32]:
    """Return probabilities that encode their row: the first class has (row + offset) / 100."""
    first = (rows + offset) / 100
    return np.stack([first, *[(1 - first) / (CLASSES - 1)] * (CLASSES - 1)], axis=1).astype(np.float32)


@pytest.fixture
def folds() -> NDArray[np.int8]:
    """Return shuffled folds, different for each seed."""
    rng = np.random.default_rng(0)
    return np.stack([rng.permutation(np.arange(ROWS) % 3) for _ in SEEDS]).astype(np.int8)


@pytest.fixture
def members(folds: NDArray[np.int8]) -> Members:
    results = {}
    for index, model in enumerate(("tree", "cnn")):
        for seed, held_out in zip(SEEDS, folds, strict=True):
            for fold in range(3):
                rows = np.flatnonzero(held_out == fold)
                test = probs_of(np.full(TEST_ROWS, fold), 10 * index)
                results[Member(model, fold, seed)] = MemberResult(rows, probs_of(rows, index), test, {})
    return results


def test_oof_probabilities_are_in_row_order(members: Members, folds: NDArray[np.int8]) -> None:
    for column in assemble(members, folds, SEEDS):
        offset = 0 if column.key.model == "tree" else 1
        np.testing.assert_array_equal(column.oof, probs_of(np.arange(ROWS), offset))


def test_test_probabilities_are_the_mean_over_folds(members: Members, folds: NDArray[np.int8]) -> None:
    column = assemble(members, folds, SEEDS)[0]
    assert column.test.dtype == np.float64
    assert column.test[:, 0] == pytest.approx([0.11] * TEST_ROWS)


def test_a_member_on_all_rows_counts_as_one_more_in_the_test_mean(
    members: Members, folds: NDArray[np.int8]
) -> None:
    nothing = np.empty(0, np.int64), np.empty((0, CLASSES), np.float32)
    test = probs_of(np.full(TEST_ROWS, 41), 0)
    before = assemble(members, folds, SEEDS)
    members[Member("cnn", ALL_ROWS, 7)] = MemberResult(*nothing, test, {})
    after = assemble(members, folds, SEEDS)
    # 0.10, 0.11 and 0.12 from the folds.
    assert before[0].test[:, 0] == pytest.approx([0.11] * TEST_ROWS)
    assert after[0].test[:, 0] == pytest.approx([(0.33 + 0.41) / 4] * TEST_ROWS)
    np.testing.assert_array_equal(after[0].oof, before[0].oof)
    np.testing.assert_array_equal(after[1].test, before[1].test)


def test_a_member_on_all_rows_does_not_replace_a_fold(members: Members, folds: NDArray[np.int8]) -> None:
    test = members.pop(Member("cnn", 1, 7)).test_probs
    nothing = np.empty(0, np.int64), np.empty((0, CLASSES), np.float32)
    members[Member("cnn", ALL_ROWS, 7)] = MemberResult(*nothing, test, {})
    with pytest.raises(KitError, match="received folds 0, 2\n"):
        assemble(members, folds, SEEDS)


def test_columns_are_ordered_by_model_then_seed(members: Members, folds: NDArray[np.int8]) -> None:
    assert [f"{column.key.model}-s{column.key.seed}" for column in assemble(members, folds, SEEDS)] == [
        "cnn-s7",
        "cnn-s3",
        "tree-s7",
        "tree-s3",
    ]


def test_the_order_of_members_changes_no_bit(folds: NDArray[np.int8]) -> None:
    rng = np.random.default_rng(0)
    arrived = {}
    for fold in range(3):
        rows = np.flatnonzero(folds[0] == fold)
        draw = rng.dirichlet(np.ones(CLASSES), len(rows) + TEST_ROWS).astype(np.float32)
        arrived[Member("cnn", fold, 7)] = MemberResult(rows, draw[: len(rows)], draw[len(rows) :], {})
    [one] = assemble(arrived, folds[:1], [7])
    [other] = assemble(dict(reversed(arrived.items())), folds[:1], [7])
    np.testing.assert_array_equal(one.oof, other.oof)
    np.testing.assert_array_equal(one.test, other.test)


def test_members_of_other_seeds_are_ignored(members: Members, folds: NDArray[np.int8]) -> None:
    assert {column.key.seed for column in assemble(members, folds[1:], [3])} == {3}


def spoil(
    field: str, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> Callable[[Members], None]:
    def apply(members: Members) -> None:
        member = Member("cnn", 1, 7)
        changed: dict[str, Any] = {field: change(getattr(members[member], field))}
        members[member] = replace(members[member], **changed)

    return apply


def put(value: float) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    def change(probs: NDArray[np.float32]) -> NDArray[np.float32]:
        changed = probs.copy()
        changed[2, 1] = value
        return changed

    return change


def swap_folds(members: Members) -> None:
    one, other = Member("cnn", 0, 7), Member("cnn", 1, 7)
    members[one], members[other] = members[other], members[one]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda members: members.pop(Member("cnn", 1, 7)),
            r"column cnn-s7: 10 of 30 .*\n.*received folds 0, 2",
        ),
        (swap_folds, r"member cnn-f0-s7: .* other rows than fold 0 .*\n.* 10 rows, .* 10 rows, 10 of them"),
        (spoil("val_rows", lambda rows: rows[::-1]), r"expected the fold's 10 rows, ascending"),
        (spoil("val_rows", lambda rows: rows + 100), r"10 of them not in the fold"),
        (spoil("val_probs", lambda probs: probs[:-1]), r"expected 10 rows of probabilities, received 9"),
        (
            spoil("val_probs", lambda probs: probs[:, :3]),
            r"expected 4 classes .* as member cnn-f0-s3 has, received 3",
        ),
        (spoil("test_probs", lambda probs: probs[:, :3]), r"received 4 classes for held-out rows; 3 classes"),
        (spoil("test_probs", lambda probs: probs[:-1]), r"6 test rows, .* 5 rows for test"),
        (
            spoil("val_probs", put(np.nan)),
            r"cnn-f1-s7: 1 of its 10 held-out rows are not probabilities\n.*nan",
        ),
        (spoil("test_probs", put(np.inf)), r"cnn-f1-s7: 1 of its 6 test rows are not probabilities\n.*inf"),
        (spoil("val_probs", put(-0.5)), r"received -0.5 to"),
        (spoil("val_probs", lambda probs: probs * 1.01), r"10 of its 10 held-out rows .*\n.* sum 1.01"),
    ],
)
def test_an_inconsistent_member_is_named_with_expected_and_received(
    members: Members, folds: NDArray[np.int8], change: Callable[[Members], object], message: str
) -> None:
    change(members)
    with pytest.raises(KitError, match=message) as error:
        assemble(members, folds, SEEDS)
    assert len(str(error.value).splitlines()) == 3


def test_rounding_of_float32_probabilities_is_accepted(members: Members, folds: NDArray[np.int8]) -> None:
    spoil("val_probs", lambda probs: probs * np.float32(1.0005))(members)
    assert len(assemble(members, folds, SEEDS)) == 4
