"""Two processes of `kit` that start at the same time; test_cv, test_tune and test_submit have other pairs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workplace import Ended, ended, start

CONFIG = "competition: {image_shape: [6, 6]}\nmodels: {knn: {kind: knn}}\nfolds: {count: 2}\n"


@pytest.fixture
def data(workdir: Path, write_competition: Callable[..., None]) -> Path:
    """Return the folder of a tiny competition, in the working directory."""
    write_competition(workdir / "data", side=6)
    (workdir / "knn.yaml").write_text(CONFIG)
    return workdir / "data"


def both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[Ended, Ended]:
    processes = start(*one), start(*other)
    first, second = (ended(process) for process in processes)
    return first, second


def test_two_fetches_leave_the_files_once(data: Path, workdir: Path) -> None:
    data.rename(workdir / "source")
    fetch = ("data", "fetch", "-c", "knn.yaml", "--source", "source")
    first, second = both(fetch, fetch)
    assert (first.code, second.code, first.err + second.err) == (0, 0, "")
    assert sorted(path.name for path in data.iterdir()) == ["sample_submission.csv", "test.csv", "train.csv"]
    for path in data.iterdir():
        assert path.read_bytes() == (workdir / "source" / path.name).read_bytes()


@pytest.mark.slow
def test_two_runs_fill_one_cache(data: Path) -> None:
    first, second = both(*(("cv", "-c", "knn.yaml", "--run", name, "--jobs", "1") for name in ("a", "b")))
    assert (first.code, second.code) == (0, 0)
    assert "cache" not in first.err + second.err
    [entry] = [path for path in (data / ".cache").iterdir() if path.is_dir()]
    assert sorted(path.name for path in entry.iterdir()) == [
        "meta.json",
        "test_images.npy",
        "train_images.npy",
        "train_labels.npy",
    ]
    for name in ("oof.csv", "submission.csv"):
        assert Path("runs/a", name).read_bytes() == Path("runs/b", name).read_bytes()
