"""Shared studies: count, claims, and retries of lost trials. Real SQLite, real processes."""

import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import _heartbeat
from optuna.trial import TrialState

from kit.config import Choices, Tune
from kit.errors import UserError
from kit.tuning import storage
from kit.tuning import study as module
from kit.tuning.retries import queue_lost
from kit.tuning.space import Parameter, Space
from kit.tuning.storage import storage_url
from kit.tuning.study import SharedStudy, TrialFailedError, TrialStoppedError
from tests.tuning.conftest import line_space

Open = Callable[..., SharedStudy]


def value(trial: optuna.Trial) -> float:
    return float((trial.params["x"] - 0.3) ** 2)


def stopped(trial: optuna.Trial) -> float:
    del trial
    raise TrialStoppedError("interrupted")


def sequence(shared: SharedStudy) -> list[tuple[float, float | None]]:
    trials = shared.study.get_trials(states=(TrialState.COMPLETE,))
    return [(trial.params["x"], trial.value) for trial in trials]


def test_the_configuration_itself_is_trial_0(open_study: Open) -> None:
    shared = open_study()
    assert shared.trial_count() == 1
    trial = shared.claim(value, None)
    assert trial
    assert (trial.number, trial.params, trial.user_attrs["baseline"]) == (0, {"x": 0.5}, True)
    assert trial.value == pytest.approx(0.04)


def test_a_trial_is_timed_by_the_monotonic_clock(open_study: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter((100.0, 107.5))
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    trial = open_study().claim(value, None)
    assert trial
    assert trial.user_attrs["took"] == 7.5


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_seed_gives_the_same_parameters_and_values(
    open_study: Open, workdir: Path, sampler: str
) -> None:
    found = []
    for _ in range(2):
        shared = open_study(sampler=sampler, seed=3)
        while shared.claim(value, 12):
            pass
        found.append(sequence(shared))
        (workdir / "runs/tune-s/study.db").unlink()
    assert found[0] == found[1]
    assert len(set(found[0])) == 12


def test_another_seed_gives_other_parameters(open_study: Open, workdir: Path) -> None:
    found = []
    for seed in (3, 4):
        shared = open_study(seed=seed)
        while shared.claim(value, 3):
            pass
        found.append(sequence(shared))
        (workdir / "runs/tune-s/study.db").unlink()
    assert found[0][1:] != found[1][1:]


def test_stops_do_not_change_the_sequence(open_study: Open, workdir: Path) -> None:
    shared = open_study()
    while shared.claim(value, 13):
        pass
    undisturbed = sequence(shared)
    (workdir / "runs/tune-s/study.db").unlink()

    for number in range(13):
        if number in {0, 5, 12}:
            shared = open_study()
            shared.claim(stopped, 13)
        shared.claim(value, 13)
    assert sequence(shared) == undisturbed


def test_a_stopped_trial_is_queued_again_and_counts_once(open_study: Open) -> None:
    shared = open_study()
    shared.claim(value, None)
    first = shared.claim(stopped, None)
    assert first
    assert first.state == TrialState.FAIL
    assert first.user_attrs["failed"] == "interrupted"
    assert shared.trial_count() == 2
    again = shared.claim(value, 2)
    assert again
    assert again.params == first.params
    assert again.number == 2
    assert (shared.trial_count(), shared.claim(value, 2)) == (2, None)


def test_a_stopped_baseline_is_the_baseline_again(open_study: Open) -> None:
    shared = open_study()
    shared.claim(stopped, None)
    again = shared.claim(value, None)
    assert again
    assert again.user_attrs["baseline"] is True
    assert again.params == {"x": 0.5}


def test_a_failed_trial_keeps_its_reason_and_its_position(open_study: Open) -> None:
    shared = open_study()

    def fail(_: optuna.Trial) -> float:
        raise TrialFailedError("it diverged")

    trial = shared.claim(fail, 1)
    assert trial
    assert (trial.state, trial.user_attrs["failed"]) == (TrialState.FAIL, "it diverged")
    assert shared.claim(value, 1) is None


def test_an_unexpected_error_is_raised(open_study: Open) -> None:
    shared = open_study()

    def break_off(_: optuna.Trial) -> float:
        raise ZeroDivisionError("oh")

    with pytest.raises(ZeroDivisionError, match="oh"):
        shared.claim(break_off, None)
    assert shared.study.trials[0].state == TrialState.FAIL


def test_nothing_is_printed(open_study: Open, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        shared = open_study(Space(line_space().parameters, {"x": 0.5}, True), pruner="wilcoxon")
        shared.claim(value, None)
        shared.claim(stopped, None)
        shared.claim(value, None)
        shared.fail_lost()
    assert seen == []
    assert capsys.readouterr() == ("", "")


def test_waiting_trials_have_not_started(open_study: Open) -> None:
    shared = open_study()
    assert shared.started_count() == 0
    shared.claim(stopped, None)
    assert (shared.started_count(), shared.trial_count()) == (1, 1)


def test_threads_never_claim_more_than_there_are(open_study: Open) -> None:
    shared = open_study()

    def work(_: int) -> None:
        while shared.claim(value, 9):
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    trials = shared.study.trials
    assert [trial.number for trial in trials] == list(range(9))
    assert len({trial.params["x"] for trial in trials}) == 9


def test_a_trial_claimed_beyond_the_count_is_failed(
    open_study: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where two machines, which share no lock, take the last place."""
    shared = open_study()
    shared.claim(value, None)
    ask = optuna.Study.ask

    def late(study: optuna.Study) -> optuna.Trial:
        ask(study)
        return ask(study)

    monkeypatch.setattr(optuna.Study, "ask", late)
    assert shared.claim(value, 2) is None
    assert shared.study.trials[2].user_attrs == {"failed": "claimed beyond --trials"}
    assert shared.trial_count() == 2


def test_a_trial_that_another_process_failed_ends_quietly(open_study: Open) -> None:
    shared = open_study()

    def asleep(trial: optuna.Trial) -> float:
        shared.study.tell(trial.number, state=TrialState.FAIL)
        queue_lost(shared.study, shared.study.trials[trial.number])
        return value(trial)

    first = shared.claim(asleep, 1)
    assert first
    assert first.state == TrialState.FAIL
    again = shared.claim(value, 1)
    assert again
    assert again.value == pytest.approx(0.04)
    assert shared.trial_count() == 1


def test_a_trial_is_lost_three_times_at_most(open_study: Open) -> None:
    shared = open_study()
    for number in range(3):
        shared.study._thread_local.in_optimize_loop = True  # Or Optuna warns of the missing heartbeat.
        trial = shared.study.ask()
        assert trial.number == number
        shared.study.tell(trial, state=TrialState.FAIL)
        queue_lost(shared.study, shared.study.trials[number])
    assert len(shared.study.trials) == 3
    assert shared.trial_count() == 1


def test_stopped_trials_are_not_lost_trials(open_study: Open) -> None:
    shared = open_study()
    for _ in range(4):
        shared.claim(stopped, 1)
    trial = shared.claim(value, 1)
    assert trial
    assert trial.state == TrialState.COMPLETE


@pytest.mark.parametrize("others", [0, 1])
def test_a_trial_killed_before_its_first_heartbeat_is_queued_again(open_study: Open, others: int) -> None:
    shared = open_study()
    for _ in range(others):
        shared.claim(value, None)
    shared.study._thread_local.in_optimize_loop = True
    shared.study.ask()
    shared.fail_lost()
    assert (shared.running(), shared.trial_count()) == ({}, 1 + others)
    trial = shared.claim(value, 1 + others)
    assert trial
    assert trial.state == TrialState.COMPLETE


def test_a_retry_killed_before_its_first_heartbeat_is_queued_again(open_study: Open) -> None:
    shared = open_study()
    shared.claim(value, None)
    first = shared.claim(stopped, None)
    shared.study._thread_local.in_optimize_loop = True
    shared.study.ask()
    shared.fail_lost()
    assert first
    again = shared.claim(value, 2)
    assert again
    assert (again.state, again.params) == (TrialState.COMPLETE, first.params)
    assert shared.trial_count() == 2


def test_a_trial_that_another_program_began_is_left_alone(open_study: Open) -> None:
    shared = open_study()
    shared.claim(value, None)
    shared.study._thread_local.in_optimize_loop = True
    trial = shared.study.ask()
    trial.suggest_float("x", 0.0, 1.0)
    shared.fail_lost()
    assert shared.running() == {trial.number: None}


def test_a_trial_has_its_heartbeat_before_anything_is_trained(open_study: Open) -> None:
    shared = open_study()

    def look(trial: optuna.Trial) -> float:
        query = "SELECT COUNT(*) FROM trial_heartbeats"
        with shared.storage.engine.connect() as connection:
            assert connection.execute(sqlalchemy.text(query)).scalar() == 1
        return value(trial)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_heartbeat.HeartbeatThread, "start", lambda _: None)
        patch.setattr(_heartbeat.HeartbeatThread, "join", lambda _: None)
        assert shared.claim(look, None)


def test_braces_in_a_path_are_part_of_it(workdir: Path) -> None:
    SharedStudy.open("s", "sqlite:///a{b}.db", workdir / "runs", Tune(), line_space(), {})
    assert (workdir / "a{b}.db").is_file()


def test_several_studies_share_a_storage(workdir: Path) -> None:
    url = f"sqlite:///{workdir / 'all.db'}"
    for name in ("a", "b"):
        shared = SharedStudy.open(name, url, workdir / name, Tune(), line_space(), {})
        assert shared.trial_count() == 1
        assert (workdir / name).is_dir()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "not an Optuna storage"),
        ("nonsense", "not an Optuna storage"),
        ("foo://bar", "not an Optuna storage"),
        ("postgresql://u:p@h:port/d", "not an Optuna storage"),
        ("mysql+nodriver://u:p@h/d", "not an Optuna storage"),
        ("oracle+cx_oracle://u:secret@h/d", "driver cx_oracle is not installed"),
        ("grpc://host:13000", "have no heartbeats"),
        ("journal:///shared/study.log", "have no heartbeats"),
        ("sqlite://", "is not stored"),
        ("sqlite:///:memory:", "is not stored"),
        ("sqlite:///absent/s.db", "absent: no such folder"),
        ("sqlite:///text.txt", "text.txt: not an SQLite database"),
        ("sqlite:///folder", "folder: cannot be read: Is a directory"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_refused(workdir: Path, url: str, said: str) -> None:
    (workdir / "text.txt").write_text("This is no database.\n")
    (workdir / "folder").mkdir()
    before = sorted(workdir.rglob("*"))
    with pytest.raises(UserError) as refused:
        SharedStudy.open("s", url, workdir / "runs/tune-s", Tune(), line_space(), {})
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 3
    assert "secret" not in str(refused.value)
    assert sorted(workdir.rglob("*")) == before


def test_a_folder_without_permission_is_refused(workdir: Path) -> None:
    folder = workdir / "locked"
    folder.mkdir(mode=0o500)
    if _writable(folder):
        pytest.skip("root may write anywhere")
    for url in (f"sqlite:///{folder}/s.db", storage_url(folder / "runs", None)):
        with pytest.raises(UserError, match=r"not writable|cannot be written"):
            SharedStudy.open("s", url, folder / "runs", Tune(), line_space(), {})


def _writable(folder: Path) -> bool:
    try:
        (folder / "try").touch()
    except PermissionError:
        return False
    (folder / "try").unlink()
    return True


def test_trials_of_a_conditional_space_choose_what_counts(open_study: Open) -> None:
    line = line_space("y").parameters[0]
    choice = Parameter("kind", Choices(kind="categorical", choices=("a", "b")), {})
    space = Space((choice, Parameter("y", line.dimension, {"kind": ("b",)})), {"kind": "a"}, True)
    shared = open_study(space)

    def by_kind(trial: optuna.Trial) -> float:
        return 1.0 if trial.params["kind"] == "a" else float(trial.params["y"])

    while shared.claim(by_kind, 20):
        pass
    trials = shared.study.trials
    assert all(("y" in trial.params) == (trial.params["kind"] == "b") for trial in trials)
    assert shared.study.best_value < 0.2


SHARING = """
import time
from pathlib import Path
from kit.config import Tune
from kit.tuning.study import SharedStudy
from tests.tuning.conftest import line_space
shared = SharedStudy.open("s", "sqlite:///s.db", Path("runs"), Tune(pruner="none"), line_space(), {})
print(flush=True)
def objective(trial):
    time.sleep(SECONDS)
    return trial.params["x"]
while shared.claim(objective, 12):
    pass
"""


def sharing(seconds: float) -> "subprocess.Popen[bytes]":
    script = SHARING.replace("SECONDS", str(seconds))
    root = Path(__file__).parents[2]
    bootstrap = f"import sys; sys.path.insert(0, {str(root)!r})\n{script}"
    return subprocess.Popen([sys.executable, "-c", bootstrap], stdout=subprocess.PIPE)


@pytest.mark.slow
def test_two_processes_share_a_study(workdir: Path) -> None:
    processes = [sharing(0.1) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    shared = SharedStudy.open("s", "sqlite:///s.db", workdir / "runs", Tune(), line_space(), {})
    trials = shared.study.trials
    assert [trial.number for trial in trials] == list(range(12))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert len({trial.params["x"] for trial in trials}) == 12


@pytest.mark.slow
def test_the_trial_of_a_killed_process_is_run_by_the_next(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "HEARTBEAT", 1)
    monkeypatch.setattr(storage, "GRACE", 2)
    with sharing(3600) as process:
        assert process.stdout
        process.stdout.readline()
        shared = SharedStudy.open("s", "sqlite:///s.db", workdir / "runs", Tune(), line_space(), {})
        while not shared.running():
            pass
        process.send_signal(signal.SIGKILL)
    assert len(shared.running()) == 1
    while shared.running():
        shared.fail_lost()
    assert shared.trial_count() == 1
    trial = shared.claim(value, 1)
    assert trial
    assert trial.user_attrs["baseline"]
    assert trial.value == pytest.approx(0.04)


def test_a_trial_whose_storage_fails_is_queued_again(open_study: Callable[..., SharedStudy]) -> None:
    shared = open_study()

    def fail(trial: optuna.Trial) -> float:
        del trial
        raise StorageInternalError("disk I/O error")

    with pytest.raises(StorageInternalError):
        shared.claim(fail, 2)
    assert [trial.state.name for trial in shared.study.trials] == ["FAIL", "WAITING"]
    assert shared.trial_count() == 1
