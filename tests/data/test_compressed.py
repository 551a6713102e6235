import gzip
import io
import mmap
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import kaggle_client
from kit.config import Config
from kit.data import compressed
from kit.data.compressed import content, unpacked
from kit.data.dataset import open_folder
from kit.data.obtain import fetch
from kit.data.source import load
from kit.errors import UserError
from tests.data.conftest import SUBMISSION, TEST, TRAIN

Write = Callable[..., Path]
GOOD = "label,pixel0\n1,2\n"


def zipped(*files: tuple[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, text in files:
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def older(workdir: Path) -> Path:
    """Return a folder as Kaggle's client once left it: each file in a zip of its own."""
    folder = workdir / "older"
    folder.mkdir()
    for name, text in {"train": TRAIN, "test": TEST, "sample_submission": SUBMISSION}.items():
        (folder / f"{name}.csv.zip").write_bytes(zipped((f"{name}.csv", text)))
    return folder


@pytest.fixture(autouse=True)
def _without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kaggle_client, "has_credentials", lambda: False)


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that counts as large."""
    monkeypatch.setattr(compressed, "LARGE", len(GOOD))
    path = tmp_path / "train.csv"
    path.write_text(GOOD)
    return path


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="only Linux has large pages")
def test_a_large_file_is_in_large_pages(large: Path) -> None:
    raw = compressed.read(large)
    assert isinstance(raw, mmap.mmap)
    assert raw[:] == GOOD.encode()


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="only Linux has large pages")
def test_a_stream_of_a_large_file_begins_anywhere(large: Path) -> None:
    assert compressed.stream(compressed.read(large), 6).readlines() == [b"pixel0\n", b"1,2\n"]


def test_a_system_without_large_pages(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    assert compressed.read(large) == GOOD.encode()


def test_a_large_file_that_is_cut_before_it_is_read(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = mmap.mmap

    def cut(*size: int, **how: int) -> mmap.mmap:
        os.truncate(large, 10)
        return memory(*size, **how)

    monkeypatch.setattr(mmap, "mmap", cut)
    assert compressed.read(large) == GOOD.encode()[:10]


def test_gzip_is_unpacked_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(gzip.compress(GOOD.encode()))
    assert content(path) == GOOD.encode()


@pytest.mark.parametrize("cut", [3, 12, 30, -9, -1])
def test_cut_gzip(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "train.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode())[:cut])
    with pytest.raises(UserError, match="the gzip is truncated or damaged"):
        content(path)


def test_damaged_gzip() -> None:
    raw = bytearray(gzip.compress(GOOD.encode()))
    raw[-6] ^= 255
    with pytest.raises(UserError, match="the gzip is truncated or damaged"):
        unpacked(bytes(raw), "train.csv")


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected a CSV file, received a folder"):
        content(tmp_path)


def test_a_pipe_in_place_of_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.csv")
    with pytest.raises(UserError, match="no regular file"):
        content(tmp_path / "train.csv")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        content(tmp_path / "train.csv")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "train.csv"
    path.touch()
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser may read everything
    with pytest.raises(UserError, match="not readable"):
        content(path)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]
)
def test_a_zip_of_one_file_is_unpacked_whatever_the_name(tmp_path: Path, method: int) -> None:
    for name in ("train.csv.zip", "train.csv"):
        (tmp_path / name).write_bytes(zipped(("train.csv", GOOD), method=method))
        assert content(tmp_path / name) == GOOD.encode()


@pytest.mark.parametrize(
    "files",
    [
        [("other.csv", GOOD)],
        [("deep/train.csv", GOOD), ("deep/notes.txt", "")],
        [("train.csv", GOOD), ("__MACOSX/._train.csv", "x")],
    ],
)
def test_the_file_in_a_zip_is_found(files: list[tuple[str, str]]) -> None:
    assert unpacked(zipped(*files), "data/train.csv.zip") == GOOD.encode()


@pytest.mark.parametrize(
    ("files", "received"),
    [
        ([("a.csv", ""), ("b.csv", "")], "'a.csv', 'b.csv'"),
        ([("a/train.csv", ""), ("b/train.csv", "")], "'a/train.csv', 'b/train.csv'"),
        ([("folder/", "")], "an empty zip"),
    ],
)
def test_a_zip_of_something_else_is_refused(files: list[tuple[str, str]], received: str) -> None:
    with pytest.raises(UserError) as caught:
        unpacked(zipped(*files), "data/train.csv.zip")
    assert str(caught.value) == (
        f"data/train.csv.zip: a zip of other files\nexpected one file, train.csv, received {received}"
    )


@pytest.mark.parametrize("cut", [4, 30, -30, -1])
def test_a_cut_zip(cut: int) -> None:
    with pytest.raises(UserError, match=r"^train\.csv\.zip: not a zip, or a truncated or damaged one"):
        unpacked(zipped(("train.csv", GOOD))[:cut], "train.csv.zip")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]
)
def test_a_damaged_zip(method: int) -> None:
    raw = bytearray(zipped(("train.csv", GOOD * 9), method=method))
    raw[55] ^= 255
    with pytest.raises(UserError, match=r"^train\.csv\.zip: "):
        unpacked(bytes(raw), "train.csv.zip")


def test_what_would_fill_the_memory_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "LARGEST", len(GOOD) - 1)
    with pytest.raises(UserError, match=r"it unpacks to too much\nexpected at most 16 bytes, received 17"):
        unpacked(zipped(("train.csv", GOOD)), "train.csv.zip")
    with pytest.raises(UserError, match=r"it unpacks to too much\nexpected at most 16 bytes, received more"):
        unpacked(gzip.compress(GOOD.encode()), "train.csv.gz")


@pytest.mark.parametrize("members", [1, 3])
def test_a_gzip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch, members: int) -> None:
    monkeypatch.setattr(compressed, "LITTLE", 1 << 20)
    monkeypatch.setattr(compressed, "MOST_TIMES", 2)
    bomb = gzip.compress(bytes(1 << 22)) * members
    with pytest.raises(UserError, match=r"train.csv.gz: it unpacks to too much\nexpected at most 1,048,576"):
        unpacked(bomb, "train.csv.gz")
    assert len(unpacked(gzip.compress(bytes(1 << 20)), "train.csv.gz")) == 1 << 20


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "LITTLE", 1 << 20)
    with pytest.raises(UserError, match=r"train.csv.zip: it unpacks to too much"):
        unpacked(zipped(("train.csv", bytes(1 << 22))), "train.csv.zip")


def test_a_zip_in_a_zip_in_a_zip_is_not_followed() -> None:
    inner = zipped(("train.csv", zipped(("train.csv", GOOD))))
    assert unpacked(inner, "train.csv.zip") == zipped(("train.csv", GOOD))


def test_a_folder_of_zips_is_read_in_place(older: Path, tiny: Config) -> None:
    data = open_folder(older, tiny)
    assert data.train_labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert sorted(path.suffix for path in older.iterdir() if path.is_file()) == [".zip"] * 3


def test_a_data_directory_of_zips_is_found(older: Path, tiny: Config) -> None:
    older.rename("data")
    assert load(tiny).source == "data/"


def test_a_folder_of_zips_is_fetched(older: Path, tiny: Config) -> None:
    assert fetch(tiny, str(older)).startswith("data/ holds train.csv, test.csv, sample_submission.csv: 6 ")
    assert Path("data/train.csv").read_text() == TRAIN
    assert Path("data/sample_submission.csv").read_text() == SUBMISSION


@pytest.mark.parametrize("folder", ["", "digit-recognizer/"])
def test_zips_in_the_zip_of_the_competition_are_fetched(older: Path, tiny: Config, folder: str) -> None:
    files = [(f"{folder}{path.name}", path.read_bytes()) for path in older.iterdir()]
    Path("digits.zip").write_bytes(zipped(*files))
    assert fetch(tiny, "digits.zip").startswith("data/ holds ")
    assert Path("data/test.csv").read_text() == TEST


def test_a_damaged_zip_in_the_zip_is_named(older: Path, tiny: Config) -> None:
    files = [(path.name, path.read_bytes()) for path in older.iterdir()]
    files = [(name, raw[:-9] if name.startswith("train") else raw) for name, raw in files]
    Path("digits.zip").write_bytes(zipped(*files))
    with pytest.raises(
        UserError, match=r"^digits\.zip/train\.csv\.zip: not a zip, or a truncated or damaged one"
    ):
        fetch(tiny, "digits.zip")
    assert not Path("data").exists()


def test_a_zip_of_one_file_is_no_competition(older: Path, tiny: Config) -> None:
    with pytest.raises(UserError, match="a single file"):
        fetch(tiny, str(older / "train.csv.zip"))


def test_a_compressed_sample_submission_is_looked_at(workdir: Path, tiny: Config, write_tiny: Write) -> None:
    folder = write_tiny(workdir / "data", sample_submission=None)
    (folder / "sample_submission.csv.gz").write_bytes(gzip.compress(SUBMISSION.encode()))
    assert load(tiny).test_ids == ("1", "2")
    (folder / "sample_submission.csv.gz").write_bytes(gzip.compress(b"ImageId,Label\n1,0\n"))
    with pytest.raises(UserError, match=r"sample_submission.csv.gz, line 2: id 2 and what follows"):
        load(tiny)
