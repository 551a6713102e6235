from typing import Any

import pytest

from kit.training.launch.dask.facts import Facts
from kit.training.launch.dask.workers import RemoteWorker, Workers

OWN = Facts("here", {"numpy": "2.4"}, ("avx2",))
OTHER = Facts("there", {"numpy": "2.3"}, ())
INFO = {"name": "w", "nthreads": 2}


def workers(*, allow_different: bool = False) -> tuple[Workers, list[str]]:
    said: list[str] = []
    return Workers(OWN, None, allow_different=allow_different, say=said.append), said


def joined(*addresses: str, **info: Any) -> Workers:
    found, _ = workers()
    found.unknown(dict.fromkeys(addresses))
    for address in addresses:
        found.admit(address, {**INFO, **info}, OWN)
    return found


def taken(found: Workers) -> RemoteWorker:
    worker = found.take(0)
    assert worker
    return worker


def test_a_worker_is_asked_about_its_machine_once() -> None:
    found, _ = workers()
    assert found.unknown({"a": 1, "b": 2}) == ["a", "b"]
    assert found.undecided
    found.admit("a", INFO, OWN)
    found.refuse("b", "broken")
    assert not found.undecided
    assert found.unknown({"a": 1, "b": 2, "c": 3}) == ["c"]


def test_a_worker_that_did_not_answer_is_asked_again() -> None:
    found, _ = workers()
    found.unknown({"a": 1})
    found.forget("a")
    assert found.unknown({"a": 1}) == ["a"]


def test_a_worker_that_differs_is_named_and_refused() -> None:
    found, said = workers()
    found.unknown({"a": 1})
    found.admit("a", INFO, OTHER)
    reason = "Dask worker w on there would give other numbers: numpy 2.3 instead of 2.4; its CPU lacks avx2"
    assert found.slots == 0
    assert found.refused == [reason]
    assert said == [f"warning: {reason}; it trains nothing"]


def test_a_worker_that_differs_is_used_if_that_is_allowed() -> None:
    found, said = workers(allow_different=True)
    found.unknown({"a": 1})
    found.admit("a", INFO, OTHER)
    worker = taken(found)
    assert worker.differences == ("numpy 2.3 instead of 2.4", "its CPU lacks avx2")
    assert said == [
        "warning: Dask worker w on there may give other numbers: numpy 2.3 instead of 2.4; "
        "its CPU lacks avx2; run.json names it"
    ]


@pytest.mark.parametrize(
    ("info", "gpus", "slots", "takes"),
    [
        ({"nthreads": 3}, 0, 3, {}),
        ({"nthreads": 8}, 2, 2, {}),
        ({"nthreads": 8, "resources": {"GPU": 4}}, 4, 4, {"GPU": 1}),
        ({"nthreads": 1, "resources": {"GPU": 4}}, 4, 1, {"GPU": 1}),
    ],
)
def test_a_worker_trains_one_member_per_thread_or_gpu(
    info: dict[str, Any], gpus: int, slots: int, takes: dict[str, float]
) -> None:
    own = Facts("here", {}, (), gpus=gpus)
    found = Workers(own, None, allow_different=False, say=lambda _: None)
    found.unknown({"a": 1})
    found.admit("a", info, own)
    assert found.slots == slots
    assert taken(found).resources == takes


def test_members_are_spread_over_the_workers() -> None:
    found = joined("a", "b")
    assert [taken(found).address for _ in range(4)] == ["a", "b", "a", "b"]
    assert found.take(0) is None


def test_a_worker_that_lost_a_member_comes_last() -> None:
    found = joined("a", "b")
    worker = taken(found)
    worker.losses += 1
    found.give(worker)
    assert [taken(found).address for _ in range(4)] == ["b", "b", "a", "a"]


def test_a_worker_that_left_trains_no_more_but_is_remembered() -> None:
    found = joined("a", "b")
    worker = taken(found)
    worker.trained += 1
    found.give(worker)
    found.unknown({"b": 1})
    assert not worker.alive
    assert found.slots == 2
    assert found.take(0)
    assert found.all_used == [worker]


def test_the_last_worker_that_leaves_is_mentioned() -> None:
    found, said = workers()
    found.unknown({"a": 1})
    found.admit("a", INFO, OWN)
    found.unknown({})
    found.unknown({})
    assert said == ["warning: no worker is left; members wait until one joins"]
