"""The lines of docs/results.md that load a stored network give the reported accuracy."""

import re
from pathlib import Path
from typing import Any

import pytest

import kit
from kit.data.layout import SAMPLE

PAGE = (Path(__file__).parents[2] / "docs/results.md").read_text(encoding="utf-8")
CODE = re.search(r"```python\n(import keras.*?)```", PAGE, re.DOTALL)
CHANGES = {
    "folds.count": 2, "training.epochs": 3, "ensemble.tta": False, "augmentation.tta": False,
}  # fmt: skip
DESKEWED = {"cnn": True, "wide_view": False}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a run of a network with and one without deskewing, in the working directory of the module."""
    folder = tmp_path_factory.mktemp("stored")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "data").mkdir()
        for name in ("train", "test"):
            (folder / f"data/{name}.csv.gz").write_bytes((SAMPLE / f"{name}.csv.gz").read_bytes())
        yield kit.cv("default", set=CHANGES, run="stored")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("model", DESKEWED)
def test_the_lines_give_the_reported_accuracy(run: kit.Run, model: str) -> None:
    assert CODE
    config = run._folder.read_record().config["models"][model]
    assert config["deskew"] is DESKEWED[model]
    code = CODE[1].replace("runs/default-1a2b3c4d", "runs/stored").replace('"cnn"', f'"{model}"')
    values: dict[str, Any] = {}
    exec(code.replace("data/train.csv", "data/train.csv.gz"), values)
    [reported] = [one.score for one in run.report.members if one.member == f"{model}-f0-s0" and one.score]
    assert f"{values['accuracy']:.4f}" == f"{reported.value:.4f}"
