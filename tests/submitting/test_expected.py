"""Where the ids of a submission come from."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.config import Config, load
from kit.data import layout
from kit.errors import UserError
from kit.submitting import expected
from kit.submitting.expected import Expected, task_of_file

IDS = ["1", "2", "3", "4", "5"]


@pytest.fixture
def data(workdir: Path, write_competition: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data directory with 20 test rows; a notebook's folder is ./input."""
    monkeypatch.setattr(layout, "KAGGLE_INPUTS", (workdir / "input",))
    write_competition(workdir / "data")
    return workdir / "data"


def config(*changes: str) -> Config:
    return load("default", changes)


def of_file(config: Config) -> Expected:
    return expected.of_file(config, task_of_file(config).submission)


def of_run(config: Config) -> Expected:
    return expected.of_run(config, task_of_file(config).submission, "mine", len(IDS))


def test_the_sample_submission_defines_the_ids_which_may_be_arbitrary(data: Path) -> None:
    (data / "sample_submission.csv").write_text("ImageId,Label\n30,0\n10,0\n")
    found = of_file(config())
    assert found.ids == ("30", "10")
    assert (found.source, found.example) == ("data/sample_submission.csv", {"30": "0", "10": "0"})


def test_rows_of_test_csv_count_from_the_first_id(data: Path) -> None:
    for name in ("train.csv", "sample_submission.csv"):
        (data / name).unlink()
    (data / "test.csv").write_bytes((data / "test.csv").read_bytes().replace(b"\n", b"\r\n"))
    found = of_file(config("competition.first_id=0"))
    assert found.ids == [str(row) for row in range(20)]
    assert (found.source, found.example) == ("data/test.csv", None)


def test_the_same_folder_is_used_as_for_training(data: Path) -> None:
    (data / "sample_submission.csv").unlink()
    (data.parent / "input/digit-recognizer").mkdir(parents=True)
    (data.parent / "input/digit-recognizer/sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    assert of_file(config()).source == "data/test.csv"
    (data / "train.csv").unlink()
    (data / "test.csv").unlink()
    assert of_file(config()).source.endswith("input/digit-recognizer/sample_submission.csv")


def test_train_csv_alone_gives_no_ids(data: Path) -> None:
    for name in ("test.csv", "sample_submission.csv"):
        (data / name).unlink()
    found = of_file(config())
    assert found.ids is None
    assert found.warnings[0].startswith(
        "the number of rows was not checked: no sample_submission.csv or test"
    )


def damaged_gzip(path: Path) -> None:
    packed = gzip.compress(path.read_bytes())
    path.with_name(f"{path.name}.gz").write_bytes(packed[: len(packed) // 2])
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def of_another_competition(path: Path) -> None:
    path.write_text("id,digit\n1,0\n")


DAMAGES = [damaged_gzip, folder, dangling, of_another_competition]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["sample_submission.csv", "test.csv"])
def test_an_unusable_file_is_named(data: Path, damage: Callable[[Path], None], name: str) -> None:
    if name == "test.csv":
        (data / "sample_submission.csv").unlink()
    damage(data / name)
    with pytest.raises(UserError, match=f"data/{name}"):
        of_file(config())


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_run_with_unusable_data_uses_its_stored_ids(data: Path, damage: Callable[[Path], None]) -> None:
    damage(data / "sample_submission.csv")
    found = of_run(config())
    assert found.ids == IDS
    assert found.warnings[0].startswith(
        "the ids were checked against the test rows of run mine alone: data/sample_submission.csv"
    )


def test_a_run_without_data_uses_its_stored_ids(data: Path) -> None:
    data.rename("elsewhere")
    found = of_run(config("data.directory=data"))
    assert (found.ids == IDS, found.warnings) == (True, ())


def test_a_named_but_missing_directory_is_an_error(data: Path) -> None:
    assert data.is_dir()
    with pytest.raises(UserError, match=r"none: there is no such folder"):
        of_file(config("data.directory=none"))


def test_ids_of_a_column_of_test_csv(data: Path) -> None:
    (data / "sample_submission.csv").unlink()
    header, *rows = (data / "test.csv").read_text().splitlines()
    lines = [f"name,{header}", *(f"img_{row}.png,{line}" for row, line in enumerate(rows))]
    (data / "test.csv").write_text("\n".join(lines) + "\n")
    found = of_file(config("competition.test_id_column=name"))
    assert found.ids == [f"img_{row}.png" for row in range(20)]


def test_ids_that_only_a_sample_submission_has(data: Path) -> None:
    (data / "sample_submission.csv").write_text("ImageId,Label\nb,0\na,0\n")
    assert of_run(config("competition.first_id=null")).ids == ("b", "a")
    (data / "sample_submission.csv").unlink()
    assert of_run(config("competition.first_id=null")).ids is None


def test_labels_that_only_train_csv_has(data: Path) -> None:
    learned = config("competition.labels=auto")
    assert task_of_file(learned).labels.labels == tuple("0123456789")
    for path in data.iterdir():
        if path.is_file():
            path.unlink()
    with pytest.raises(UserError, match=r"competition.labels: the labels are unknown\nget the data"):
        task_of_file(learned)
