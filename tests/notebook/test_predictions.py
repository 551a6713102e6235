from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from kit.errors import UserError
from kit.notebook.run import Run
from kit.pipeline import predict
from tests.workplace import write_run

IMAGES = np.zeros((2, 28, 28), np.uint8)


@pytest.fixture
def run(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a run that is certain of the class that the first pixel of an image names."""

    def fake(run: object, images: np.ndarray, on_stage: object) -> np.ndarray:
        del run, on_stage
        return np.asarray(np.eye(10)[images[:, 0, 0, 0] % 10])

    monkeypatch.setattr(predict, "predict", fake)
    return Run(write_run("drawn", folder=workdir, labels=tuple("0123456789")))


def test_an_array_gives_one_line_per_image(run: Run) -> None:
    images = IMAGES.copy()
    images[1, 0, 0] = 4
    table = run.predict(images)
    assert table["predicted"].to_dict() == {0: 0, 1: 4}
    assert list(table.columns) == ["predicted", *(f"p{digit}" for digit in range(10))]
    assert table.loc[1, "p4"] == 1
    assert run.predict(images, invert=True)["predicted"].tolist() == [5, 1]


def test_files_are_the_index(run: Run, workdir: Path) -> None:
    Pillow.new("L", (28, 28), 7).save(workdir / "a.png")
    assert run.predict("a.png")["predicted"].to_dict() == {"a.png": 7}
    assert run.predict([workdir / "a.png"])["predicted"].to_dict() == {str(workdir / "a.png"): 7}


def test_warnings_are_in_the_words_of_python(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(predict, "unlike_training", lambda _, images: ["use --invert"] * len(images))
    run.predict(IMAGES[:1])
    assert "0: use invert=True" in capsys.readouterr().err


@pytest.mark.parametrize("images", [IMAGES / 255, IMAGES[:, :20], IMAGES[:0]])
def test_other_arrays_are_refused(
    run: Run, images: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"
) -> None:
    with pytest.raises(UserError, match=r"expected uint8 of shape \(rows, 28, 28, 1\)"):
        run.predict(images)


@pytest.mark.parametrize("images", [[], 3, [3]])
def test_other_values_are_refused(run: Run, images: list[str]) -> None:
    with pytest.raises(UserError, match="images"):
        run.predict(images)
