"""`kit data fetch` of a competition whose images are files."""

import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.cli.data import command

CONFIG = """
competition: {slug: flowers, form: table, train: labels.csv, sample_submission: null}
data: {directory: data/flowers}
models: {knn: {kind: knn}}
"""


@pytest.fixture(autouse=True)
def _zip(workdir: Path) -> None:
    (workdir / "flowers.yaml").write_text(CONFIG)
    with zipfile.ZipFile("flowers.zip", "w") as archive:
        for name, content in (("labels.csv", "id,label\na,x\n"), ("train/a.png", "1"), ("test/b.png", "2")):
            archive.writestr(name, content)


def fetch(source: str) -> Result:
    return CliRunner().invoke(command, ["fetch", "-c", "flowers.yaml", "--source", source])


def test_it_says_what_is_in_place() -> None:
    result = fetch("flowers.zip")
    assert (result.exit_code, result.output) == (0, "data/flowers/ holds labels.csv, test, train\n")
    assert Path("data/flowers/train/a.png").read_text() == "1"


def test_a_damaged_zip_leaves_no_data_directory() -> None:
    Path("flowers.zip").write_bytes(Path("flowers.zip").read_bytes()[:-40])
    result = fetch("flowers.zip")
    assert str(result.exception).startswith("flowers.zip: not a zip, or a truncated or damaged one")
    assert not Path("data").exists()
