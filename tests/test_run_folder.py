import errno
import fcntl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit import member_files, run_folder
from kit.errors import UserError
from kit.files import write_json
from kit.members import ALL_ROWS, Member, MemberResult
from kit.names import check_name, plain_name
from kit.records import EnsembleRecord, History
from kit.run_folder import Run, all_runs, find_run

Make = Callable[..., Any]
MEMBER = Member("cnn", 3, 7)


@pytest.fixture
def result() -> MemberResult:
    rng = np.random.default_rng(0)
    val, test = (rng.dirichlet(np.ones(3), rows).astype(np.float32) for rows in (4, 6))
    return MemberResult(np.array([1, 5, 6, 9]), val, test, History(train_score=0.5), b"network")


@pytest.mark.parametrize("views", [False, True])
def test_a_member_trained_on_all_rows_has_only_test_probabilities(
    tmp_path: Path, result: MemberResult, views: bool
) -> None:
    member, run = Member("cnn", ALL_ROWS, 7), Run(tmp_path)
    nothing: dict[str, Any] = {"val_rows": np.empty(0, np.int64), "val_probs": np.empty((0, 3), np.float32)}
    if views:
        nothing |= {"val_probs_tta": nothing["val_probs"], "test_probs_tta": result.test_probs}
    run.write_member(member, replace(result, **nothing))
    with np.load(tmp_path / "members/cnn-all-s7.npz") as file:
        assert set(file) == {"test_probs", "history"} | ({"test_probs_tta"} if views else set())
    for back in (run.read_member(member), run.read_member(member).with_views()):
        for name in ("val_rows", "val_probs"):
            np.testing.assert_array_equal(getattr(back, name), nothing[name], strict=True)
        np.testing.assert_array_equal(back.test_probs, result.test_probs, strict=True)


def test_a_member_is_written_with_its_network_beside_it(tmp_path: Path, result: MemberResult) -> None:
    run = Run(tmp_path / "run")
    run.write_member(MEMBER, result)
    assert run.has(MEMBER)
    assert sorted(path.name for path in (tmp_path / "run/members").iterdir()) == [
        "cnn-f3-s7.keras",
        "cnn-f3-s7.npz",
    ]
    np.testing.assert_array_equal(run.read_member(MEMBER).val_probs, result.val_probs)


def test_a_member_counts_only_once_its_network_is_written(
    tmp_path: Path, result: MemberResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "run")

    def full(_: MemberResult) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(member_files, "pack", full)
    with pytest.raises(OSError, match="No space"):
        run.write_member(MEMBER, result)
    assert not run.has(MEMBER)


@pytest.mark.parametrize("kept", [0, 1, 10, 200, -1])
def test_a_truncated_member_does_not_count(tmp_path: Path, result: MemberResult, kept: int) -> None:
    run = Run(tmp_path / "run")
    run.write_member(MEMBER, result)
    path = run.member_path(MEMBER)
    path.write_bytes(path.read_bytes()[:kept])
    assert not run.has(MEMBER)


def test_a_member_of_another_name_does_not_count(tmp_path: Path, result: MemberResult) -> None:
    run = Run(tmp_path / "run")
    run.write_member(MEMBER, result)
    assert not run.has(Member("cnn", 3, 8))


def test_folds_are_int8_without_pickle(tmp_path: Path) -> None:
    folds = np.array([[0, 1, 1], [1, 0, 1]], np.int8)
    Run(tmp_path).write_folds(folds)
    np.testing.assert_array_equal(np.load(tmp_path / "folds.npy", allow_pickle=False), folds, strict=True)


def test_json_with_nan_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(Run(tmp_path).report_path, {"accuracy": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_the_plan_follows_the_configuration(example: Make) -> None:
    run = example(models=("cnn", "knn"), seeds=(0, 4)).write(status="running")
    assert sorted(run.planned()) == [Member(m, f, s) for m in ("cnn", "knn") for f in (0, 1) for s in (0, 4)]


@pytest.mark.parametrize(
    "change",
    [{"models": {"../../outside": {}}}, {"models": {"/etc/x": {}}}, {"seeds": ["/../../outside"]}],
    ids=str,
)
def test_no_member_leads_out_of_the_folder(example: Make, change: dict[str, Any]) -> None:
    """Another person may have written run.json."""
    run = example().write(status="running")
    record = run.read_record()
    run.write_record(record.model_copy(update={"config": record.config | change}))
    with pytest.raises(UserError, match=r"run\.json: config is damaged"):
        run.planned()


def test_members_on_all_rows_are_planned_if_configured(example: Make) -> None:
    made = example(seeds=(0, 4))
    made.info["config"]["all_rows"] = True
    names = [str(member) for member in sorted(made.write(status="running").planned())]
    assert names == ["cnn-f0-s0", "cnn-f0-s4", "cnn-f1-s0", "cnn-f1-s4", "cnn-all-s0", "cnn-all-s4"]
    del made.info["config"]["all_rows"]  # As in runs of earlier versions.
    assert len(made.write(status="running").planned()) == 4


def test_runs_are_ordered_newest_first(example: Make) -> None:
    for name, day in (("one", 1), ("three", 3), ("two", 2)):
        example(name=name, started=f"2025-01-0{day}T00:00:00Z").write(status="running")
    assert [run.name for run in all_runs()] == ["three", "two", "one"]


def test_the_newest_finished_run_is_found(example: Make) -> None:
    example(name="finished", started="2025-01-01T00:00:00Z").write()
    example(name="on-sample", started="2025-01-02T00:00:00Z", sample=True).write()
    example(name="running", started="2025-01-03T00:00:00Z").write(status="running")
    Path("runs/damaged").mkdir()
    Path("runs/damaged/run.json").write_text("{")
    assert find_run(None).name == "on-sample"
    assert find_run(None, on_sample=False).name == "finished"


def test_sample_runs_are_not_runs_on_competition_data(example: Make) -> None:
    example(sample=True).write()
    with pytest.raises(UserError, match="no finished run on competition data\ntrain one: kit cv"):
        find_run(None, on_sample=False)


def test_an_unknown_run_names_the_existing_ones(example: Make) -> None:
    example(name="one").write()
    with pytest.raises(UserError, match=r"there is no run 'two'\nexpected a run \(one\) or the path of one"):
        find_run("two")


@pytest.mark.usefixtures("workdir")
def test_a_missing_file_is_named() -> None:
    with pytest.raises(UserError, match=r"x/report\.json: this run has no such file yet"):
        Run(Path("x")).read_report()


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b""])
def test_unreadable_json_is_named(tmp_path: Path, content: bytes) -> None:
    run = Run(tmp_path)
    run.info_path.write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json: not readable as JSON"):
        run.read_record()
    assert run.exists()
    assert not run.is_finished()


@pytest.mark.usefixtures("workdir")
def test_a_run_is_locked_until_the_block_ends() -> None:
    run = Run(Path("runs/mine"))
    with run.locked():
        with pytest.raises(UserError, match="runs/mine: another process is writing this run"), run.locked():
            pass
        assert run.path.is_dir()
    with run.locked():
        pass


def test_an_error_in_the_block_is_raised_and_releases_the_lock(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(BlockingIOError, match="something else"), run.locked():
        raise BlockingIOError("something else")
    with run.locked():
        pass


def test_partly_written_files_are_deleted(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_log(MEMBER, "kept")
    for place in (".run.json.x", "members/.cnn-f3-s7.npz.x"):
        (tmp_path / place).write_bytes(b"half")
    (tmp_path / ".notes").mkdir()
    with run.locked():
        left = {path.name for path in tmp_path.rglob("*")}
        assert left == {".notes", "lock.json", "members", "cnn-f3-s7.log"}


def test_clearing_a_run_leaves_an_empty_folder(tmp_path: Path, result: MemberResult) -> None:
    run = Run(tmp_path)
    run.write_member(MEMBER, result)
    run.write_log(MEMBER, "")
    run.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_log_is_deleted_when_its_member_is_trained(tmp_path: Path, result: MemberResult) -> None:
    run = Run(tmp_path)
    run.write_log(MEMBER, "Traceback ü")
    assert run.log_path(MEMBER).read_text(encoding="utf-8") == "Traceback ü"
    run.write_member(MEMBER, result)
    assert not run.log_path(MEMBER).exists()


@pytest.fixture
def complete(example: Make) -> Run:
    """Return a run with all of its results."""
    made = example().write()
    for path in (made.oof_path, made.submission_path):
        path.write_bytes(b"")
    weights = {"example/cnn-s0": 1.0}
    made.write_ensemble(
        EnsembleRecord(method="mean", tta=False, calibrate=False, weights=weights, temperatures=weights)
    )
    return made  # type: ignore[no-any-return]  # the example is any


@pytest.mark.parametrize("name", ["oof.csv", "submission.csv", "report.json", "ensemble.json"])
def test_a_run_has_its_results_if_none_is_missing(complete: Run, name: str) -> None:
    assert complete.has_results()
    (complete.path / name).unlink()
    assert not complete.has_results()


@pytest.mark.parametrize("name", ["report.json", "ensemble.json"])
def test_a_damaged_result_counts_as_missing(complete: Run, name: str) -> None:
    (complete.path / name).write_text("{}")
    assert not complete.has_results()


def test_an_unreadable_run_is_listed(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Run) -> bool:
        raise PermissionError(13, "Permission denied", str(self.info_path))

    (workdir / "runs/secret").mkdir(parents=True)
    assert all_runs() == []
    monkeypatch.setattr(Run, "exists", refuse)
    assert [run.name for run in all_runs()] == ["secret"]


def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(
        UserError, match=r"run: this file system does not support locks \(No locks available\)"
    ):
        Run(tmp_path / "run").locked().__enter__()


def test_a_log_contains_no_secret(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_log(MEMBER, "cannot open postgresql://alice:s3cr@db/optuna\n")
    assert run.log_path(MEMBER).read_text() == "cannot open postgresql://alice:***@db/optuna\n"


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("default", "default"),
        ("größe-日本_1.5", "größe-日本_1.5"),
        ("a?b#c%20d", "a-b-c-20d"),
        ('it\'s "new"', "it-s--new-"),
        ("[red]\n{x}", "red---x-"),
        ("..", "config"),
        ("-x", "x"),
        ("x" * 250, "x" * 80),
        ("日" * 80, "日" * 26),
    ],
)
def test_special_characters_of_a_configuration_name_are_replaced(stem: str, name: str) -> None:
    assert plain_name(stem) == name


def test_a_file_name_in_another_encoding_is_refused() -> None:
    with pytest.raises(UserError, match="not in UTF-8"):
        plain_name("a\udcff")


@pytest.mark.parametrize("name", ["a", "größe", "x" * 180, "日" * 60, "a.b-c_d"])
def test_a_valid_name_is_accepted(name: str) -> None:
    check_name(name, "--run")


@pytest.mark.parametrize(
    "name", ["", ".hidden", "../out", "a/b", "a?b", "a#b", "a b", "x" * 181, "日" * 61, "a\n"]
)
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="--study: not a name") as refused:
        check_name(name, "--study")
    assert repr(name)[:100] in str(refused.value)


def test_the_page_of_a_comparison_is_named_after_its_runs() -> None:
    assert run_folder.comparison_path(["a", "b-1.2"]) == Path("runs/comparisons/a-vs-b-1.2.html")
    assert run_folder.comparison_path(["/x/a", "../a"]).parent == Path("runs/comparisons")
    assert run_folder.comparison_path(["old/x", "runs/x"]) != run_folder.comparison_path(["old-x", "runs-x"])


def test_the_page_of_a_comparison_of_many_runs_has_a_short_name_of_its_own() -> None:
    names = [f"configuration-{index}-1a2b3c4d" for index in range(12)]
    first, second = (run_folder.comparison_path(own) for own in (names, [*names[:-1], "other"]))
    assert first != second
    assert len(first.name.encode()) < 120


@pytest.mark.parametrize(
    "config",
    [
        {"folds": {"count": 10**9}, "seeds": [0], "models": {"cnn": {}}},
        {"folds": {"count": True}, "seeds": [0], "models": {"cnn": {}}},
        {"folds": {"count": 2}, "seeds": ["0"], "models": {"cnn": {}}},
        {"folds": {"count": 2}, "seeds": 3, "models": {"cnn": {}}},
        {"folds": [], "seeds": [0], "models": {"cnn": {}}},
    ],
)
def test_a_damaged_configuration_plans_no_members(config: dict[str, Any], tmp_path: Path) -> None:
    run = Run(tmp_path)
    content = {"version": 2, "config_name": "a", "hash": "1", "sample": True, "config": config}
    write_json(run.info_path, content)
    with pytest.raises(UserError, match=r"run\.json: config is damaged"):
        run.planned()
