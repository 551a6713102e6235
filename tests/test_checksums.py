import subprocess
from pathlib import Path

import pytest

from kit import checksums, locks
from kit.checksums import SUMS
from kit.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two files in its SHA256SUMS."""
    (tmp_path / "members").mkdir()
    checksums.write(tmp_path, {})
    for name in ("oof.csv", "members/cnn-f0-s0.npz"):
        with checksums.recorded(tmp_path, tmp_path / name) as path:
            path.write_text(name)
    return tmp_path


def test_sha256sum_reads_the_file(folder: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", SUMS], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["members/cnn-f0-s0.npz: OK", "oof.csv: OK"]


def test_what_was_written_is_read(folder: Path) -> None:
    assert checksums.read(folder) == {
        name: checksums.digest(folder / name) for name in ("oof.csv", "members/cnn-f0-s0.npz")
    }


def test_every_changed_bit_of_the_file_is_noticed(folder: Path) -> None:
    path = folder / SUMS
    content = path.read_bytes()
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(UserError, match="SHA256SUMS: damaged"):
            checksums.read(folder)


def test_a_truncated_file_is_noticed(folder: Path) -> None:
    path = folder / SUMS
    content = path.read_bytes()
    # Without its last line feed it is complete.
    for length in range(len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match="SHA256SUMS: damaged"):
            checksums.read(folder)


def test_the_line_is_written_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, rename = [], Path.replace

    def replace(self: Path, target: Path) -> Path:
        seen.append((target.name, (checksums.known(folder) or {}).get("new.csv")))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with checksums.recorded(folder, folder / "new.csv") as path:
        path.write_text("new")
    assert seen == [(SUMS, None), ("new.csv", checksums.digest(folder / "new.csv"))]


def test_a_failed_write_leaves_line_and_file(folder: Path) -> None:
    before = checksums.read(folder)

    def fail() -> None:
        with checksums.recorded(folder, folder / "oof.csv") as path:
            path.write_text("half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert checksums.read(folder) == before
    assert (folder / "oof.csv").read_text() == "oof.csv"
    assert len(list(folder.iterdir())) == 3


def test_a_run_of_an_earlier_version_gets_no_lines(tmp_path: Path) -> None:
    with checksums.recorded(tmp_path, tmp_path / "oof.csv") as path:
        path.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["oof.csv"]


def test_a_changed_file_is_named(folder: Path) -> None:
    (folder / "oof.csv").write_text("other")
    with pytest.raises(UserError) as caught:
        checksums.check(folder, folder / "oof.csv", "do this")
    assert str(caught.value) == (
        f"{folder / 'oof.csv'}: damaged: its checksum differs from the one in SHA256SUMS\ndo this"
    )


def test_while_the_run_is_written_a_line_may_be_newer_than_its_file(folder: Path) -> None:
    (folder / "oof.csv").write_text("other")
    with locks.locked(folder):
        checksums.check(folder, folder / "oof.csv", "do this")


def test_the_checksum_of_a_record_does_not_depend_on_white_space_and_order() -> None:
    assert checksums.of_record({"a": 1, "b": [0.1]}) == checksums.of_record({"b": [0.1], "a": 1})
    assert checksums.of_record({"a": 1, "checksum": "x"}) == checksums.of_record({"a": 1})
    assert checksums.of_record({"a": 1}) != checksums.of_record({"a": 2})


def test_every_changed_bit_of_a_page_is_noticed() -> None:
    page = checksums.sealed(b"<!doctype html>\n<p>1</p>\n")
    assert checksums.is_sealed(page)
    for place in range(8 * len(page)):
        changed = bytearray(page)
        changed[place // 8] ^= 1 << place % 8
        assert not checksums.is_sealed(bytes(changed))
