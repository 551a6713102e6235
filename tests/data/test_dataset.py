import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.config import Config
from kit.data.dataset import open_folder
from kit.data.layout import SAMPLE
from kit.errors import UserError


def test_the_sample_is_as_large_as_it_says() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 1_000_000


def test_the_fingerprint_is_that_of_the_content(
    tmp_path: Path, tiny: Config, write_tiny: Callable[..., Path]
) -> None:
    first = write_tiny(tmp_path / "first")
    text = (first / "train.csv").read_text()
    lines = [line.split(",") for line in text.split()]
    other = write_tiny(tmp_path / "other", train="\r\n".join(",".join(reversed(cells)) for cells in lines))
    changed = write_tiny(tmp_path / "changed", train=text.replace("255", "254"))
    prints = [open_folder(folder, tiny).fingerprint for folder in (first, other, changed)]
    assert prints[0] == prints[1] != prints[2]


def test_compressed_files_are_found_by_their_other_name(
    tmp_path: Path, tiny: Config, write_tiny: Callable[..., Path]
) -> None:
    folder = write_tiny(tmp_path / "data")
    path = folder / "train.csv"
    (folder / "train.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert open_folder(folder, tiny).train_labels.tolist() == [0, 1, 2, 2, 1, 0]


def test_copies_are_warned_of(tmp_path: Path, tiny: Config, write_tiny: Callable[..., Path]) -> None:
    train = "label,pixel0,pixel1,pixel2\n0,1,1,1\n1,2,2,2\n0,1,1,1\n1,1,1,1\n2,3,3,3\n2,4,4,4\n"
    test = "pixel0,pixel1,pixel2\n9,9,9\n3,3,3\n"
    folder = write_tiny(tmp_path / "data", train=train, test=test)
    expected = (
        "2 rows of train.csv with the pixels of an earlier row (the first: line 4, as line 2 of train.csv)",
        "1 row of train.csv with another label than an earlier row of the same pixels "
        "(the first: line 5, as line 2 of train.csv)",
        "1 row of test.csv with the pixels of a row of train.csv (the first: line 3, as line 6 of train.csv)",
    )
    assert open_folder(folder, tiny).warnings == expected
    assert open_folder(folder, tiny).warnings == expected


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("0,1,2,3\n0,1,2,4\n1,1,2,5\n1,1,2,6\n", "class 2 has no row\nexpected at least 2 rows, received 0"),
        ("0,1,2,3\n0,1,2,4\n1,1,2,5\n2,1,2,6\n2,1,2,7\n", "class 1 has fewer rows than there are folds"),
    ],
)
def test_scarce_classes(
    workdir: Path, tiny: Config, write_tiny: Callable[..., Path], train: str, message: str
) -> None:
    write_tiny(workdir / "data", train="label,pixel0,pixel1,pixel2\n" + train)
    with pytest.raises(UserError, match=f"data/train.csv, column label: {message}"):
        open_folder(Path("data"), tiny)
    assert not (workdir / "data" / ".cache").exists()
