"""Every miniature competition is read as it was written: labels, ids and groups, from its folder."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from kit.config import Config, load
from kit.data import dataset
from kit.data.dataset import Dataset
from tests.competitions import WRITERS, write
from tests.miniatures.files import Miniature


def opened(made: Miniature) -> Dataset:
    raw = load("images").model_dump(mode="json", exclude_unset=True)
    config = Config.model_validate({**raw, **made.settings, "data": {"directory": str(made.source)}})
    return dataset.open_folder(made.source, config)


def stems(by_name: Mapping[str, str]) -> dict[str, str]:
    return {one.removesuffix(".jpg").removesuffix(".png"): value for one, value in by_name.items()}


@pytest.mark.parametrize("name", WRITERS)
def test_it_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    made = write(name, tmp_path, train=240, test=60)
    data = opened(made)
    assert list(data.test_ids) == list(made.answers)
    assert len(data.test_images) == len(made.answers)
    labels = data.task.labels.decode(data.train_labels)
    if made.form in {"folders", "file_names"}:
        names = [one.rpartition("/")[2] for one in data.train_names]
        assert dict(zip(names, labels, strict=True)) == stems(made.train_labels)
    else:
        assert labels == list(made.train_labels.values())


@pytest.mark.parametrize("name", ["ham10000", "siim-isic", "state-farm"])
def test_its_groups_are_read(name: str, tmp_path: Path) -> None:
    made = write(name, tmp_path, train=240, test=60)
    data = opened(made)
    assert data.groups is not None
    names = [one.rpartition("/")[2] for one in data.train_names or made.groups]
    groups = stems(made.groups)
    numbers = dict(zip(names, data.groups.tolist(), strict=True))
    pairs = {(number, groups[one]) for one, number in numbers.items()}
    assert len(pairs) == len(set(numbers.values())) == len(set(groups.values()))
