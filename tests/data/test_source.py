import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from kit import config, kaggle_client
from kit.config import Config
from kit.data import obtain, source
from kit.data.source import find_local, load
from kit.errors import UserError
from kit.records import RunRecord

ROOT = Path(source.__file__).parents[2]


@pytest.fixture(autouse=True)
def _without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kaggle_client, "has_credentials", lambda: False)


def test_the_data_directory_comes_first(workdir: Path, tiny: Config, write_tiny: Callable[..., Path]) -> None:
    write_tiny(workdir / "data")
    write_tiny(workdir / "input" / "digit-recognizer", train=None)
    data = load(tiny)
    assert (data.source, data.sample) == ("data/", False)
    assert data.train_images.shape == (6, 1, 3, 1)
    assert data.train_labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert data.test_images.tolist() == [[[[5], [6], [7]]], [[[8], [9], [10]]]]
    assert data.test_ids == ("1", "2")


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")])
def test_a_data_directory_that_cannot_be_read_is_not_passed_over(
    workdir: Path, tiny: Config, make: Callable[[Path], None]
) -> None:
    make(workdir / "data")
    with pytest.raises(
        UserError, match=r"^data: cannot be read\nexpected a folder, received something else$"
    ):
        load(tiny)


@pytest.mark.parametrize("mounted", ["input", "input/competitions"])
def test_then_the_data_of_a_notebook(
    workdir: Path, tiny: Config, write_tiny: Callable[..., Path], mounted: str
) -> None:
    folder = write_tiny(workdir / mounted / "digit-recognizer")
    assert load(tiny).source == f"{folder}/"


def test_then_kaggle(
    workdir: Path, tiny: Config, write_tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kaggle_client, "has_credentials", lambda: True)
    monkeypatch.setattr(
        obtain, "fetch", lambda _, source: write_tiny(workdir / "data") if source == "kaggle" else None
    )
    assert load(tiny).source == "data/"


def test_a_refused_download_is_not_hidden_behind_the_sample(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise UserError("accept the rules")

    monkeypatch.setattr(kaggle_client, "has_credentials", lambda: True)
    monkeypatch.setattr(obtain, "fetch", refuse)
    with pytest.raises(UserError, match="accept the rules"):
        load(config.load())
    assert list(workdir.iterdir()) == []


def test_then_the_sample_which_leaves_nothing_behind(workdir: Path) -> None:
    data = load(config.load())
    assert (data.sample, data.source) == (True, "the bundled sample")
    assert data.train_images.shape == (2400, 28, 28, 1)
    assert data.test_images.shape == (600, 28, 28, 1)
    assert np.bincount(data.train_labels).min() > 200
    assert data.warnings == ()
    assert list(workdir.iterdir()) == []


def test_the_sample_does_not_replace_data_that_is_still_in_its_zip(workdir: Path) -> None:
    (workdir / "data").mkdir()
    (workdir / "data" / "digit-recognizer.zip").touch()
    with pytest.raises(UserError) as raised:
        load(config.load("default"))
    assert str(raised.value) == (
        "data/digit-recognizer.zip: the competition's files are still in their zip\n"
        "unpack it: kit data fetch --source data/digit-recognizer.zip"
    )


def test_the_sample_stands_for_its_competition_alone(workdir: Path, tiny: Config) -> None:
    with pytest.raises(UserError, match=r"data/: there are no train.csv and test.csv"):
        load(tiny)
    assert list(workdir.iterdir()) == []


def test_temporary_arrays_go_with_the_process(workdir: Path) -> None:
    code = "from kit import config; from kit.data.source import load; print(load(config.load()).folder)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        env={"PYTHONPATH": str(ROOT), "TMPDIR": str(workdir)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).parents[1] == workdir
    assert list(workdir.iterdir()) == []


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_file_alone_is_not_enough(
    workdir: Path, tiny: Config, write_tiny: Callable[..., Path], name: str
) -> None:
    write_tiny(workdir / "data", **{name: None})
    with pytest.raises(UserError, match=rf"data/: there is no {name}.csv\nexpected train.csv and test.csv"):
        load(tiny)


def test_a_link_that_leads_nowhere(workdir: Path, tiny: Config, write_tiny: Callable[..., Path]) -> None:
    (write_tiny(workdir / "data", train=None) / "train.csv").symlink_to("gone.csv")
    with pytest.raises(UserError, match=r"data/train.csv: no such file"):
        load(tiny)


def test_a_sample_submission_of_other_rows_is_an_error(
    workdir: Path, tiny: Config, write_tiny: Callable[..., Path]
) -> None:
    write_tiny(workdir / "data", sample_submission="ImageId,Label\n1,0\n3,0\n")
    message = r"data/sample_submission.csv, line 3, column ImageId: id 2 is missing\nexpected 2, received 3"
    with pytest.raises(UserError, match=message):
        load(tiny)


def test_predictions_of_a_sample_submission_may_be_anything(
    workdir: Path, tiny: Config, write_tiny: Callable[..., Path]
) -> None:
    write_tiny(workdir / "data", sample_submission="ImageId,Label\n1,0.5\n2,cat\n")
    assert load(tiny).test_ids == ("1", "2")


def test_the_data_of_a_run_is_found_by_its_fingerprint(
    workdir: Path, tiny: Config, write_tiny: Callable[..., Path]
) -> None:
    write_tiny(workdir / "data")
    record = RunRecord(
        config_name="tiny",
        config=tiny.model_dump(mode="json"),
        hash="",
        sample=False,
        fingerprint=load(tiny).fingerprint,
    )
    found = find_local(record)
    assert found
    assert found.train_labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert find_local(record.model_copy(update={"fingerprint": "ab" * 32})) is None
    (workdir / "data" / "train.csv").unlink()
    assert find_local(record) is None


def test_libraries_are_looked_for_before_threads_start(
    workdir: Path, tiny: Config, write_tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a thread that imports an extension module, threadpoolctl would wait forever."""
    threads = []
    init = ThreadpoolController.__init__

    def record(controller: ThreadpoolController) -> None:
        threads.append(threading.current_thread())
        init(controller)

    monkeypatch.setattr(ThreadpoolController, "__init__", record)
    write_tiny(workdir / "data")
    load(tiny)
    assert threads == [threading.main_thread()]
