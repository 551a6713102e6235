import hashlib
import json
import mmap
import os
import random
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kit.config import Competition, Config
from kit.data import cache, compressed, file_hashes
from kit.data.dataset import open_folder
from kit.data.readers import pixel_csv
from kit.errors import UserError
from kit.scratch import scratch

ARRAYS = {name: np.arange(6, dtype=np.uint8) for name in cache.ARRAYS}


@pytest.fixture
def folder(tmp_path: Path, write_tiny: Callable[..., Path]) -> Path:
    return write_tiny(tmp_path / "data")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which every file that is parsed adds its name."""
    names: list[str] = []
    parse = pixel_csv.parse

    def spy(raw: bytes, name: str, *rest: Competition, **also: Any) -> object:
        names.append(Path(name).name)
        return parse(raw, name, *rest, **also)

    monkeypatch.setattr(pixel_csv, "parse", spy)
    return names


def test_a_second_start_reads_no_csv(
    folder: Path, tiny: Config, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_folder(folder, tiny)
    assert reads == ["train.csv", "test.csv"]
    monkeypatch.setattr(file_hashes, "_sha256", None)
    second = open_folder(folder, tiny)
    assert reads == ["train.csv", "test.csv"]
    assert second.fingerprint == first.fingerprint
    assert np.array_equal(second.train_images, first.train_images)
    assert second.folder == first.folder


def test_arrays_are_memory_mapped_and_lie_in_the_folder(folder: Path, tiny: Config) -> None:
    data = open_folder(folder, tiny)
    assert isinstance(data.train_images, np.memmap)
    assert data.folder.parent == folder / ".cache"
    for name in cache.ARRAYS:
        assert np.array_equal(np.load(data.folder / f"{name}.npy", mmap_mode="r"), getattr(data, name))


def test_an_edit_of_the_same_size_is_noticed(folder: Path, tiny: Config) -> None:
    before = open_folder(folder, tiny)
    text = (folder / "train.csv").read_text()
    (folder / "train.csv").write_text(text.replace("255", "254"))
    after = open_folder(folder, tiny)
    assert after.train_images[0, 0, 2, 0] == 254
    assert after.fingerprint != before.fingerprint


def test_a_touched_file_is_hashed_but_not_read_again(folder: Path, tiny: Config, reads: list[str]) -> None:
    open_folder(folder, tiny)
    os.utime(folder / "train.csv", ns=(1, 1))
    open_folder(folder, tiny)
    assert len(reads) == 2
    known = json.loads((folder / ".cache" / "hashes.json").read_text())
    assert [stamp[1] for path, stamp in known.items() if path.endswith("train.csv")] == [1]


@pytest.mark.parametrize("name", [*(f"{name}.npy" for name in cache.ARRAYS), "meta.json"])
@pytest.mark.parametrize("damage", ["cut", "emptied", "removed", "overwritten"])
def test_a_damaged_entry_is_built_again(
    folder: Path, tiny: Config, reads: list[str], name: str, damage: str
) -> None:
    data = open_folder(folder, tiny)
    expected, path = data.train_images.tolist(), data.folder / name
    raw = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes({"cut": raw[:-1], "emptied": b"", "overwritten": b"\xff" * len(raw)}[damage])
    assert open_folder(folder, tiny).train_images.tolist() == expected
    assert len(reads) == 4
    open_folder(folder, tiny)
    assert len(reads) == 4


def test_a_file_in_place_of_an_entry_is_named(folder: Path, tiny: Config) -> None:
    entry = open_folder(folder, tiny).folder
    shutil.rmtree(entry)
    entry.write_text("")
    assert open_folder(folder, tiny).folder.parent == scratch()
    assert [path.name for path in (folder / ".cache").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("content", ["", "[]", "null", "{", '{"a": 1}', "[1]"])
def test_damaged_hashes_are_found_again(folder: Path, tiny: Config, reads: list[str], content: str) -> None:
    open_folder(folder, tiny)
    (folder / ".cache" / "hashes.json").write_text(content)
    open_folder(folder, tiny)
    assert len(reads) == 2


def test_a_file_that_changes_after_it_was_read(folder: Path) -> None:
    train = folder / "train.csv"
    before = train.read_bytes()
    ready = file_hashes.read(train)
    train.write_bytes(before + before)
    ((size, _, found),) = file_hashes.hashes([train], {}, {train: ready}).values()
    assert (size, found) == (len(before), hashlib.sha256(before).hexdigest())


def test_a_file_that_changes_while_it_is_read_is_read_again(folder: Path) -> None:
    changes = iter([b"another", b"the last one"])

    def changing(path: Path) -> bytes:
        found = path.read_bytes()
        if later := next(changes, b""):
            path.write_bytes(later)
        return found

    assert file_hashes.read(folder / "train.csv", changing).raw == b"the last one"


def test_a_file_that_changes_all_the_time(folder: Path) -> None:
    def growing(path: Path) -> bytes:
        with path.open("ab") as file:
            file.write(b"more")
        return path.read_bytes()

    with pytest.raises(UserError, match="the file changes while it is read"):
        file_hashes.read(folder / "train.csv", growing)


def test_the_training_file_as_the_test_file_is_an_error(folder: Path, tiny: Config) -> None:
    competition = tiny.competition.model_copy(update={"test": "train.csv"})
    with pytest.raises(UserError, match="it has a column label"):
        open_folder(folder, tiny.model_copy(update={"competition": competition}))


def test_a_cache_that_may_not_be_searched(
    folder: Path, tiny: Config, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_folder(folder, tiny)

    def refused(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", refused)
    open_folder(folder, tiny)
    assert len(reads) == 4


def test_an_entry_is_found_without_its_index(folder: Path, tiny: Config, reads: list[str]) -> None:
    open_folder(folder, tiny)
    (folder / ".cache" / "hashes.json").unlink()
    open_folder(folder, tiny)
    assert reads == ["train.csv", "test.csv"]


def test_the_bytes_of_the_files_are_freed_before_an_entry_is_written(
    folder: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        pytest.skip("only Linux has large pages")
    monkeypatch.setattr(compressed, "LARGE", 1)
    raws: list[weakref.ref[mmap.mmap]] = []
    read, write = compressed.read, cache.write

    def spied(path: Path) -> compressed.Raw:
        raw = read(path)
        assert isinstance(raw, mmap.mmap)
        raws.append(weakref.ref(raw))
        return raw

    def checked(*content: Any) -> cache.Entry:
        assert [raw() for raw in raws] == [None, None]
        return write(*content)

    monkeypatch.setattr(compressed, "read", spied)
    monkeypatch.setattr(cache, "write", checked)
    open_folder(folder, tiny)
    assert len(raws) == 2


def test_the_key_depends_on_how_the_files_are_read(folder: Path, tiny: Config) -> None:
    hashed = file_hashes.hashes([folder / "train.csv", folder / "test.csv"], {})

    def key(**changes: object) -> str:
        competition = tiny.competition.model_copy(update=changes)
        return cache.key(hashed, tiny.model_copy(update={"competition": competition}))

    assert key() != key(classes=4)
    assert key() == key(slug="another", public_rows=1)


def test_no_room_is_said_and_nothing_is_left(
    folder: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000, total=2000))
    with pytest.raises(
        UserError, match=r"not enough disk space for temporary files\nexpected 0.1 MB free, received 0.0 MB"
    ):
        open_folder(folder, tiny)
    assert not (folder / ".cache").exists()


def test_a_full_disk_gets_a_temporary_one_and_says_so(
    folder: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def usage(path: Path) -> SimpleNamespace:
        return SimpleNamespace(free=0 if folder in (path, *path.parents) else 10**9, total=10**9)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert open_folder(folder, tiny).folder.parent == scratch()
    assert capsys.readouterr().err == (
        f"note: {folder}/.cache cannot be used (0.0 MB free, 0.1 MB needed); "
        "the data is read into a temporary folder\n"
    )


def test_a_file_system_that_does_not_know_its_size_has_room(
    folder: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0, total=0))
    assert open_folder(folder, tiny).folder.parent == folder / ".cache"


def test_it_says_once_that_the_cache_cannot_be_used(
    folder: Path, tiny: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".cache").write_text("")
    open_folder(folder, tiny)
    open_folder(folder, tiny)
    assert capsys.readouterr().err.count("cannot be used (it is a file)") == 1
    assert (folder / ".cache").read_text() == ""


def test_an_entry_that_cannot_be_mapped_gets_a_temporary_one(
    folder: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = np.load

    def unmapped(path: Path, **how: Any) -> Any:
        if folder in path.parents:
            raise OSError(19, "No such device")
        return load(path, **how)

    monkeypatch.setattr(np, "load", unmapped)
    assert open_folder(folder, tiny).folder.parent == scratch()


def test_a_disk_that_fills_up_leaves_nothing(
    folder: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(UserError, match="temporary files cannot be written: No space left on device"):
        open_folder(folder, tiny)
    assert not (folder / ".cache").exists()


def test_an_interruption_leaves_nothing(folder: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_folder(folder, tiny)
    assert not (folder / ".cache").exists()


def test_a_read_only_folder_gets_a_temporary_one(
    folder: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    data = open_folder(folder, tiny)
    assert not (folder / ".cache").exists()
    assert np.array_equal(np.load(data.folder / "train_labels.npy"), data.train_labels)
    assert data.folder.parent == scratch()


def test_two_processes_may_write_the_same_entry(tmp_path: Path) -> None:
    metadata = cache.Metadata(fingerprint="first", labels=(), test_ids=(), warnings=())
    first = cache.write(tmp_path / "key", *cache.of_arrays(ARRAYS, lambda: metadata))
    later = metadata.model_copy(update={"fingerprint": "second"})
    second = cache.write(tmp_path / "key", *cache.of_arrays(ARRAYS, lambda: later))
    assert (first.meta.fingerprint, second.meta.fingerprint) == ("first", "first")
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_bit_in_an_entry_is_found_and_said(
    folder: Path, tiny: Config, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    before = open_folder(folder, tiny)
    draw = random.Random(seed)
    path = draw.choice(sorted(before.folder.iterdir()))
    content, times = bytearray(path.read_bytes()), path.stat()
    place, bit = draw.randrange(len(content)), draw.randrange(8)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    expected = {name: np.array(getattr(before, name)) for name in cache.ARRAYS}
    found = open_folder(folder, tiny)
    for name, array in expected.items():
        np.testing.assert_array_equal(np.load(found.folder / f"{name}.npy"), array)
    # The padding of a header carries nothing.
    assert "the data is read again" in capsys.readouterr().err or place < 128
