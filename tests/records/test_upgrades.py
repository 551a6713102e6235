"""A run of version 1, from `kit cv --set training.epochs=1` on the competition's data, is still readable."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kit.cli import kit
from kit.errors import UserError
from kit.run_folder import RUNS, Run
from kit.task.submission import write_submission
from tests import tasks

VERSION_1 = Path(__file__).parent.parent / "version_1"
ROWS = 28_000


@pytest.fixture
def run(workdir: Path) -> Run:  # noqa: ARG001 - it is written there
    made = Run(RUNS / "default")
    shutil.copytree(VERSION_1, made.path)
    probs = np.eye(10, dtype=np.float32)[np.arange(ROWS) % 10]
    form = tasks.make().submission
    write_submission(made.submission_path, form.counted_ids(ROWS), probs, form)
    return made


def test_its_record_keeps_its_values(run: Run) -> None:
    record = run.read_record()
    assert (record.name, record.status, record.test_rows) == ("default", "complete", ROWS)
    assert record.precision == {"cnn": "bfloat16", "wide_view": "bfloat16"}
    assert record.machine.cores == 2


def test_its_report_keeps_its_values(run: Run) -> None:
    old, report = json.loads(run.report_path.read_text()), run.read_report()
    assert report.metric == "accuracy"
    assert report.oof.value == old["oof"]["accuracy"]
    assert [one.score.log_loss for one in report.models] == [one["log_loss"] for one in old["models"]]
    assert [one.gap for one in report.members] == [one["gap"] for one in old["members"]]
    assert report.tta is not None
    assert report.tta.with_views.errors == old["tta"]["with"]["errors"]


def test_its_ensemble_is_read_under_its_old_name(run: Run) -> None:
    ensemble = run.read_ensemble()
    assert ensemble.weights == {"cnn-s0": 0.5, "wide_view-s0": 0.5}
    assert ensemble.temperatures == {"cnn-s0": 1.0, "wide_view-s0": 1.0}


def test_it_can_be_reported(run: Run) -> None:
    result = CliRunner().invoke(kit, ["report", run.name])
    assert result.exit_code == 0
    assert "OOF accuracy     99.038 %, 404 errors in 42,000 rows" in result.stdout


def test_it_can_be_submitted(run: Run) -> None:
    result = CliRunner().invoke(kit, ["submit", run.name, "--dry-run"])
    assert result.exit_code == 0
    assert "OOF score:   0.99038 (0.98940 to 0.99127)" in result.stdout


def test_a_file_of_a_later_version_is_refused(run: Run) -> None:
    run.report_path.write_text('{"version": 3}')
    with pytest.raises(
        UserError, match=r"report\.json: written by another version of kit\nexpected version 1 to 2"
    ):
        run.read_report()


def test_a_file_that_lacks_a_key_names_it(run: Run) -> None:
    raw = json.loads(run.report_path.read_text())
    del raw["columns"]
    run.report_path.write_text(json.dumps(raw))
    with pytest.raises(UserError, match=r"report\.json: damaged: .*: field required"):
        run.read_report()


def test_an_unknown_metric_is_named(run: Run) -> None:
    run.write_report(run.read_report())
    run.report_path.write_text(run.report_path.read_text().replace('"metric": "accuracy"', '"metric": "foo"'))
    with pytest.raises(UserError, match=r"report\.json: damaged: metric: .*unknown metric 'foo'"):
        run.read_report()
