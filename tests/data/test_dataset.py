import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import Config
from kit.data.dataset import check_folder, open_folder
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
        (
            "0,1,2,3\n0,1,2,4\n1,1,2,5\n1,1,2,6\n",
            "class 2 has no row\nexpected at least 2: one to train on, and one that is held out, received 0",
        ),
        ("0,1,2,3\n0,1,2,4\n1,1,2,5\n2,1,2,6\n2,1,2,7\n", "class 1 has one row"),
    ],
)
def test_scarce_classes(
    workdir: Path, tiny: Config, write_tiny: Callable[..., Path], train: str, message: str
) -> None:
    write_tiny(workdir / "data", train="label,pixel0,pixel1,pixel2\n" + train)
    with pytest.raises(UserError, match=f"data/train.csv, column label: {message}"):
        open_folder(Path("data"), tiny)
    assert not (workdir / "data" / ".cache").exists()


def with_labels(write_tiny: Callable[..., Path], folder: Path, *labels: str) -> Path:
    """Write images of three pixels with these labels, in the column `kind`."""
    rows = [f"{label},{row % 256},{row // 256},0" for row, label in enumerate(labels)]
    return write_tiny(folder, train="\n".join(["kind,pixel0,pixel1,pixel2", *rows]) + "\n")


def configured(**competition: Any) -> Config:
    given = {"image_shape": [1, 3], "label_column": "kind", **competition}
    raw = {"competition": given, "folds": {"count": 2}, "models": {"knn": {"kind": "knn"}}}
    return Config.model_validate(raw)


@pytest.mark.parametrize(
    ("labels", "wanted", "encoded"),
    [
        ("owl cat owl cat", ("cat", "owl"), [1, 0, 1, 0]),
        ("10 9 10 9", ("9", "10"), [1, 0, 1, 0]),
        ("24 0 24 0", ("0", "24"), [1, 0, 1, 0]),
        ("c10 c9 c10 c9", ("c10", "c9"), [0, 1, 0, 1]),
        ("-1 1 -1 1", ("-1", "1"), [0, 1, 0, 1]),
        ("00 01 00 01", ("00", "01"), [0, 1, 0, 1]),
    ],
)
def test_labels_are_learned_and_encoded_in_order(
    tmp_path: Path, write_tiny: Callable[..., Path], labels: str, wanted: tuple[str, ...], encoded: list[int]
) -> None:
    folder = with_labels(write_tiny, tmp_path / "data", *labels.split())
    for _ in range(2):  # The second time from the cache.
        data = open_folder(folder, configured(labels="auto"))
        assert (data.task.labels.labels, data.train_labels.tolist()) == (wanted, encoded)
        assert data.train_labels.dtype == np.uint8


def test_labels_of_a_list_keep_its_order(tmp_path: Path, write_tiny: Callable[..., Path]) -> None:
    folder = with_labels(write_tiny, tmp_path / "data", *["cat", "owl", "cat", "owl"])
    assert open_folder(folder, configured(labels=["owl", "cat"])).train_labels.tolist() == [1, 0, 1, 0]


def test_other_labels_are_other_data(tmp_path: Path, write_tiny: Callable[..., Path]) -> None:
    folders = [
        with_labels(write_tiny, tmp_path / labels, *labels) for labels in ("abab", "acac", "baba", "abab")
    ]
    one, other, swapped, same = (
        open_folder(folder, configured(labels="auto")).fingerprint for folder in folders
    )
    assert one == same
    assert len({one, other, swapped}) == 3


@pytest.mark.parametrize(
    ("labels", "competition", "message"),
    [
        ("0 1 3 1", {"classes": 3}, "not a label\nexpected an integer from 0 to 2, received '3'"),
        ("0 1 x 1", {"classes": 2}, "not a label\nexpected an integer from 0 to 1, received 'x'"),
        ("a b c a", {"labels": ["a", "b"]}, "not a label\nexpected one of 2 labels: a, b, rec"),
        ("a b a b", {"labels": "auto", "classes": 3}, "2 distinct labels\nexpected 3 \\(comp"),
        ("a a a a", {"labels": "auto"}, "1 distinct labels\nexpected 2 to 256\ndoes comp"),
        ("a a b", {"labels": "auto"}, "class b has one row"),
        ("a a NaN NaN", {"labels": "auto"}, "no label\nexpected a label, received 'NaN'"),
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_are_named(
    tmp_path: Path, write_tiny: Callable[..., Path], labels: str, competition: dict[str, Any], message: str
) -> None:
    folder = with_labels(write_tiny, tmp_path / "data", *labels.split())
    with pytest.raises(UserError, match=f"train.csv, (line 4, )?column kind: {message}"):
        open_folder(folder, configured(**competition))


def test_a_label_column_of_other_values_is_suspected(tmp_path: Path, write_tiny: Callable[..., Path]) -> None:
    folder = with_labels(write_tiny, tmp_path / "data", *map(str, range(257)))
    with pytest.raises(UserError, match=r"257 distinct labels\nexpected 2 to 256\ndoes competition.label"):
        open_folder(folder, configured(labels="auto"))


NAMED_TEST = "name,pixel0,pixel1,pixel2\nb.png,5,6,7\na.png,8,9,10\n"


def test_ids_of_test_csv_keep_its_order(tmp_path: Path, write_tiny: Callable[..., Path]) -> None:
    folder = write_tiny(tmp_path / "data", test=NAMED_TEST, sample_submission=None)
    config = configured(label_column="label", classes=3, test_id_column="name")
    for _ in range(2):  # The second time from the cache.
        assert open_folder(folder, config).test_ids == ("b.png", "a.png")


def test_an_id_of_test_csv_is_there_once(tmp_path: Path, write_tiny: Callable[..., Path]) -> None:
    folder = write_tiny(tmp_path / "data", test=NAMED_TEST.replace("b.png", "a.png"))
    config = configured(label_column="label", classes=3, test_id_column="name")
    with pytest.raises(UserError, match=r"test.csv, line 3, column name: id a.png is already in line 2"):
        open_folder(folder, config)


def test_a_sample_submission_may_have_a_byte_order_mark(
    tmp_path: Path, write_tiny: Callable[..., Path]
) -> None:
    folder = write_tiny(tmp_path / "data", sample_submission="\ufeffImageId,Label\nx9,0\nx1,0\n")
    config = configured(label_column="label", classes=3, first_id=None)
    assert open_folder(folder, config).test_ids == ("x9", "x1")


def test_ids_of_a_sample_submission_keep_its_order(tmp_path: Path, write_tiny: Callable[..., Path]) -> None:
    folder = write_tiny(tmp_path / "data", sample_submission="ImageId,Label\nx9,0\nx1,0\n")
    config = configured(label_column="label", classes=3, first_id=None)
    assert open_folder(folder, config).test_ids == ("x9", "x1")
    (folder / "sample_submission.csv").write_text("ImageId,Label\nx9,0\n")
    with pytest.raises(UserError, match=r"another number of rows than there are test rows"):
        open_folder(folder, config)
    (folder / "sample_submission.csv").unlink()
    with pytest.raises(UserError, match=r"there is no sample submission, which has the ids"):
        open_folder(folder, config)


def test_a_sample_submission_may_have_the_ids_of_test_csv_in_another_order(
    tmp_path: Path, write_tiny: Callable[..., Path]
) -> None:
    sample = b"\xef\xbb\xbfImageId,Label\r\na.png,0\r\nb.png,0\r\n"
    folder = write_tiny(tmp_path / "data", test=NAMED_TEST, sample_submission=sample)
    config = configured(label_column="label", classes=3, test_id_column="name")
    check_folder(folder, config, open_folder(folder, config))


def test_a_sample_submission_may_end_with_a_blank_line(
    tmp_path: Path, tiny: Config, write_tiny: Callable[..., Path]
) -> None:
    folder = write_tiny(tmp_path / "data", sample_submission="ImageId,Label\n1,0\n2,0\n\n")
    check_folder(folder, tiny, open_folder(folder, tiny))


def test_without_test_rows_the_sample_submission_is_not_compared(
    tmp_path: Path, write_tiny: Callable[..., Path]
) -> None:
    folder = write_tiny(tmp_path / "data", sample_submission="ImageId,Label\nsecret,0\n")
    config = configured(label_column="label", classes=3, test=None)
    check_folder(folder, config, open_folder(folder, config))
