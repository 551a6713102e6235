from pathlib import Path

import pytest

from kit.data.inspection import sample, table
from kit.data.inspection.sample import Sample
from tests.inspected import pixel_rows, write_csv


def find(folder: Path) -> Sample | None:
    paths = sorted(folder.glob("*.csv"))
    return sample.find([found for path in paths if (found := table.read(path, path.name))])


@pytest.mark.parametrize(
    "name",
    ["sample_submission.csv", "sampleSubmission.csv", "sample_submission_v2.csv", "random_submission.csv"],
)
def test_names_of_sample_submissions(tmp_path: Path, name: str) -> None:
    for one in (name, "train.csv", "resampled_train.csv"):
        write_csv(tmp_path / one, ["id", "label"], [["a", 0]])
    found = find(tmp_path)
    assert found is not None
    assert found.table.name == name


def test_without_a_sample_submission_there_is_none(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ["id", "label"], [["a", 0]])
    assert find(tmp_path) is None


@pytest.mark.parametrize(
    ("ids", "first"), [(["5", "6", "7"], 5), (["1", "3", "2"], None), (["a", "b", "c"], None)]
)
def test_the_first_of_consecutive_ids(tmp_path: Path, ids: list[str], first: int | None) -> None:
    write_csv(tmp_path / "sample_submission.csv", ["id", "label"], [[one, 0] for one in ids])
    found = find(tmp_path)
    assert found is not None
    assert found.first_id == first


def test_ids_with_leading_zeros_are_not_counted(tmp_path: Path) -> None:
    write_csv(tmp_path / "sample_submission.csv", ["id", "label"], [["01", 0], ["02", 0], ["03", 0]])
    found = find(tmp_path)
    assert found is not None
    assert found.first_id is None


def test_a_table_that_predicts_one_value_is_a_sample_submission(tmp_path: Path) -> None:
    write_csv(tmp_path / "labels.csv", ["id", "label"], [["a", 0], ["b", 1]])
    write_csv(tmp_path / "baseline.csv", ["id", "label"], [["c", 0], ["d", 0]])
    found = find(tmp_path)
    assert found is not None
    assert found.table.name == "baseline.csv"


@pytest.mark.parametrize("name", ["subtypes.csv", "samples.csv"])
def test_a_table_with_pixels_is_no_sample_submission(tmp_path: Path, name: str) -> None:
    write_csv(tmp_path / name, ["label", *map(str, range(64))], pixel_rows(10, 64, "ab"))
    assert find(tmp_path) is None
