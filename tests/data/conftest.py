from collections.abc import Callable
from pathlib import Path

import pytest

from kit.config import Config
from kit.data import layout

TRAIN = "label,pixel0,pixel1,pixel2\n0,0,7,255\n1,1,20,3\n2,9,99,100\n2,10,200,101\n1,0,0,0\n0,249,250,9\n"
TEST = "pixel0,pixel1,pixel2\n5,6,7\n8,9,10\n"
SUBMISSION = "ImageId,Label\n1,0\n2,0\n"


@pytest.fixture
def tiny() -> Config:
    """Images of 1 x 3 pixels, 3 classes, 2 folds."""
    competition = {"image_shape": [1, 3], "classes": 3}
    raw = {"competition": competition, "folds": {"count": 2}, "models": {"knn": {"kind": "knn"}}}
    return Config.model_validate(raw)


@pytest.fixture(autouse=True)
def _no_mounted_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "KAGGLE_INPUTS", (tmp_path / "input" / "competitions", tmp_path / "input"))


@pytest.fixture
def write_tiny() -> Callable[..., Path]:
    """Return a function that writes the three files into a folder, whose name it returns."""

    def write(folder: Path, **other: str | bytes | None) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in {"train": TRAIN, "test": TEST, "sample_submission": SUBMISSION, **other}.items():
            if content is not None:
                raw = content.encode() if isinstance(content, str) else content
                (folder / f"{name}.csv").write_bytes(raw)
        return folder

    return write
