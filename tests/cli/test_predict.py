import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image as Pillow

from kit.cli.predict import command
from kit.errors import UserError
from kit.pipeline import predict
from kit.run_folder import Run
from tests.workplace import write_run

DRAWN = np.random.default_rng(0).integers(0, 256, (4, 28, 28), dtype=np.uint8)


@pytest.fixture
def run(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a run that is 70 % certain of the class of an image's first pixel, 20 % of the next one."""

    def fake(run: Run, images: np.ndarray, on_stage: object) -> np.ndarray:
        del run, on_stage
        first = images[:, 0, 0, 0].astype(int) % 10
        shares = 0.7 * np.eye(10)[first] + 0.2 * np.eye(10)[(first + 1) % 10]
        return np.asarray(shares + 0.01)

    monkeypatch.setattr(predict, "predict", fake)
    for number, image in enumerate(DRAWN):
        image[0, 0] = number
        Pillow.fromarray(image).save(workdir / f"{number}.png")
    return write_run("drawn", folder=workdir, labels=tuple("0123456789"))


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(command, arguments)
    if isinstance(result.exception, UserError | SystemExit):
        return result
    assert result.exception is None, result.output
    return result


@pytest.mark.usefixtures("run")
def test_the_table_shows_the_most_probable_labels() -> None:
    rows = [line.split() for line in call("drawn", "2.png", "0.png").stdout.splitlines()]
    assert rows[0] == ["File", "Label", "Probability", "Label", "2", "Probability", "2"]
    assert rows[2:] == [["2.png", "2", "0.7100", "3", "0.2100"], ["0.png", "0", "0.7100", "1", "0.2100"]]


@pytest.mark.usefixtures("run")
def test_the_number_of_labels_can_be_chosen() -> None:
    assert call("drawn", "2.png", "--top", "1").stdout.splitlines()[2].split() == ["2.png", "2", "0.7100"]


@pytest.mark.usefixtures("run")
def test_output_has_all_probabilities(workdir: Path) -> None:
    result = call("drawn", ".", "--output", "out.csv")
    assert result.stdout == "4 predictions: out.csv\n"
    header, *rows = (workdir / "out.csv").read_text().splitlines()
    assert header == "file,predicted," + ",".join(f"p{digit}" for digit in range(10))
    assert rows[3].startswith("3.png,3,0.01,0.01,0.01,0.71,0.21,")


@pytest.mark.usefixtures("run")
def test_json_is_all_that_stdout_gets() -> None:
    shown = json.loads(call("drawn", "1.png", "--json").stdout)
    assert (shown["run"], shown["labels"]) == ("drawn", list("0123456789"))
    [image] = shown["images"]
    assert (image["file"], image["predicted"], image["warning"]) == ("1.png", "1", None)
    assert image["probability"] == image["probabilities"]["1"] == pytest.approx(0.71)


@pytest.mark.usefixtures("run")
def test_inverted_images_are_predicted_from_their_inverse() -> None:
    assert call("drawn", "2.png", "--invert").stdout.splitlines()[2].split()[1] == "3"  # 255 - 2 ends with 3


@pytest.mark.usefixtures("run")
def test_without_training_images_the_check_is_left_out() -> None:
    assert "note: no training images here" in call("drawn", "1.png").stderr


@pytest.mark.usefixtures("run")
def test_warnings_name_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "unlike_training", lambda _, images: ["", *["odd"] * (len(images) - 1)])
    errors = call("drawn", *(f"{number % 4}.png" for number in range(14))).stderr.splitlines()
    assert errors[0] == "warning: 1.png: odd"
    assert errors[-1] == "warning: 3 more images differ from the training images"


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["other", "0.png"], "there is no run 'other'"),
        (["drawn", "no.png"], "no.png: there is no such file or folder"),
        (["drawn", "0.png", "--output", "no/out.csv"], "--output: there is no folder no"),
        (["drawn", "0.png", "--output", "0.png"], "--output: the same file as an input"),
    ],
)
def test_mistakes_are_named(arguments: list[str], said: str) -> None:
    assert said in str(call(*arguments).exception)


@pytest.mark.usefixtures("run")
def test_without_files_the_usage_is_shown() -> None:
    result = call("drawn")
    assert result.exit_code == 2
    assert "Missing argument 'FILE|FOLDER…'" in result.stderr
