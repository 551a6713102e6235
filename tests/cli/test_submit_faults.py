"""Temporary and permanent faults with real waits; cases run in parallel, to take a minute."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kaggle_server import TOKEN, Fault, KaggleServer, refusal
from tests.workplace import LABELS, Ended, ended, events, start, write_run

BY_TOKEN = {"KAGGLE_KEY": "", "KAGGLE_API_TOKEN": TOKEN}
NOBODY = {"http_proxy": "http://127.0.0.1:9"}
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Case:
    """`kit submit --timeout 5s` with `faults` at `step`, or `always` the first of them."""

    step: str
    faults: tuple[Fault, ...]
    always: bool = False
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    kaggle: KaggleServer
    folder: Path
    kit: Ended


def outcomes(cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    monkeypatch.delenv("NO_PROXY", raising=False)
    results = []
    with ExitStack() as stack:
        begun = []
        for number, case in enumerate(cases):
            folder = tmp_path / str(number)
            kaggle = stack.enter_context(KaggleServer(LABELS).running())
            kaggle.fail(case.step, *case.faults, always=case.always)
            write_run(folder=folder)
            env = kaggle.environment() | case.env
            process = start("submit", "--timeout", "5s", "--wait", "60s", folder=folder, env=env)
            begun.append((kaggle, folder, process))
        for kaggle, folder, process in begun:
            kit = ended(process, folder=folder, timeout=200)
            results.append(Outcome(kaggle, folder, kit))
    return results


def test_temporary_faults_are_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three = (Fault("status", 500), Fault("status", 503), refusal(500, "oops"))
    cases = [Case(step, three) for step in ("limits", "start", "put", "create", "get")]
    cases += [
        Case("introspect", three, env=BY_TOKEN),
        Case("limits", (Fault("reset"), Fault("stall"), Fault("drip"))),
        Case("start", (Fault("reset"), Fault("stall"))),
        Case("put", (Fault("stall"), Fault("reset"))),
        Case("introspect", (refusal(429, "slow down", Retry_After="2"),), env=BY_TOKEN),
        Case("put", (refusal(429, "slow down", Retry_After="2"),)),
        Case("create", (refusal(429, "slow down", Retry_After="3"),)),
        Case("create", (Fault("reset"),)),
        Case("create", (Fault("stall"),)),
        Case("create", (Fault("lost"),)),
        Case("create", (Fault("lost_stall"),)),
        Case("create", (Fault("late", seconds=9),)),
        Case("get", (Fault("reset"), Fault("stall"))),
    ]
    for case, outcome in zip(cases, outcomes(cases, tmp_path, monkeypatch), strict=True):
        assert outcome.kit.code == 0, (case, outcome.kit.err)
        assert outcome.kit.out.startswith("score 0.98500, inside"), case
        assert len(outcome.kaggle.submissions) == 1, case
        assert events(outcome.folder)[-1]["ref"] == outcome.kaggle.submissions[0]["ref"], case
        if case.faults[0].headers:
            first, second = outcome.kaggle.times(case.step)[:2]
            assert second - first >= float(case.faults[0].headers["Retry-After"]), case


def test_permanent_faults_end_it_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [Fault("status", 503), refusal(429, "slow down"), Fault("reset"), Fault("stall"), Fault("drip")]
    cases = [Case("limits", (fault,), always=True) for fault in kinds]
    cases += [Case("introspect", (Fault("stall"),), always=True, env=BY_TOKEN)]
    cases += [Case("limits", (Fault("reset"),), always=True, env=NOBODY)]
    cases += [Case("start", (fault,), always=True) for fault in (Fault("status", 500), Fault("stall"))]
    cases += [
        Case("put", (fault,), always=True) for fault in (Fault("status", 503), Fault("reset"), Fault("stall"))
    ]
    cases += [
        Case("create", (fault,), always=True)
        for fault in (Fault("status", 500), Fault("reset"), Fault("stall"))
    ]
    cases += [
        Case("create", (Fault("page"),), always=True),
        Case("get", (Fault("status", 502),), always=True),
    ]
    for case, outcome in zip(cases, outcomes(cases, tmp_path, monkeypatch), strict=True):
        assert outcome.kit.code == 1, (case, outcome.kit.err)
        assert outcome.kit.out == "", case
        if case.faults[0].kind != "page":
            assert "times)" in outcome.kit.err, case
        if case.step in ("limits", "introspect"):
            assert outcome.kaggle.count("start") == 0, case
        elif case.step in ("start", "put") or case.faults[0].status == 500:
            # On a busy machine, the time may run out before the last attempt.
            assert outcome.kaggle.count("start") in ((1,) if case.step == "create" else (5, 6)), case
        if case.step in ("start", "put"):
            assert events(outcome.folder)[-1]["status"] == "failed", case
        assert len(outcome.kaggle.submissions) == (case.step == "get"), case


def test_an_unknown_outcome_is_reported_and_resolved_later(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.fail("create", Fault("lost"))
    kaggle.fail("list", Fault("page"), always=True)
    done = ended(start("submit"))
    assert done.code == 1
    assert "kit submissions" in done.err
    assert events()[-1]["status"] == "sending"
    kaggle.clear_faults()
    assert ended(start("submit")).code == 0
    assert kaggle.count("create") == len(kaggle.submissions) == 1
    assert events()[-1]["public_score"] == "0.98500"


def test_a_submission_that_never_arrived_is_sent_by_the_next_submit(kaggle: KaggleServer) -> None:
    write_run()
    kaggle.fail("create", Fault("stall"))
    process = start("submit")
    end = time.monotonic() + 20
    while not kaggle.count("create") and time.monotonic() < end:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert ended(start("submit", "--wait", "0s")).code == 0
    assert [event["status"] for event in events()] == [
        "uploading", "sending", "failed", "uploading", "sending", "pending"
    ]  # fmt: skip
    assert len(kaggle.submissions) == 1
