import copy
import io
import os
import stat
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import py7zr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.data import archive_formats, archives
from kit.data.archive_formats import Budget
from kit.data.archives import unpack
from kit.errors import UserError

Files = Mapping[str, bytes]


def zipped(files: Files) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


def tarred(files: Files, mode: str = "w:gz") -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def sevenzipped(files: Files) -> bytes:
    raw = io.BytesIO()
    with py7zr.SevenZipFile(raw, "w") as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return raw.getvalue()


MAKERS: dict[str, Callable[[Files], bytes]] = {
    "zip": zipped,
    "7z": sevenzipped,
    "tar": lambda files: tarred(files, "w"),
    "tar.gz": tarred,
}


def written(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def result(tmp_path: Path, raw: bytes, name: str = "competition.zip") -> dict[str, bytes]:
    (tmp_path / name).write_bytes(raw)
    unpack(tmp_path / name, tmp_path / "target")
    return written(tmp_path / "target")


def refused(tmp_path: Path, raw: bytes, name: str = "competition.zip") -> str:
    """Return the message; nothing but the archive is left."""
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(UserError) as caught:
        unpack(tmp_path / name, tmp_path / "new" / "target")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    return str(caught.value)


@pytest.mark.parametrize("ending", MAKERS)
def test_every_kind_of_archive(tmp_path: Path, ending: str) -> None:
    files = {"labels.csv": b"id,label\n", "train/a b.png": b"1", "train/x/ü,.png": b"2"}
    assert result(tmp_path, MAKERS[ending](files), f"competition.{ending}") == files


@pytest.mark.parametrize("ending", MAKERS)
@pytest.mark.parametrize("prefix", ["train/", ""])
def test_an_inner_archive_becomes_the_folder_of_its_name(tmp_path: Path, ending: str, prefix: str) -> None:
    inner = MAKERS[ending]({f"{prefix}1.png": b"1", f"{prefix}2.png": b"2"})
    found = result(tmp_path, zipped({f"train.{ending}": inner, "labels.csv": b"x"}))
    assert found == {"train/1.png": b"1", "train/2.png": b"2", "labels.csv": b"x"}


def test_a_folder_of_another_name_is_kept(tmp_path: Path) -> None:
    found = result(tmp_path, zipped({"imgs.zip": zipped({"train/c0/1.jpg": b"1", "test/2.jpg": b"2"})}))
    assert list(found) == ["imgs/test/2.jpg", "imgs/train/c0/1.jpg"]


@pytest.mark.parametrize("name", ["labels.csv.zip", "labels.zip"])
def test_an_archive_of_one_table_becomes_the_table(tmp_path: Path, name: str) -> None:
    assert result(tmp_path, zipped({name: zipped({"labels.csv": b"x"})})) == {"labels.csv": b"x"}


def test_an_inner_archive_beside_its_folder_is_left(tmp_path: Path) -> None:
    inner = zipped({"1.png": b"other"})
    assert result(tmp_path, zipped({"train/1.png": b"1", "train.zip": inner})) == {
        "train/1.png": b"1",
        "train.zip": inner,
    }


@pytest.mark.parametrize("wrapper", ["competition", "target"])
def test_a_folder_around_everything_is_left_out(tmp_path: Path, wrapper: str) -> None:
    assert result(tmp_path, zipped({f"{wrapper}/train/1.png": b"1"})) == {"train/1.png": b"1"}


def test_a_class_folder_alone_is_no_folder_around_everything(tmp_path: Path) -> None:
    assert list(result(tmp_path, zipped({"train/1.png": b"1"}))) == ["train/1.png"]


def test_what_systems_add_is_left_out(tmp_path: Path) -> None:
    files = {"a.png": b"1", "__MACOSX/._a.png": b"2", "x/Thumbs.db": b"3", "x/.DS_Store": b"4"}
    assert result(tmp_path, zipped(files)) == {"a.png": b"1"}


def test_names_written_with_backslashes(tmp_path: Path) -> None:
    raw = tarred({"train\\": b"", "train\\1.png": b"1"})
    assert list(result(tmp_path, raw, "competition.tar.gz")) == ["train/1.png"]


def test_a_folder_is_copied_and_archives_in_it_are_unpacked(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "labels.csv").write_bytes(b"x")
    (source / "train.7z").write_bytes(sevenzipped({"train/1.png": b"1"}))
    (source / ".cache").mkdir()
    unpack(source, tmp_path / "target")
    assert written(tmp_path / "target") == {"labels.csv": b"x", "train/1.png": b"1"}
    assert sorted(written(source)) == ["labels.csv", "train.7z"]


def test_progress(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"train.zip": zipped({"1.png": b"1", "2.png": b"2"})}))
    seen = list[tuple[str, int, int]]()
    unpack(tmp_path / "a.zip", tmp_path / "target", lambda *now: seen.append(now))
    outer = str(tmp_path / "a.zip")
    assert seen == [(outer, 1, 1), (f"{outer}/train.zip", 1, 2), (f"{outer}/train.zip", 2, 2)]


def test_an_empty_target_is_used_and_another_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    assert result(tmp_path, zipped({"a.csv": b"1"})) == {"a.csv": b"1"}
    with pytest.raises(UserError, match="there are other files already"):
        result(tmp_path, zipped({"b.csv": b"1"}))
    assert written(tmp_path / "target") == {"a.csv": b"1"}


OUTSIDE = ["/etc/a.csv", "../a.csv", "x/../../a.csv", "C:\\a.csv", "c:a.csv", "\\\\host\\a.csv", "..\\a.csv"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_paths_that_lead_out(tmp_path: Path, name: str, ending: str) -> None:
    raw = MAKERS[ending]({"a.csv": b"1", name: b"2"})
    message = refused(tmp_path, raw, f"competition.{ending}")
    assert f"competition.{ending}: a path leads out of the archive\nreceived {name!r}" in message


@given(st.text() | st.text("./\\\\:aC\0", max_size=8))
def test_whatever_its_name_a_file_is_written_inside(name: str) -> None:
    writer = archive_formats._Writer(Path("/base/folder"), "a.zip", Budget(1, 1, 1), lambda *_: None)
    try:
        path = writer.path(name)
    except UserError:
        return
    assert path is None or os.path.normpath(path).startswith("/base/folder/")


def test_a_path_that_leads_out_of_an_inner_archive(tmp_path: Path) -> None:
    message = refused(tmp_path, zipped({"train.zip": zipped({"../../a.csv": b"2"})}))
    assert "competition.zip/train.zip: a path leads out" in message


def test_a_path_that_leads_out_of_a_7z(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """py7zr writes no such archive, so its list is changed."""
    member = SimpleNamespace(filename="../a.csv", is_directory=False, is_file=True, uncompressed=1)
    monkeypatch.setattr(py7zr.SevenZipFile, "list", lambda _: [member])
    assert "a path leads out of the archive" in refused(tmp_path, sevenzipped({"a": b"1"}), "a.7z")


def test_a_name_with_a_nul(tmp_path: Path) -> None:
    raw = zipped({"a?b.csv": b"1"}).replace(b"a?b.csv", b"a\0b.csv")
    assert "a path leads out of the archive" in refused(tmp_path, raw)


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        member = zipfile.ZipInfo("a.csv")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    assert "competition.zip/a.csv: not a file but a link" in refused(tmp_path, raw.getvalue())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        member = tarfile.TarInfo("a.csv")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    assert "a.tar/a.csv: not a file but a link" in refused(tmp_path, raw.getvalue(), "a.tar")


@pytest.mark.parametrize("ending", MAKERS)
def test_two_files_of_one_name(tmp_path: Path, ending: str) -> None:
    with pytest.warns(UserWarning, match="Duplicate") if ending == "zip" else _nothing():
        raw = _twice(ending)
    message = refused(tmp_path, raw, f"competition.{ending}")
    assert f"competition.{ending}: two files of one name\nreceived 'a.csv'" in message


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def _twice(ending: str) -> bytes:
    class Twice(dict[str, bytes]):
        def items(self) -> Any:
            return [("a.csv", b"1"), ("a.csv", b"2")]

    return MAKERS[ending](Twice())


def test_a_file_that_is_a_folder_too(tmp_path: Path) -> None:
    assert "two files of one name" in refused(tmp_path, zipped({"a": b"1", "a/b.csv": b"2"}))


@pytest.mark.parametrize("ending", MAKERS)
@pytest.mark.parametrize("part", [0.3, 0.7, 0.98])
def test_truncated(tmp_path: Path, ending: str, part: float) -> None:
    raw = MAKERS[ending]({f"{number}.png": bytes([1 + number]) * 700 for number in range(40)})
    if ending == "tar":
        raw = raw.rstrip(b"\0")  # it may end with any number of zeros
    assert "truncated or damaged" in refused(tmp_path, raw[: int(part * len(raw))], f"competition.{ending}")


def test_a_tar_that_was_cut_between_two_files(tmp_path: Path) -> None:
    raw = tarred({"a.csv": bytes(512), "b.csv": bytes(512)}, "w")
    assert "truncated or damaged" in refused(tmp_path, raw[:1024], "a.tar")


@pytest.mark.parametrize("ending", ["zip", "7z", "tar.gz"])
def test_damaged(tmp_path: Path, ending: str) -> None:
    raw = bytearray(MAKERS[ending]({"a.csv": bytes(range(256)) * 40}))
    raw[60:75] = bytes(15)
    assert "truncated or damaged" in refused(tmp_path, bytes(raw), f"competition.{ending}")


@pytest.mark.parametrize("ending", MAKERS)
def test_not_an_archive_at_all(tmp_path: Path, ending: str) -> None:
    assert "truncated or damaged" in refused(tmp_path, b"<html>" * 200, f"competition.{ending}")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    assert "competition.rar: not an archive\nexpected a folder" in refused(tmp_path, b"1", "competition.rar")


def test_an_absent_source(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or folder"):
        unpack(tmp_path / "absent.zip", tmp_path / "target")


def test_a_zip_with_a_password(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.csv": b"1"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + offset] |= 1
    assert "competition.zip: it needs a password" in refused(tmp_path, bytes(raw))


@pytest.mark.parametrize("hidden_names", [False, True])
def test_a_7z_with_a_password(tmp_path: Path, hidden_names: bool) -> None:
    raw = io.BytesIO()
    with py7zr.SevenZipFile(raw, "w", password="secret", header_encryption=hidden_names) as archive:
        archive.writestr(b"1", "a.csv")
    assert "a.7z: it needs a password" in refused(tmp_path, raw.getvalue(), "a.7z")


def test_without_py7zr_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "py7zr", None)
    message = refused(tmp_path, zipped({"train.7z": b"7z"}))
    assert "competition.zip/train.7z: opening a .7z file needs the package py7zr\npip install" in message


@pytest.mark.parametrize("ending", MAKERS)
def test_a_bomb_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(archive_formats, "LITTLE", 0)
    monkeypatch.setattr(archive_formats, "MOST_TIMES", 0.5 if ending == "tar" else 20)
    raw = MAKERS[ending]({"a.csv": bytes(1 << 20)})
    assert "it unpacks to too much" in refused(tmp_path, raw, f"competition.{ending}")


def test_files_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """As in zbsm.zip of D. Fifield (2019), A better zip bomb: 42 kB are the content of many files."""
    content = bytes(1 << 20)
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.csv", content)
        [first] = archive.infolist()
        for number in range(1, 3000):
            again = copy.copy(first)
            again.filename = again.orig_filename = f"{number}.csv"
            archive.filelist.append(again)
    assert len(raw.getvalue()) < 200_000
    assert "it unpacks to too much" in refused(tmp_path, raw.getvalue())


def test_an_archive_that_holds_itself_without_end(tmp_path: Path) -> None:
    """A quine such as that of R. Cox (2010), Zip files all the way down."""
    raw = zipped({"a.csv": b"1"})
    for depth in range(5):
        raw = zipped({f"{depth}.zip": raw})
    assert "an archive too deep within others\nexpected at most 3" in refused(tmp_path, raw)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_name_in_a_tar_that_would_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    monkeypatch.setattr(archive_formats, "MOST_HEADER", 1000)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
        member = tarfile.TarInfo("././@LongLink")
        member.type, member.size = kind, 2000
        archive.addfile(member, io.BytesIO(b"x" * 2000))
    message = refused(tmp_path, raw.getvalue(), "a.tar.gz")
    assert "truncated or damaged (the name of a file has 2,000 bytes)" in message


def test_a_bomb_within_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_formats, "LITTLE", 3 << 20)
    inner = zipped({"a.csv": bytes(2 << 20)})
    message = refused(tmp_path, zipped({"a.zip": inner, "b.zip": inner}))
    assert "competition.zip/b.zip: it unpacks to too much" in message


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_formats, "MOST_FILES", 2)
    message = refused(tmp_path, zipped({"a": b"1", "b": b"1", "c": b"1"}))
    assert "expected at most 2 files" in message


def test_too_deep(tmp_path: Path) -> None:
    raw = zipped({"a.csv": b"1", "b.csv": b"2"})
    for _ in range(archives.MOST_DEPTH):
        raw = zipped({"x.zip": raw})
    message = refused(tmp_path, raw)
    assert "x.zip/x.zip/x.zip: an archive too deep within others\nexpected at most 3" in message


def test_a_full_disk_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(total=10**9, free=1_000)
    monkeypatch.setattr(archive_formats.shutil, "disk_usage", lambda _: usage)  # type: ignore[attr-defined]
    message = refused(tmp_path, zipped({"a.csv": bytes(2_001_000)}))
    assert "not enough disk space for its files\nexpected 2.0 MB more" in message


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "a.zip").write_bytes(zipped({"a.csv": b"1"}))
    with pytest.raises(KeyboardInterrupt):
        unpack(tmp_path / "a.zip", tmp_path / "new" / "target", interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_an_unreadable_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives.os, "access", lambda *_: False)  # type: ignore[attr-defined]
    assert "competition.zip: not readable" in refused(tmp_path, zipped({"a.csv": b"1"}))
