import gzip
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from kit import kaggle_client
from kit.config import Config
from kit.data import obtain
from kit.data.obtain import fetch
from kit.errors import KitError, UserError

Write = Callable[..., Path]
DONE = "6 training and 2 test images"


@pytest.fixture(autouse=True)
def _without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kaggle_client, "has_credentials", lambda: False)


@pytest.fixture
def source(workdir: Path, write_tiny: Write) -> Path:
    """Return a folder with good files, beside which there is no data directory."""
    assert workdir == Path.cwd()
    return write_tiny(Path("source"))


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(config: Config, source: Path | str, *, force: bool = False) -> str:
    """Fetch in vain: everything stays as it was."""
    directory = Path(config.data.directory)
    before = contents(directory) if directory.exists() else None
    with pytest.raises(UserError) as error:
        fetch(config, str(source), force=force)
    assert (contents(directory) if directory.exists() else None) == before
    assert str(error.value).count("\n") <= 2
    return str(error.value)


def test_a_folder(source: Path, tiny: Config) -> None:
    said = fetch(tiny, str(source))
    assert said == f"data/ holds train.csv, test.csv, sample_submission.csv: {DONE}"
    assert contents(Path("data")) == contents(source)


def test_a_zip_as_kaggle_serves_it(source: Path, tiny: Config) -> None:
    fetch(tiny, str(zipped(Path("digits.zip"), contents(source))))
    assert contents(Path("data")) == contents(source)


def test_a_zip_of_a_folder_with_what_an_archiver_adds(source: Path, tiny: Config) -> None:
    files = {f"digit-recognizer/{name}": content for name, content in contents(source).items()}
    fetch(
        tiny,
        str(zipped(Path("digits.zip"), {"digit-recognizer/": b"", **files, "__MACOSX/._train.csv": b"x"})),
    )
    assert contents(Path("data")) == contents(source)


def test_compressed_files_are_unpacked(source: Path, tiny: Config) -> None:
    expected = contents(source)
    (source / "train.csv").unlink()
    (source / "train.csv.gz").write_bytes(gzip.compress(expected["train.csv"]))
    fetch(tiny, str(source))
    assert contents(Path("data")) == expected


def test_without_a_sample_submission(source: Path, tiny: Config) -> None:
    (source / "sample_submission.csv").unlink()
    assert fetch(tiny, str(source)) == f"data/ holds train.csv, test.csv: {DONE}"


def test_the_same_files_again_change_nothing(source: Path, tiny: Config) -> None:
    fetch(tiny, str(source))
    before = Path("data/train.csv").stat()
    assert fetch(tiny, str(source)) == f"data/ holds the same files already: {DONE}"
    assert fetch(tiny, "data") == f"data/ holds the same files already: {DONE}"
    assert Path("data/train.csv").stat() == before


def test_what_is_missing_is_filled_in(source: Path, tiny: Config) -> None:
    fetch(tiny, str(source))
    Path("data/test.csv").unlink()
    fetch(tiny, str(source))
    assert contents(Path("data")) == contents(source)


def test_other_files_are_replaced_by_force_alone(source: Path, tiny: Config, write_tiny: Write) -> None:
    fetch(tiny, str(source))
    Path("data/notes.txt").write_text("mine")
    text = Path("data/train.csv").read_text()
    other = write_tiny(Path("other"), train=text.replace("255", "254"), sample_submission=None)
    assert refused(tiny, other) == "data/train.csv: differs from the source\n--force replaces it"
    fetch(tiny, str(other), force=True)
    # An outdated sample_submission.csv would be taken for that of the new files.
    assert contents(Path("data")) == {**contents(other), "notes.txt": b"mine"}


def test_force_replaces_what_cannot_even_be_read(source: Path, tiny: Config, write_tiny: Write) -> None:
    write_tiny(Path("data"), train=None)
    Path("data/train.csv.gz").write_bytes(b"\x1f\x8bcut")
    assert "differs from the source" in refused(tiny, source)
    fetch(tiny, str(source), force=True)
    assert contents(Path("data")) == contents(source)


@pytest.mark.parametrize(("existing", "moves"), [(False, 3), (True, 6)])
@pytest.mark.parametrize("interruption", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_at_any_move_leaves_everything_as_it_was(
    source: Path, tiny: Config, interruption: BaseException, existing: bool, moves: int
) -> None:
    directory = Path("data")
    if existing:
        shutil.copytree(source, directory)
        (directory / "train.csv").write_bytes((source / "train.csv").read_bytes().replace(b"255", b"254"))
    before = contents(directory) if existing else None
    rename = Path.rename
    for fails in range(1, moves + 1):
        done = []

        def failing(self: Path, target: Path) -> Path:
            done.append(self)  # noqa: B023 - used up before the next turn
            if len(done) == fails:  # noqa: B023 - the same
                raise interruption
            return rename(self, target)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "rename", failing)
            with pytest.raises((UserError, KeyboardInterrupt)):
                fetch(tiny, str(source), force=True)
        assert (contents(directory) if directory.exists() else None) == before
    fetch(tiny, str(source), force=True)
    assert contents(directory) == contents(source)


def test_what_a_killed_process_left_is_cleared_away(source: Path, tiny: Config) -> None:
    left = Path("data/.fetch/new")
    left.mkdir(parents=True)
    (left / ".train.csv.abc").write_text("label,pix")
    fetch(tiny, str(source))
    assert contents(Path("data")) == contents(source)


def test_no_room(source: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10, total=20))
    assert "not enough disk space for the data" in refused(tiny, source)


def test_a_file_where_the_data_directory_should_be(source: Path, tiny: Config) -> None:
    Path("data").write_text("")
    with pytest.raises(UserError, match="data: cannot be written"):
        fetch(tiny, str(source))
    assert Path("data").read_text() == ""


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("train.csv", None, "source: there is no train.csv"),
        ("test.csv", None, "source: there is no test.csv"),
        ("train.csv", b"", "source/train.csv: the file is empty"),
        (
            "test.csv",
            b"pixel0,pixel1,pixel2\n1,2,x\n",
            "source/test.csv, line 2, column pixel2: not a number",
        ),
        (
            "train.csv",
            b"label,pixel0,pixel1,pixel2\n1,2,3,4\n",
            "source/train.csv, column label: class 0 has no row",
        ),
        ("sample_submission.csv", b"<html>", "source/sample_submission.csv: not a submission"),
        (
            "sample_submission.csv",
            b"ImageId,Label\n1,0\n",
            "source/sample_submission.csv, line 2: id 2 and what follows are missing",
        ),
        (
            "sample_submission.csv",
            b"ImageId,Label\n2,0\n1,0\n",
            "source/sample_submission.csv, line 2, column ImageId: ids out of order",
        ),
        ("sample_submission.csv", b"", "source/sample_submission.csv: not a submission"),
    ],
)
def test_wrong_files_stay_outside(
    source: Path, tiny: Config, name: str, content: bytes | None, expected: str
) -> None:
    (source / name).unlink()
    if content is not None:
        (source / name).write_bytes(content)
    assert refused(tiny, source).startswith(expected)
    archive = zipped(Path("digits.zip"), contents(source))
    assert refused(tiny, archive).startswith(expected.replace("source", "digits.zip", 1))


def test_a_source_that_does_not_exist(workdir: Path, tiny: Config) -> None:
    assert refused(tiny, "nowhere").startswith(
        "nowhere: no such file or folder\nexpected auto, kaggle, sample, or"
    )
    assert list(workdir.iterdir()) == []


def test_a_single_file(source: Path, tiny: Config) -> None:
    assert refused(tiny, source / "train.csv").endswith(
        "a single file\nexpected a folder or a zip with train.csv and test.csv"
    )


@pytest.mark.parametrize("cut", [0, 10, 200, -1])
def test_a_cut_zip(source: Path, tiny: Config, cut: int) -> None:
    archive = zipped(Path("digits.zip"), contents(source))
    archive.write_bytes(archive.read_bytes()[:cut])
    assert refused(tiny, archive).startswith("digits.zip: not a zip, or a truncated or damaged one")


def test_a_damaged_zip(source: Path, tiny: Config) -> None:
    archive = zipped(Path("digits.zip"), contents(source))
    raw = bytearray(archive.read_bytes())
    raw[60] ^= 255
    archive.write_bytes(raw)
    assert refused(tiny, archive).startswith("digits.zip: not a zip, or a truncated or damaged one")


def test_a_zip_with_a_password(source: Path, tiny: Config) -> None:
    archive = zipped(Path("digits.zip"), contents(source))
    raw = bytearray(archive.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(raw)
    assert refused(tiny, archive) == "digits.zip: cannot be unpacked\nexpected a plain zip without a password"


@pytest.mark.parametrize("name", ["../train.csv", "/train.csv", "a/../../train.csv", "..\\train.csv"])
def test_names_that_lead_out_of_a_zip(source: Path, tiny: Config, name: str) -> None:
    archive = zipped(Path("digits.zip"), {**contents(source), name: b"x"})
    assert refused(tiny, archive).startswith("digits.zip: a path leads out of the zip")


def test_a_zip_with_two_of_a_name(source: Path, tiny: Config) -> None:
    archive = zipped(Path("digits.zip"), {**contents(source), "old/train.csv": b"x"})
    message = refused(tiny, archive)
    assert (
        message
        == "digits.zip: more than one train.csv\nexpected one, received 'train.csv' and 'old/train.csv'"
    )


def test_the_sample_needs_no_fetching(workdir: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CALLER", "make")
    for source in ("sample", "auto"):
        assert fetch(tiny, source).splitlines() == [
            "the bundled sample is read in place; nothing to fetch",
            "for real data, download the zip from Kaggle: make data SOURCE=FILE.zip",
        ]
    assert list(workdir.iterdir()) == []


def test_auto_unpacks_the_zip_in_the_data_directory(workdir: Path, tiny: Config, write_tiny: Write) -> None:
    (workdir / "data").mkdir()
    zipped(workdir / "data" / "digit-recognizer.zip", contents(write_tiny(workdir / "source")))
    assert fetch(tiny, "auto").startswith("data/ holds ")
    assert (workdir / "data" / "train.csv").read_bytes() == (workdir / "source" / "train.csv").read_bytes()
    assert (workdir / "data" / "digit-recognizer.zip").is_file()


def test_auto_is_content_with_what_is_there(workdir: Path, tiny: Config, write_tiny: Write) -> None:
    write_tiny(workdir / "data")
    assert fetch(tiny) == "data/ holds the data; nothing to fetch"


@pytest.mark.parametrize(("absent", "name"), [("train", "train.csv"), ("test", "test.csv")])
def test_auto_is_not_content_with_half(
    workdir: Path, tiny: Config, write_tiny: Write, absent: str, name: str
) -> None:
    write_tiny(workdir / "data", **{absent: None})
    assert refused(tiny, "auto").startswith(f"data/: there is no {name}\n")


@pytest.mark.parametrize("asked", ["kaggle", "auto"])
def test_kaggle(source: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    def download(slug: str, folder: Path, *, timeout: float) -> Path:
        assert (slug, timeout) == ("digit-recognizer", 5)
        return zipped(folder / "digit-recognizer.zip", contents(source))

    monkeypatch.setattr(kaggle_client, "has_credentials", lambda: True)
    monkeypatch.setattr(kaggle_client, "download", download)
    fetch(tiny, asked, timeout=5)
    assert contents(Path("data")) == contents(source)


def test_a_failed_download_leaves_nothing(
    workdir: Path, tiny: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(*_: object, timeout: float) -> Path:
        raise KitError(f"no answer in {timeout} s")

    monkeypatch.setattr(kaggle_client, "download", download)
    with pytest.raises(KitError, match="no answer"):
        obtain.fetch(tiny, "kaggle")
    assert list(workdir.iterdir()) == []
