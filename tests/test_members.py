import ast
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kit.members import ALL_ROWS, MemberResult, pack, plan_members, unpack
from kit.records import History


@pytest.fixture
def result() -> MemberResult:
    rng = np.random.default_rng(0)
    val, test = (rng.dirichlet(np.ones(3), rows).astype(np.float32) for rows in (4, 6))
    return MemberResult(np.array([1, 5, 6, 9]), val, test, History(train_score=0.5), b"network")


def test_a_packed_result_is_restored_bit_for_bit(result: MemberResult) -> None:
    back = unpack(pack(result), b"network")
    for name in ("val_rows", "val_probs", "test_probs"):
        np.testing.assert_array_equal(getattr(back, name), getattr(result, name), strict=True)
    assert back.history == result.history
    assert back.network == b"network"


def test_threads_parse_array_headers_one_at_a_time(
    result: MemberResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse, inside, most = ast.literal_eval, [0], [0]

    def slowly(header: str) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.005)
        inside[0] -= 1
        return parse(header)

    monkeypatch.setattr(ast, "literal_eval", slowly)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(unpack, [pack(result)] * 4))
    assert most == [1]


def test_a_result_without_test_rows_is_restored(result: MemberResult) -> None:
    restored = unpack(pack(replace(result, test_probs=np.empty((0, 10), np.float32))))
    assert restored.test_probs.shape == (0, 10)
    assert (restored.val_probs == result.val_probs).all()


def test_views_are_restored_and_replace_the_plain_predictions(result: MemberResult) -> None:
    views = replace(result, val_probs_tta=result.val_probs[::-1], test_probs_tta=result.test_probs[::-1])
    back = unpack(pack(views)).with_views()
    np.testing.assert_array_equal(back.val_probs, result.val_probs[::-1], strict=True)
    np.testing.assert_array_equal(back.test_probs, result.test_probs[::-1], strict=True)


def test_without_views_the_plain_predictions_stay(result: MemberResult) -> None:
    assert unpack(pack(result)).val_probs_tta is None
    assert result.with_views() is result


def test_all_members_of_one_seed_come_before_the_next() -> None:
    members = plan_members(["a", "b"], 2, [4, 2], all_rows=False)
    assert [str(member) for member in members] == [
        "a-f0-s4", "a-f1-s4", "b-f0-s4", "b-f1-s4", "a-f0-s2", "a-f1-s2", "b-f0-s2", "b-f1-s2",
    ]  # fmt: skip


def test_a_member_trained_on_all_rows_comes_after_the_folds_of_its_model_and_seed() -> None:
    members = plan_members(["a", "b"], 1, [7], all_rows=True)
    assert [(one.model, one.fold) for one in members] == [
        ("a", 0),
        ("a", ALL_ROWS),
        ("b", 0),
        ("b", ALL_ROWS),
    ]


def test_a_member_without_test_rows_is_restored(result: MemberResult) -> None:
    back = unpack(pack(replace(result, test_probs=result.test_probs[:0])))
    assert back.test_probs.shape == (0, 3)
    np.testing.assert_array_equal(back.val_probs, result.val_probs, strict=True)
