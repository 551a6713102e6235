import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.errors import KitError, UserError
from kit.pipeline import ensemble as module
from kit.pipeline import results
from kit.pipeline.compare import compare
from kit.pipeline.ensemble import Settings, ensemble
from kit.pipeline.rebuild import computed, find_images
from kit.run_folder import RUNS, Run, all_runs
from tests.pipeline.conftest import ROWS, TEST_ROWS, Cv, edit

FITTED = ("weighted", "greedy", "stack", "best")
FIXED = ("mean", "geometric", "rank", "vote")
VIEWS: Any = {
    "models": {"net": {"stages": [{"filters": 1}]}},
    "augmentation": {"tta": True},
    "training": {"precision": "float32"},
}


def combine(runs: list[Run], method: str = "mean", **also: Any) -> Run:
    settings = {name: also.pop(name) for name in ("tta", "calibrate") if name in also}
    return ensemble(runs, Settings(method, **settings), lambda _: None, **{"name": "both", **also})[0]


def content(folder: Path = RUNS) -> dict[Path, int]:
    """Return all paths, with the times of the files: a folder's changes while a command holds its lock."""
    return {path: path.stat().st_mtime_ns if path.is_file() else 0 for path in folder.rglob("*")}


def test_an_ensemble_has_the_files_of_a_run_without_members(runs: list[Run]) -> None:
    made = combine(runs)
    assert {path.name for path in made.path.iterdir()} == {
        "run.json", "folds.npy", "oof.csv", "submission.csv", "ensemble.json", "report.json", "test.csv",
        "history.csv", "SHA256SUMS",
    }  # fmt: skip


def test_the_mean_has_equal_weights_over_the_columns_of_all_runs(runs: list[Run]) -> None:
    made = combine(runs)
    names = ("a-s0", "b-s1", "b-s2")
    assert made.read_ensemble().weights == pytest.approx(dict.fromkeys(names, 1 / 3))
    tables = [run.read_oof().probs for run in runs]
    np.testing.assert_allclose(made.read_oof().probs, (tables[0] + 2 * tables[1]) / 3, rtol=1e-6)
    assert [(one.model, one.seed) for one in made.read_report().columns] == [("a", 0), ("b", 1), ("b", 2)]


def test_the_mean_of_two_tables_is_the_ensemble_by_mean(cv: Cv) -> None:
    runs = [cv(name=name, changes={"seeds": [seed]})[0] for name, seed in (("one", 0), ("two", 1))]
    one, two, both = (np.loadtxt(run.test_path, delimiter=",", skiprows=1) for run in (*runs, combine(runs)))
    np.testing.assert_allclose((one + two) / 2, both, atol=1e-11)


@pytest.mark.parametrize("method", [*FIXED, *FITTED])
def test_every_method_combines_runs(runs: list[Run], method: str) -> None:
    record = combine(runs, method).read_ensemble()
    assert (record.requested, record.method) == (method, method)


def test_auto_records_the_method_that_it_takes(runs: list[Run]) -> None:
    made = combine(runs, "auto")
    record, combination = made.read_ensemble(), made.read_report().combination
    assert combination
    # The stand-in is correct in 96 of 100 rows with probabilities of 0.5 to 0.52: scaling helps.
    assert (record.requested, record.method, combination.method) == ("auto", "stack", "stack")


def test_the_record_names_the_sources(runs: list[Run]) -> None:
    made = combine(runs).read_record()
    records = [run.read_record() for run in runs]
    assert [(one.name, one.path, one.hash, one.members) for one in made.sources] == [
        ("a", "runs/a", records[0].hash, 4),
        ("b", "runs/b", records[1].hash, 8),
    ]
    assert (made.status, made.config_name, made.members_planned) == ("complete", "ensemble", 12)
    assert (made.rows, made.test_rows, made.fingerprint) == (ROWS, TEST_ROWS, records[0].fingerprint)
    assert (made.sample, made.test_ids) == (False, records[0].test_ids)
    assert made.wall_seconds == pytest.approx(sum(one.wall_seconds for one in records))
    assert made.command == "kit ensemble a b --method mean --name both"
    assert made.finished


def test_ensemble_json_has_the_hash_of_each_run(runs: list[Run]) -> None:
    made = combine(runs)
    assert made.read_ensemble().runs == {run.name: run.read_record().hash for run in runs}


def test_the_default_name_is_that_of_the_hash(runs: list[Run]) -> None:
    made = combine(runs, name=None)
    assert made.name == f"ensemble-{made.read_record().hash[:8]}"


def test_any_order_of_runs_is_the_same_ensemble(runs: list[Run]) -> None:
    made = combine(runs, name=None)
    again, complete = ensemble(runs[::-1], Settings("mean"), print)
    assert (again.path, complete) == (made.path, True)


@pytest.mark.parametrize("changes", [{"method": "rank"}, {"calibrate": True}])
def test_other_settings_are_another_ensemble(runs: list[Run], changes: Any) -> None:
    assert combine(runs, name=None).name != combine(runs, **{"name": None, **changes}).name


def test_a_complete_ensemble_is_not_changed(runs: list[Run]) -> None:
    combine(runs)
    before, said = content(), list[str]()
    assert ensemble(runs, Settings("mean"), said.append, name="both")[1]
    assert (content(), said) == (before, [])


def test_it_says_what_it_combines(runs: list[Run]) -> None:
    said: list[str] = []
    ensemble(runs, Settings("mean"), said.append, name="both")
    assert said == ["both: combining 3 columns of 2 runs"]


def test_fresh_combines_again(runs: list[Run]) -> None:
    combine(runs)
    made = combine(runs, "rank", fresh=True)
    assert (made.name, made.read_ensemble().method) == ("both", "rank")


def test_runs_may_have_other_folds(cv: Cv) -> None:
    runs = [cv({"folds": {"count": count}}, name=f"f{count}")[0] for count in (4, 5)]
    made = combine(runs, "weighted")
    combination = made.read_report().combination
    assert combination
    assert not combination.same_folds
    folds = made.read_folds()
    assert folds.shape == (1, ROWS)
    assert folds.dtype == np.int8


def test_a_run_with_several_models_gives_each_its_own_name(cv: Cv) -> None:
    run = cv(VIEWS, name="a")[0]
    assert list(combine([run]).read_ensemble().weights) == ["a/knn-s0", "a/net-s0"]


def test_runs_of_one_name_in_two_folders_are_told_apart(cv: Cv, workdir: Path) -> None:
    first = cv(name="a")[0]
    (workdir / "old").mkdir()
    first.path.rename(workdir / "old" / "a")
    other = cv({"seeds": [1]}, name="a")[0]
    made = combine([other, Run(Path("old/a"))])
    assert made.read_ensemble().weights == {"old/a-s0": 0.5, "runs/a-s1": 0.5}
    assert sorted(made.read_ensemble().runs) == ["old/a", "runs/a"]
    assert made.read_record().command == "kit ensemble a old/a --method mean --name both"


def test_one_column_is_combined_by_a_method_that_fits_nothing(runs: list[Run]) -> None:
    made = combine(runs[:1], "auto")
    np.testing.assert_array_equal(made.read_oof().probs, runs[0].read_oof().probs)
    assert (made.read_ensemble().weights, made.read_report().combination) == ({"a-s0": 1.0}, None)


def test_views_are_used_as_each_run_does_or_as_told(cv: Cv) -> None:
    plain = cv(VIEWS, name="plain")[0]
    views = cv({**VIEWS, "seeds": [1], "ensemble": {"tta": True}}, name="views")[0]
    tables = [run.read_oof().probs for run in (plain, views)]
    own = combine([plain, views], name="own")
    np.testing.assert_allclose(own.read_oof().probs, (tables[0] + tables[1]) / 2, rtol=1e-6)
    assert [one.tta for one in own.read_record().sources] == [False, True]
    # Views raise the probability of one of two models by 0.1.
    for tta, change in ((True, 0.025), (False, -0.025)):
        made = combine([plain, views], name=f"tta-{tta}", tta=tta)
        tops = made.read_oof().probs.max(axis=1) - own.read_oof().probs.max(axis=1)
        np.testing.assert_allclose(tops, change, rtol=1e-4)
        assert made.read_ensemble().tta == tta


@pytest.mark.parametrize("method", ["mean", "weighted", "vote"])
def test_columns_are_calibrated(runs: list[Run], method: str) -> None:
    plain, made = combine(runs, method, name="plain"), combine(runs, method, name="scaled", calibrate=True)
    # The stand-in is correct in 96 of 100 rows with probabilities of 0.5 to 0.52.
    assert all(one < 1 for one in made.read_ensemble().temperatures.values())
    columns = made.read_report().columns, plain.read_report().columns
    assert all(new.score.log_loss < old.score.log_loss / 2 for new, old in zip(*columns, strict=True))
    assert made.read_record().command.endswith("--set ensemble.calibrate=true")


def test_the_report_is_computed_again_from_the_sources(runs: list[Run]) -> None:
    made = combine(runs, "weighted")
    report = made.read_report()
    again, _ = computed(made, ())
    assert again.model_copy(update={"details": None, "time": report.time}) == report.model_copy(
        update={"details": None}
    )


def test_the_report_of_changed_sources_is_not_computed(runs: list[Run]) -> None:
    made = combine(runs)
    shutil.rmtree(runs[1].path)
    with pytest.raises(KitError, match="source run b is gone"):
        computed(made, ())


def test_images_are_taken_from_the_sources(runs: list[Run], competition: Path) -> None:
    made = combine(runs)
    shutil.rmtree(competition)
    images, new = find_images(made, made.read_report())
    assert new
    assert set(images.train) == set(runs[0].read_images().train)


def test_an_ensemble_is_compared_with_its_runs(runs: list[Run]) -> None:
    found = compare([runs[0], combine(runs)])
    assert [(one.run, one.ensemble, one.members) for one in found.contenders] == [
        ("a", "mean", 4),
        ("both", "mean", 12),
    ]
    assert found.notes == ()


def test_estimates_of_training_ignore_ensembles(cv: Cv, runs: list[Run]) -> None:
    combine(runs)
    run, complete, record = cv({"seeds": [7]})
    assert (complete, len(record.planned), run.name in {one.name for one in all_runs()}) == (False, 4, True)


def test_cv_does_not_write_into_an_ensemble(cv: Cv, runs: list[Run]) -> None:
    combine(runs)
    before = content()
    with pytest.raises(UserError) as caught:
        cv(name="both")
    assert str(caught.value) == (
        "runs/both: there is an ensemble of this name\n"
        "choose another --run NAME, or --fresh to delete the ensemble"
    )
    assert content() == before
    made, _, record = cv(name="both", fresh=True)
    assert (len(record.planned), made.read_record().sources) == (4, ())


def test_nothing_is_written_if_runs_do_not_fit(runs: list[Run]) -> None:
    edit(runs[1].info_path, sample=True)
    before = content()
    with pytest.raises(UserError, match="these runs are on different data"):
        combine(runs)
    assert content() == before


def test_a_folder_that_is_not_writable_is_refused_before_the_computation(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(os, "access", lambda path, _: path != RUNS)
    with pytest.raises(UserError) as caught:
        ensemble(runs, Settings("mean"), said.append, name="both")
    assert said == []
    assert str(caught.value) == (
        "runs/: this folder is not writable\n"
        "look at its permissions, or work in another folder and name the runs by their paths"
    )
    assert not (RUNS / "both").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/tmp/x", "~", "-x", "comparisons", "x" * 181])
def test_a_name_that_is_none_is_refused(runs: list[Run], name: str) -> None:
    before = content()
    with pytest.raises(UserError, match=r"^--name: "):
        combine(runs, name=name)
    assert content() == before


@pytest.mark.parametrize("fresh", [False, True])
def test_a_run_is_not_replaced(runs: list[Run], *, fresh: bool) -> None:
    before = content()
    with pytest.raises(UserError, match="runs/b: there is a run of this name\nchoose another --name"):
        combine(runs, name="b", fresh=fresh)
    assert content() == before


def test_another_ensemble_is_not_replaced(runs: list[Run]) -> None:
    combine(runs)
    before = content()
    with pytest.raises(UserError) as caught:
        combine(runs, "rank")
    assert str(caught.value) == (
        "runs/both: there is another ensemble of this name, made by: "
        "kit ensemble a b --method mean --name both\nchoose another --name, or --fresh to replace it"
    )
    assert content() == before


@pytest.mark.parametrize("fresh", [False, True])
def test_files_of_others_are_not_deleted(runs: list[Run], *, fresh: bool) -> None:
    (RUNS / "mine").mkdir()
    (RUNS / "mine" / "notes.txt").touch()
    (RUNS / "file").touch()
    before = content()
    for name in ("mine", "file"):
        with pytest.raises(UserError, match=f"runs/{name}: there is another file or folder of this name"):
            combine(runs, name=name, fresh=fresh)
    assert content() == before


def test_a_run_of_version_1_is_combined_with_a_later_one(runs: list[Run]) -> None:
    edit(runs[1].info_path, labels=[], fingerprint="cd" * 32)
    made = combine(runs[::-1]).read_record()
    assert (made.labels, made.fingerprint) == (
        tuple("0123456789"),
        runs[0].read_record().fingerprint,
    )
    assert compare([runs[0], Run(RUNS / "both")]).rows == ROWS


# Interrupts and other processes.


def test_an_error_leaves_what_was_there(runs: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    combine(runs)
    before = content()

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "report_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        combine(runs, "rank", fresh=True)
    with pytest.raises(KeyboardInterrupt):
        combine(runs, name="other")
    assert content() == before


def test_a_failed_write_is_repaired_by_the_same_command(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_results", full)
        with pytest.raises(OSError, match="No space"):
            combine(runs)
    assert Run(RUNS / "both").status() == "failed"
    made, complete = ensemble(runs, Settings("mean"), print, name="both")
    assert (complete, made.status()) == (False, "complete")


def test_two_processes_do_not_write_one_ensemble(runs: list[Run]) -> None:
    made = Run(RUNS / "both")
    with made.locked(), pytest.raises(UserError, match="runs/both: another process is writing this run"):
        combine(runs)


def test_what_another_process_wrote_in_the_meantime_is_kept(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = results.report_of

    def slow(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(module, "report_of", compute)
        combine(runs)
        return compute(*arguments, **named)

    monkeypatch.setattr(module, "report_of", slow)
    _, complete = ensemble(runs, Settings("mean"), print, name="both")
    assert complete
    monkeypatch.setattr(module, "report_of", slow)
    shutil.rmtree(RUNS / "both")
    with pytest.raises(UserError, match="there is another ensemble of this name"):
        combine(runs, "rank")
    assert Run(RUNS / "both").read_ensemble().method == "mean"
