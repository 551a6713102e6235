"""The recipe of docs/notebook.md runs as it is written, in a real kernel."""

import re
from pathlib import Path
from typing import Any

import pytest

from kit.data.layout import FILES, SAMPLE, file_in

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/notebook.md").read_text(encoding="utf-8")
SKIPPED = {"install", "upload", "long"}
"""Marks of cells that need a network, a file of the user, or an hour."""
CELLS = [
    code
    for mark, code in re.findall(r"^```python ?(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    if mark not in SKIPPED
]
PRELUDE = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from kit.data import layout
layout.KAGGLE_INPUTS = Path({place!r}) / "competitions", Path({place!r})
"""
"""In place of the installation, and of /kaggle/input."""


def run_cells(codes: list[str], folder: Path) -> list[list[Any]]:
    """Run cells in a new kernel in folder/working, with folder/input as /kaggle/input."""
    # Here: beside Kaggle's packages, the fast tests collect this file without nbclient.
    import nbformat
    from nbclient import NotebookClient

    prelude = PRELUDE.format(root=str(ROOT), place=str(folder / "input"))
    cells = [nbformat.v4.new_code_cell(one) for one in [prelude, *codes]]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook, timeout=280, kernel_name="python3", resources={"metadata": {"path": folder / "working"}}
    )
    client.execute()
    return [cell.outputs for cell in notebook.cells[1:]]


def text_of(outputs: list[Any], kind: str = "text/plain") -> str:
    """Return what the outputs of a cell show."""
    return "\n".join(one.data.get(kind, "") if "data" in one else one.get("text", "") for one in outputs)


@pytest.fixture(scope="module")
def kaggle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the data in input/competitions/<slug>, as Kaggle has it, and an empty working/."""
    folder = tmp_path_factory.mktemp("kaggle")
    place = folder / "input/competitions/digit-recognizer"
    place.mkdir(parents=True)
    for path in filter(None, (file_in(SAMPLE, name) for name in FILES)):
        (place / path.name).write_bytes(path.read_bytes())
    (folder / "working").mkdir()
    return folder


@pytest.fixture(scope="module")
def shown(kaggle: Path) -> dict[str, list[Any]]:
    """Return the outputs of the page's cells, by their code."""
    return dict(zip(CELLS, run_cells(CELLS, kaggle), strict=True))


def outputs_of(shown: dict[str, list[Any]], last_line: str) -> list[Any]:
    return next(outputs for code, outputs in shown.items() if code.strip().splitlines()[-1] == last_line)


pytestmark = pytest.mark.slow


@pytest.mark.timeout(600)
def test_no_cell_fails_or_warns(shown: dict[str, list[Any]]) -> None:
    kinds = {one.output_type for outputs in shown.values() for one in outputs}
    assert "error" not in kinds


def test_training_shows_its_end_in_one_output(shown: dict[str, list[Any]]) -> None:
    [output] = outputs_of(shown, 'run = kit.cv("quick", set={"training.epochs": 2})')
    text = output.data["text/plain"]
    assert "2,400 training rows, 600 test rows from " in text
    assert len(re.findall(r"^cnn-f[01]-s0: trained in ", text, re.MULTILINE)) == 2


def test_a_run_shows_its_score_and_its_page(shown: dict[str, list[Any]]) -> None:
    outputs = outputs_of(shown, "run")
    assert re.match(r"Run quick-[0-9a-f]{8}: OOF accuracy [0-9.]+ %", text_of(outputs))
    page = text_of(outputs, "text/html")
    assert "<iframe srcdoc=" in page
    assert "Confusion matrix" in page


def test_the_runs_are_a_table(shown: dict[str, list[Any]]) -> None:
    outputs = outputs_of(shown, 'kit.runs()[["status", "score", "low", "high", "errors", "seconds"]]')
    assert re.search(r"quick-[0-9a-f]{8} +complete +0\.", text_of(outputs))


def test_the_figure_is_an_svg(shown: dict[str, list[Any]]) -> None:
    page = text_of(outputs_of(shown, 'run.figure("confusion")'), "text/html")
    assert page.count("<svg ") == 1
    assert "var(--" not in page


def test_the_comparison_has_a_verdict(shown: dict[str, list[Any]]) -> None:
    assert "2,400 rows" in text_of(outputs_of(shown, "kit.compare(run, other)"))


def test_the_mean_of_two_tables_is_the_ensemble(shown: dict[str, list[Any]]) -> None:
    text = text_of(outputs_of(shown, "(mean - both.test[classes]).abs().max().max()"))
    assert float(text.removeprefix("np.float64(").removesuffix(")")) < 1e-7


def test_everything_is_written_to_the_working_folder(shown: dict[str, list[Any]], kaggle: Path) -> None:
    assert text_of(outputs_of(shown, "kit.submit(both, dry_run=True)")).count("nothing was sent") == 1
    working = kaggle / "working"
    assert (working / "submission.csv").read_bytes() == (working / "runs/both/submission.csv").read_bytes()
    files = [path for path in (kaggle / "input").rglob("*") if path.is_file()]
    # The cache is beside the data only where that folder can be written, which /kaggle/input cannot.
    inputs = {path.name for path in files if ".cache" not in path.parts}
    assert inputs == {"train.csv.gz", "test.csv.gz"}
