"""`kit data fetch --source kaggle` in a child process, against the loopback server."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.competitions import write
from tests.kaggle_server import Fault, KaggleServer, refusal
from tests.workplace import kit

NAMES = ("train.csv", "test.csv", "sample_submission.csv")


@pytest.fixture
def files(
    kaggle: KaggleServer, tmp_path_factory: pytest.TempPathFactory, write_competition: Callable[..., None]
) -> Path:
    folder = tmp_path_factory.mktemp("competition")
    write_competition(folder)
    kaggle.files = {name: (folder / name).read_bytes() for name in NAMES}
    return folder


def test_all_files_are_downloaded_completely(kaggle: KaggleServer, files: Path) -> None:
    done = kit("data", "fetch", "--source", "kaggle")
    assert done.code == 0, done.err
    for name in NAMES:
        assert Path("data", name).read_bytes() == (files / name).read_bytes()
    assert kaggle.count("data") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "fault", "code", "words"),
    [
        ("data", refusal(401, "no"), 2, "credentials"),
        ("data", refusal(403, "no"), 2, "competitions/digit-recognizer/rules"),
        ("data", refusal(404, "no"), 2, "no such competition"),
        ("data", Fault("page"), 1, "a web page"),
        ("file", Fault("page"), 1, "a web page"),
        ("file", Fault("drip"), 1, "did not answer within 1 s (tried"),
    ],
)
def test_a_failed_fetch_changes_nothing(
    kaggle: KaggleServer, files: Path, *, step: str, fault: Fault, code: int, words: str
) -> None:
    assert files.is_dir()
    Path("data").mkdir()
    Path("data/notes.txt").write_text("mine")
    kaggle.fail(step, fault, always=True)
    done = kit("data", "fetch", "--source", "kaggle", "--timeout", "1s")
    assert done.code == code, done.err
    assert words in done.err
    assert [path.name for path in Path("data").rglob("*")] == ["notes.txt"]


@pytest.mark.slow
def test_a_fetch_survives_temporary_errors(kaggle: KaggleServer, files: Path) -> None:
    kaggle.fail("data", refusal(429, "slow down", Retry_After="2"), Fault("status", 500))
    kaggle.fail("file", Fault("reset"), Fault("cut"))
    done = kit("data", "fetch", "--source", "kaggle")
    assert done.code == 0, done.err
    assert Path("data/train.csv").read_bytes() == (files / "train.csv").read_bytes()
    first, second = kaggle.times("data")[:2]
    assert second - first >= 2


def test_the_archives_of_a_competition_of_images_are_unpacked(
    kaggle: KaggleServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = write("cifar-10", tmp_path_factory.mktemp("made"), train=40, test=20, zipped=True)
    with zipfile.ZipFile(made.source) as archive:
        kaggle.files = {name: archive.read(name) for name in archive.namelist()}
    kaggle.slug = "cifar-10"
    done = kit("data", "fetch", "-c", "cifar-10", "--source", "kaggle")
    assert done.code == 0, done.err
    folder = Path("data/cifar-10")
    assert sorted(path.name for path in folder.iterdir()) == [
        "sampleSubmission.csv",
        "test",
        "train",
        "trainLabels.csv",
    ]
    assert len(list(folder.glob("train/*.png"))) == 40
