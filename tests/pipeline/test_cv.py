import asyncio
import csv
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.ensembling.columns import assemble
from kit.ensembling.methods import fit
from kit.ensembling.problem import Problem
from kit.errors import InterruptedRunError, KitError, UserError
from kit.members import Member
from kit.metrics import HITS
from kit.records import EnsembleRecord, RunRecord
from kit.run_folder import RUNS, Run
from kit.training.failures import DivergedError, WorkerFailedError, WorkerLostError
from tests.launchers import FakeLauncher

Cv = Callable[..., Any]
ROWS, TEST_ROWS, FIRST_TEST, WRONG_EVERY = 100, 30, 5000, 25
MEMBERS = [f"knn-f{fold}-s0" for fold in range(4)]


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def oof(run: Run) -> NDArray[np.float64]:
    return np.array(read(run.oof_path)[1:], np.float64)


def stamps(run: Run) -> dict[str, tuple[int, int]]:
    """Return inode and time of each member's file."""
    files = (run.path / "members").iterdir()
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def named(name: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the class that the stand-in predicts for these images with seed 0, and its probability."""
    return (7 * name + 3) % 10, 0.5 + name / 20_000


def test_oof_probabilities_are_in_row_order(cv: Cv) -> None:
    run, _, _ = cv()
    table, names = oof(run), np.arange(ROWS)
    classes, tops = named(names)
    np.testing.assert_array_equal(table[:, 0], names)
    np.testing.assert_array_equal(table[:, 2], classes)
    np.testing.assert_allclose(table[:, 3:].max(axis=1), tops, rtol=1e-6)
    np.testing.assert_allclose(table[:, 3:].sum(axis=1), 1, rtol=1e-6)
    # Folds are shuffled; without that, the test would not detect a wrong order.
    folds = np.load(run.path / "folds.npy")[0]
    assert (np.diff(folds) < 0).any()


def test_every_stage_of_the_command_is_announced(cv: Cv) -> None:
    _, _, record = cv()
    assert record.stages == [
        "looking for the data",
        "reading train.csv and test.csv in data/",
        "planning the run",
        "combining the members",
        "computing the figures of the report",
        "writing oof.csv and submission.csv",
        "choosing the images of the page",
    ]


def test_labels_and_predictions_are_of_the_same_row(cv: Cv) -> None:
    run, _, _ = cv()
    table = oof(run)
    assert np.flatnonzero(table[:, 1] != table[:, 2]).tolist() == list(range(0, ROWS, WRONG_EVERY))
    score = run.read_report().oof
    assert (score.errors, score.rows, score.value) == (4, ROWS, 0.96)


def test_the_submission_is_in_row_order(cv: Cv) -> None:
    run, _, _ = cv()
    header, *rows = read(run.submission_path)
    classes, _ = named(FIRST_TEST + np.arange(TEST_ROWS))
    assert header == ["ImageId", "Label"]
    assert rows == [[str(place + 1), str(label)] for place, label in enumerate(classes)]


def test_each_row_is_held_out_once_per_seed(cv: Cv) -> None:
    run, _, _ = cv({"seeds": 2, "folds": {"reshuffle": True}})
    folds = np.load(run.path / "folds.npy", allow_pickle=False)
    assert (folds.shape, folds.dtype) == ((2, ROWS), np.int8)
    assert not np.array_equal(folds[0], folds[1])
    for seed in (0, 1):
        rows = [run.read_member(Member("knn", fold, seed)).val_rows for fold in range(4)]
        assert sorted(np.concatenate(rows)) == list(range(ROWS))
        for fold in range(4):
            np.testing.assert_array_equal(rows[fold], np.flatnonzero(folds[seed] == fold))


def test_without_reshuffle_seeds_share_their_folds(cv: Cv) -> None:
    run, _, _ = cv({"seeds": 2})
    folds = np.load(run.path / "folds.npy")
    np.testing.assert_array_equal(folds[0], folds[1])


def test_reshuffled_folds_of_a_seed_do_not_depend_on_the_other_seeds(cv: Cv) -> None:
    reshuffled = {"folds": {"reshuffle": True}}
    alone, _, _ = cv({"seeds": [1], **reshuffled}, name="alone")
    both, _, _ = cv({"seeds": 2, **reshuffled}, name="both")
    np.testing.assert_array_equal(np.load(alone.path / "folds.npy")[0], np.load(both.path / "folds.npy")[1])


def test_a_finished_run_has_every_file_and_no_other(cv: Cv) -> None:
    run, complete, record = cv()
    assert not complete
    assert record.ended_members == dict.fromkeys(MEMBERS, True)
    assert {path.name for path in run.path.iterdir()} == {
        "run.json", "folds.npy", "members", "oof.csv", "submission.csv", "ensemble.json", "report.json",
        "images.npz", "test.csv", "history.csv", "SHA256SUMS",
    }  # fmt: skip
    assert {path.name for path in (run.path / "members").iterdir()} == {f"{name}.npz" for name in MEMBERS}


def test_it_runs_in_an_event_loop_and_in_a_thread(cv: Cv) -> None:
    """As in a notebook, whose cells run in an event loop."""

    async def in_loop() -> tuple[Run, Run]:
        return cv(name="loop")[0], (await asyncio.to_thread(cv, name="thread"))[0]

    loop, thread = asyncio.run(in_loop())
    assert loop.oof_path.read_bytes() == thread.oof_path.read_bytes()


def test_the_record_describes_the_run(cv: Cv) -> None:
    run, _, _ = cv({"seeds": 2})
    made = run.read_record()
    assert run.name == made.name == f"example-{made.hash[:8]}"
    assert (made.status, made.config_name) == ("complete", "example")
    assert (made.rows, made.test_rows, made.members_planned) == (ROWS, TEST_ROWS, 8)
    assert (made.sample, made.source) == (False, "data/")
    assert (made.backend, made.precision) == (None, {})
    assert made.config["models"]["knn"]["neighbours"] == 1
    assert made.finished is not None
    assert made.started <= made.finished
    assert made.wall_seconds > 0
    assert {"python", "numpy"} <= set(made.versions)


def test_the_ensemble_records_the_weight_of_each_column(cv: Cv) -> None:
    run, _, _ = cv({"seeds": 2})
    names = (f"{run.name}/knn-s0", f"{run.name}/knn-s1")
    assert run.read_ensemble() == EnsembleRecord(
        method="mean",
        requested="mean",
        tta=False,
        calibrate=False,
        weights=dict.fromkeys(names, 0.5),
        temperatures=dict.fromkeys(names, 1.0),
    )
    _, tops = named(np.arange(ROWS))
    np.testing.assert_allclose(oof(run)[:, 3:].max(axis=1), tops + 0.005, rtol=1e-6)


def test_the_report_counts_start_up_with_tracing(cv: Cv) -> None:
    run, _, _ = cv()
    assert run.read_report().time.startup_seconds == 4 * 1.5


def test_a_complete_run_is_not_changed(cv: Cv) -> None:
    run, _, _ = cv()
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    again, complete, record = cv()
    assert (again.path, complete) == (run.path, True)
    assert record.kept == -1
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


@pytest.mark.parametrize("name", ["submission.csv", "report.json", "oof.csv", "ensemble.json"])
def test_a_lost_result_is_recreated_without_training(cv: Cv, name: str) -> None:
    run, _, _ = cv()
    content = timeless(run.path / name)
    (run.path / name).unlink()
    _, complete, record = cv()
    assert (complete, record.planned, record.kept) == (False, [], 4)
    assert timeless(run.path / name) == content


def timeless(path: Path) -> bytes:
    """Return the content of a file without the times of the call that wrote it."""
    return re.sub(rb'"(started|finished)": "[^"]*"', b"", path.read_bytes())


def test_more_seeds_extend_the_run(cv: Cv) -> None:
    run, _, _ = cv()
    before, seconds = stamps(run), run.read_record().wall_seconds
    more, _, record = cv({"seeds": 3})
    assert more.path == run.path
    assert record.kept == 4
    assert record.planned == [f"knn-f{fold}-s{seed}" for seed in (1, 2) for fold in range(4)]
    after = stamps(more)
    assert len(after) == 12
    assert {name: after[name] for name in before} == before
    assert [one.seed for one in more.read_report().columns] == [0, 1, 2]
    assert more.read_record().wall_seconds > seconds


def test_fewer_seeds_are_combined_again_without_training(cv: Cv) -> None:
    first, _, _ = cv()
    alone = {path.name: path.read_bytes() for path in (first.oof_path, first.submission_path)}
    run, _, _ = cv({"seeds": 3})
    assert run.oof_path.read_bytes() != alone["oof.csv"]
    before = stamps(run)
    again, complete, record = cv()
    assert (again.path, complete, record.planned) == (run.path, False, [])
    assert stamps(run) == before
    assert {path.name: path.read_bytes() for path in (run.oof_path, run.submission_path)} == alone


def test_members_on_all_rows_extend_the_run(cv: Cv) -> None:
    run, _, _ = cv()
    before, judged = stamps(run), {path: path.read_bytes() for path in (run.oof_path, run.submission_path)}
    more, _, record = cv({"all_rows": True})
    assert (more.path, record.kept, record.planned) == (run.path, 4, ["knn-all-s0"])
    after, report = stamps(run), run.read_report()
    assert after.keys() - before.keys() == {"knn-all-s0.npz"}
    assert {name: after[name] for name in before} == before
    assert {path: path.read_bytes() for path in judged} == judged
    assert report.members[4].member == "knn-all-s0"
    assert "4 fold members and one member trained on all rows" in report.notes[-1]
    again, _, record = cv()
    assert (again.path, record.planned, len(run.read_report().members)) == (run.path, [], 4)


VIEWS: Any = {
    "models": {"net": {"stages": [{"filters": 1}]}},
    "augmentation": {"tta": True},
    "training": {"precision": "float32"},
}


def test_whether_the_ensemble_uses_views_retrains_nothing(cv: Cv) -> None:
    run, _, _ = cv(VIEWS)
    _, tops = named(np.arange(ROWS))
    np.testing.assert_allclose(oof(run)[:, 3:].max(axis=1), tops, rtol=1e-6)
    tta = run.read_report().tta
    assert tta is not None
    assert not tta.used
    again, _, record = cv({**VIEWS, "ensemble": {"tta": True}})
    assert (again.path, record.planned) == (run.path, [])
    # The baseline has no views.
    np.testing.assert_allclose(oof(run)[:, 3:].max(axis=1), tops + 0.05, rtol=1e-6)
    report, ensemble = run.read_report(), run.read_ensemble()
    assert report.tta == tta.model_copy(update={"used": True})
    assert report.oof == tta.with_views != tta.without_views
    weights = {f"{run.name}/knn-s0": 0.5, f"{run.name}/net-s0": 0.5}
    assert (ensemble.tta, ensemble.weights) == (True, weights)


def test_calibrating_the_ensemble_retrains_nothing(cv: Cv) -> None:
    run, _, _ = cv()
    plain, before = oof(run), run.read_report()
    again, _, record = cv({"ensemble": {"calibrate": True}})
    assert (again.path, record.planned) == (run.path, [])
    after = run.read_report()
    # The stand-in predicts probabilities of 0.5 to 0.505 and is correct in 96 of 100 rows.
    assert after.oof.log_loss < before.oof.log_loss / 2
    assert after.columns[0].score.log_loss == after.oof.log_loss
    assert after.oof.errors == before.oof.errors == 4
    np.testing.assert_array_equal(oof(run)[:, :3], plain[:, :3])
    temperature = run.read_ensemble().temperatures[f"{run.name}/knn-s0"]
    assert after.columns[0].temperature == temperature < 1
    assert f"{run.name}/knn-s0 {temperature:.2f}" in after.notes[-1]


@pytest.mark.parametrize(
    "method", ["mean", "geometric", "rank", "vote", "weighted", "greedy", "stack", "best", "auto"]
)
def test_another_method_retrains_nothing(cv: Cv, method: str) -> None:
    run, _, _ = cv({**VIEWS, "seeds": 2})
    before = run.read_oof().probs
    changes = {"method": method, "tta": True, "calibrate": True}
    again, _, record = cv({**VIEWS, "seeds": 2, "ensemble": changes})
    assert (again.path, record.planned) == (run.path, [])
    ensemble, report = run.read_ensemble(), run.read_report()
    assert report.combination
    assert (ensemble.requested, ensemble.method) == (method, report.combination.method)
    assert (ensemble.tta, ensemble.calibrate, len(ensemble.weights)) == (True, True, 4)
    assert all(one != 1 for one in ensemble.temperatures.values())
    assert not np.array_equal(run.read_oof().probs, before)


@pytest.mark.parametrize("method", ["weighted", "greedy", "stack", "best"])
def test_the_table_of_a_fitted_method_is_cross_fitted(cv: Cv, method: str) -> None:
    run, _, _ = cv({"seeds": 3, "ensemble": {"method": method}})
    table, folds = run.read_oof(), run.read_folds()
    members = {member: run.read_member(member) for member in run.planned()}
    problem = Problem.of(assemble(members, folds, (0, 1, 2)), table.labels, HITS)
    fitted = fit(problem, method)
    assert len(fitted.of_folds) == 4
    for rule, fold in zip(fitted.of_folds, range(4), strict=True):
        rows = folds[0] == fold
        np.testing.assert_allclose(table.probs[rows], problem.oof(rule)[rows], rtol=1e-6)
    assert run.read_ensemble().weights == dict(
        zip((f"{run.name}/knn-s{seed}" for seed in range(3)), fitted.combined().weights, strict=True)
    )


def test_an_interrupted_run_with_views_and_all_rows_has_the_same_members(cv: Cv, record: Any) -> None:
    changes = {**VIEWS, "all_rows": True, "seeds": 2, "ensemble": {"tta": True}}
    whole, _, _ = cv(changes, name="whole", jobs=2)
    interrupt_after(7, record)
    with pytest.raises(InterruptedRunError, match="7 of 20 members"):
        cv(changes, record, name="stopped", jobs=1)
    stopped, _, _ = cv(changes, name="stopped", jobs=1)
    files = [path.relative_to(whole.path) for path in sorted((whole.path / "members").iterdir())]
    files += [Path("oof.csv"), Path("submission.csv")]
    assert len(files) == 22
    for file in files:
        assert (stopped.path / file).read_bytes() == (whole.path / file).read_bytes(), file


def test_a_truncated_member_is_retrained(cv: Cv) -> None:
    run, _, _ = cv()
    path = run.member_path(Member("knn", 2, 0))
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    _, _, record = cv()
    assert record.planned == ["knn-f2-s0"]
    np.testing.assert_array_equal(np.load(path)["val_probs"], run.read_member(Member("knn", 2, 0)).val_probs)


def test_members_of_earlier_versions_are_not_trusted_without_a_record(cv: Cv) -> None:
    run, _, _ = cv()
    for member in run.planned():
        result = run.read_member(member)
        run.write_member(member, replace(result, history=result.history.model_copy(update={"hash": ""})))
    run.info_path.unlink()
    _, _, record = cv()
    assert record.planned == MEMBERS


def test_fresh_deletes_the_existing_run(cv: Cv) -> None:
    run, _, _ = cv({"seeds": 2})
    _, complete, record = cv(fresh=True)
    assert (complete, record.planned) == (False, MEMBERS)
    assert len(stamps(run)) == 4


def test_another_configuration_is_another_run(cv: Cv) -> None:
    assert cv()[0].path != cv({"models": {"knn": {"neighbours": 2}}})[0].path


def test_a_run_can_be_named(cv: Cv) -> None:
    run, _, _ = cv(name="mine")
    assert run.path == RUNS / "mine"
    assert run.read_record().name == "mine"


@pytest.mark.parametrize("name", ["..", ".", "", "../elsewhere", "a/b", "/tmp", ".hidden"])
def test_a_name_outside_of_runs_is_refused(cv: Cv, name: str) -> None:
    with pytest.raises(UserError, match="--run: not a name"):
        cv(name=name, fresh=True)
    assert not RUNS.exists()


def test_the_folder_of_comparisons_is_no_run(cv: Cv) -> None:
    with pytest.raises(UserError, match="--run: kit compare writes to this folder"):
        cv(name="comparisons")
    assert not RUNS.exists()


def test_a_run_with_different_settings_is_refused_by_name(cv: Cv) -> None:
    run, _, _ = cv(name="mine")
    before = run.info_path.read_bytes()
    with pytest.raises(UserError) as error:
        cv({"models": {"knn": {"neighbours": 2}}}, name="mine")
    assert str(error.value) == (
        "runs/mine: this run used different settings (models.knn.neighbours: 1 in the run, 2 requested)\n"
        "choose another --run NAME, or --fresh to delete this run and retrain it"
    )
    assert run.info_path.read_bytes() == before


def test_fresh_replaces_a_run_with_different_settings(cv: Cv) -> None:
    cv(name="mine")
    run, _, _ = cv({"models": {"knn": {"neighbours": 2}}}, name="mine", fresh=True)
    assert run.read_record().config["models"]["knn"]["neighbours"] == 2


def test_a_run_is_not_trained_by_two_processes(cv: Cv) -> None:
    run, _, _ = cv(name="mine")
    with run.locked(), pytest.raises(UserError, match="runs/mine: another process is writing this run"):
        cv({"seeds": 2}, name="mine")
    cv({"seeds": 2}, name="mine")


def test_a_sample_submission_with_other_ids_is_refused_before_training(cv: Cv, competition: Path) -> None:
    (competition / "sample_submission.csv").write_text("ImageId,Label\n1,0\n2,0\n")
    with pytest.raises(UserError, match=r"sample_submission\.csv, line 3: id 3 and what follows are missing"):
        cv()
    assert not RUNS.exists()


@contextmanager
def failing(launcher: FakeLauncher, name: str, error: WorkerFailedError, times: int = 9) -> Iterator[None]:
    """Let one member fail within the block, in its first `times` attempts."""
    train, failures = launcher.train, list[str]()

    def run(job: Any, *arguments: Any) -> Any:
        if str(job.member) == name and len(failures) < times:
            failures.append(name)
            # Each attempt has an error of its own: a session writes to it. No copy, since tblib, which Dask
            # installs, copies an exception without its dictionary.
            raise type(error)(error.what, error.log, error.hint)
        return train(job, *arguments)

    launcher.train = run
    yield
    launcher.train = train


def test_a_member_that_fails_costs_no_other(cv: Cv, launcher: FakeLauncher) -> None:
    error = WorkerFailedError("knn-f1-s0: ValueError: no", "Traceback\nValueError: no\n", "try another")
    with failing(launcher, MEMBERS[1], error), pytest.raises(KitError) as raised:
        cv(name="mine")
    run = Run(RUNS / "mine")
    assert str(raised.value) == (
        "1 of 4 members failed; knn-f1-s0: ValueError: no\ntry another\n"
        "see runs/mine/members/knn-f1-s0.log; rerun the same command to train the missing members"
    )
    assert raised.value.exit_code == 1
    log = (run.path / "members/knn-f1-s0.log").read_text()
    assert log == "attempt 1: knn-f1-s0: ValueError: no\ntry another\nTraceback\nValueError: no\n"
    assert run.read_record().status == "failed"
    assert not run.report_path.exists()

    _, _, record = cv(name="mine")
    assert (record.planned, record.kept) == ([MEMBERS[1]], 3)
    assert run.read_record().status == "complete"
    assert not (run.path / "members/knn-f1-s0.log").exists()


TAUGHT: Any = {
    # The teacher comes last, here as in the order of training but for what it teaches.
    "models": {
        "knn": None,
        "student": {"stages": [{"filters": 1}], "teachers": ["late"]},
        "late": {"kind": "knn"},
    },
    "training": {"precision": "float32"},
}
STUDENTS, TEACHERS = ([f"{model}-f{fold}-s0" for fold in range(4)] for model in ("student", "late"))


def test_a_network_learns_from_what_its_stored_teachers_predict(cv: Cv, launcher: FakeLauncher) -> None:
    train, taught = launcher.train, dict[str, Any]()

    def run(job: Any, *arguments: Any) -> Any:
        taught[str(job.member)] = job.pseudo_labels
        return train(job, *arguments)

    launcher.train = run
    made, _, _ = cv(TAUGHT)
    assert {name: taught[name] for name in TEACHERS} == dict.fromkeys(TEACHERS)
    for fold in range(4):
        teacher, labels = made.read_member(Member("late", fold, 0)), taught[STUDENTS[fold]]
        np.testing.assert_array_equal(labels.val, teacher.val_probs, strict=True)
        np.testing.assert_array_equal(labels.test, teacher.test_probs, strict=True)


def test_a_network_is_not_trained_without_its_teacher_but_the_others_are(
    cv: Cv, launcher: FakeLauncher
) -> None:
    error, message = WorkerFailedError("late-f1-s0: no", "", "try another"), "1 of 8 members failed, 1 wait"
    with failing(launcher, TEACHERS[1], error), pytest.raises(KitError, match=message):
        cv(TAUGHT, name="mine")
    run, _, record = cv(TAUGHT, name="mine")
    assert record.planned == [STUDENTS[1], TEACHERS[1]]
    assert run.read_record().status == "complete"


def test_the_log_has_the_reason_even_if_the_worker_wrote_nothing(cv: Cv, launcher: FakeLauncher) -> None:
    error = WorkerFailedError("knn-f1-s0: it diverged", "", "lower the rate")
    with failing(launcher, MEMBERS[1], error), pytest.raises(KitError) as raised:
        cv(name="mine")
    assert str(raised.value) == (
        "1 of 4 members failed; knn-f1-s0: it diverged\nlower the rate\n"
        "see runs/mine/members/knn-f1-s0.log; rerun the same command to train the missing members"
    )
    [log] = RUNS.rglob("*.log")
    assert log.read_text() == "attempt 1: knn-f1-s0: it diverged\nlower the rate\n"


def test_a_retry_is_reported(cv: Cv, launcher: FakeLauncher) -> None:
    with failing(launcher, MEMBERS[2], WorkerLostError("killed", ""), times=1):
        run, _, record = cv()
    assert record.retries == ["knn-f2-s0: killed; retrying"]
    assert run.read_report().warnings == ("retried after their worker died: knn-f2-s0",)


def test_several_failures_are_counted_and_named_with_the_first_reason(cv: Cv, launcher: FakeLauncher) -> None:
    first, second = (WorkerFailedError(f"{name}: {name[4:6]} no", "") for name in (MEMBERS[0], MEMBERS[2]))
    with (
        failing(launcher, MEMBERS[0], first),
        failing(launcher, MEMBERS[2], second),
        pytest.raises(KitError) as raised,
    ):
        cv(name="mine", jobs=1)
    assert raised.value.what == (
        "2 of 4 members failed; knn-f0-s0: f0 no; 1 other reason; failed: knn-f0-s0, knn-f2-s0"
    )
    assert sorted(path.stem for path in (RUNS / "mine/members").glob("*.npz")) == [MEMBERS[1], MEMBERS[3]]


def test_a_member_that_diverges_is_trained_again_once_with_other_random_numbers(
    cv: Cv, launcher: FakeLauncher
) -> None:
    with failing(launcher, MEMBERS[2], DivergedError("knn-f2-s0: it diverged"), times=1):
        run, _, record = cv()
    assert record.retries == ["knn-f2-s0: knn-f2-s0: it diverged; retrying with other random numbers"]
    offsets = [run.read_member(Member("knn", fold, 0)).history.seed_offset for fold in range(4)]
    assert offsets == [0, 0, 1, 0]
    assert run.read_report().warnings == (
        "1 member diverged and was trained again with other random numbers: knn-f2-s0",
    )


def test_a_member_that_diverges_twice_fails(cv: Cv, launcher: FakeLauncher) -> None:
    with (
        failing(launcher, MEMBERS[2], DivergedError("knn-f2-s0: it diverged")),
        pytest.raises(KitError, match="1 of 4 members failed; knn-f2-s0: it diverged"),
    ):
        cv(name="mine")
    [log] = RUNS.rglob("*.log")
    assert log.read_text().count("it diverged") == 2


def test_changed_arrays_of_the_data_end_a_run_and_the_next_call_finishes_it(
    cv: Cv, launcher: FakeLauncher
) -> None:
    train = launcher.train

    def run(job: Any, folder: Path, *arguments: Any) -> Any:
        if str(job.member) == MEMBERS[1]:
            os.utime(folder / "train_images.npy", ns=(1, 1))
        return train(job, folder, *arguments)

    launcher.train = run
    with pytest.raises(KitError, match="3 of 4 members failed") as raised:
        cv(name="mine", jobs=1)
    assert "train_images.npy: this file of the data cache changed while it was in use" in str(raised.value)
    assert [path.stem for path in (RUNS / "mine/members").glob("*.npz")] == [MEMBERS[0]]
    launcher.train = train
    _, _, record = cv(name="mine")
    assert record.planned == MEMBERS[1:]


def interrupt_after(count: int, record: Any) -> None:
    def ended() -> None:
        if len(record.ended_members) == count:
            raise KeyboardInterrupt

    record.on_ended = ended


def test_ctrl_c_keeps_what_is_finished(cv: Cv, record: Any) -> None:
    interrupt_after(2, record)
    with pytest.raises(InterruptedRunError) as raised:
        cv({"seeds": 2}, record, name="mine", jobs=1)
    run = Run(RUNS / "mine")
    assert str(raised.value) == "interrupted; 2 of 8 members are stored; rerun the same command to resume"
    assert run.read_record().status == "interrupted"
    assert len(stamps(run)) == 2
    _, _, record = cv({"seeds": 2}, name="mine")
    assert (len(record.planned), record.kept) == (6, 2)


@pytest.mark.parametrize(
    ("written", "said", "status"),
    [
        ("running", "interrupted; 0 of 4 members are stored", "interrupted"),
        ("complete", "interrupted; the run is complete", "complete"),
    ],
)
def test_ctrl_c_just_before_and_after_the_training_leaves_a_true_status(
    cv: Cv, written: str, said: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Run.write_record

    def stop(run: Run, record: RunRecord) -> None:
        write(run, record)
        if record.status == written:
            raise KeyboardInterrupt

    monkeypatch.setattr(Run, "write_record", stop)
    with pytest.raises(InterruptedRunError, match=said):
        cv(name="mine")
    assert Run(RUNS / "mine").read_record().status == status


@pytest.mark.parametrize("when", ["write_member", "write_oof", "write_report", "write_folds"])
@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "interrupted"), (OSError(28, "full"), "failed")]
)
def test_after_any_stop_the_record_has_the_status_and_a_rerun_finishes(
    cv: Cv, when: str, error: BaseException, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Run, when, stop)
        with pytest.raises((InterruptedRunError, OSError)):
            cv(name="mine")
    run = Run(RUNS / "mine")
    assert run.read_record().status == status
    cv(name="mine")
    assert run.read_record().status == "complete"


def test_partly_written_files_of_a_killed_process_are_deleted(cv: Cv) -> None:
    run, _, _ = cv(name="mine")
    for place in (".run.json.abc", "members/.knn-f0-s0.npz.abc"):
        (run.path / place).write_bytes(b"half")
    cv({"seeds": 2}, name="mine")
    assert not list(run.path.rglob(".*"))


@pytest.mark.parametrize("jobs", [None, 1, 3, 50])
def test_jobs_change_only_the_speed(cv: Cv, jobs: int | None) -> None:
    run, _, _ = cv(jobs=jobs)
    other, _, _ = cv(name="one", jobs=1)
    assert run.oof_path.read_bytes() == other.oof_path.read_bytes()


def test_nothing_is_written_outside_the_run_and_the_cache(cv: Cv, workdir: Path) -> None:
    cv()
    assert sorted(path.name for path in workdir.iterdir()) == ["data", "runs"]
    assert sorted(path.name for path in (workdir / "data").iterdir()) == [".cache", "test.csv", "train.csv"]


def test_a_folder_that_disappears_while_a_member_is_written(cv: Cv, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(run: Run, *_: object) -> None:
        RUNS.rename("unmounted")
        raise FileNotFoundError(2, "No such file or directory", str(run.path))

    monkeypatch.setattr(Run, "write_member", write)
    with pytest.raises(UserError, match="the run's folder was moved or deleted"):
        cv(name="mine")
    assert not RUNS.exists()
