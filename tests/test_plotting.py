"""Figures have the same bytes whatever the user's matplotlib settings, and write nothing to stderr."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.plotting import BEST, CHOSEN, MODELS, PALETTE, PLAIN, SOFT, WRONG, figure, marks

DRAW = """
import hashlib, os, sys
sys.path.insert(0, ROOT)
from io import BytesIO
from kit.plotting import BEST, CHOSEN, MODELS, PALETTE, PLAIN, SOFT, WRONG, figure, marks
before = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
digest = hashlib.sha256()
for format, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
    with figure(figsize=(3, 2), layout="constrained") as drawing:
        axes = drawing.add_subplot()
        axes.plot([1, 2], [3, 5], label="line \\u65e5")
        axes.legend()
        file = BytesIO()
        drawing.savefig(file, format=format, metadata=metadata)
    digest.update(file.getvalue())
assert {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"} == before
print(digest.hexdigest())
"""
SCRIPT = DRAW.replace("ROOT", repr(str(Path(__file__).parents[1])))
ODD = b"axes.facecolor: red\nfont.size: 30\nsvg.fonttype: none\nfigure.dpi: 20\nsavefig.dpi: 20\n"
BAD = b"axes.facecolor red\nnonsense: 3\nfont.size: big\nbackend: nonsense\n"
UNREADABLE = b"axes.facecolor: \xff\xfe\n"


def digest(folder: Path, **env: str) -> str:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return digest(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize(
    "backend", ["module://matplotlib_inline.backend_inline", "module://nonsense", "TkAgg", "nonsense", "pdf"]
)
def test_figures_are_independent_of_the_backend(tmp_path: Path, plain: str, backend: str) -> None:
    assert digest(tmp_path, MPLBACKEND=backend) == plain


@pytest.mark.parametrize("content", [ODD, BAD, UNREADABLE], ids=["odd", "bad", "unreadable"])
@pytest.mark.parametrize("variable", ["", "MATPLOTLIBRC", "MPLCONFIGDIR"])
def test_figures_are_independent_of_matplotlibrc(
    tmp_path: Path, plain: str, content: bytes, variable: str
) -> None:
    (tmp_path / "matplotlibrc").write_bytes(content)
    (tmp_path / "other").mkdir()
    folder = tmp_path / "other" if variable else tmp_path
    assert digest(folder, **({variable: str(tmp_path)} if variable else {})) == plain


def test_figures_need_no_settings_folder(tmp_path: Path, plain: str) -> None:
    assert digest(tmp_path, MPLCONFIGDIR=os.devnull) == plain


def test_settings_of_the_process_are_restored() -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 31}):
        with figure() as drawing:
            assert drawing.dpi == 100
            assert matplotlib.rcParams["font.size"] == 10
        assert matplotlib.rcParams["font.size"] == 31


def test_models_share_no_colour_with_another_meaning() -> None:
    assert not {PLAIN, BEST, WRONG, SOFT} & set(MODELS)
    assert set(MODELS) <= PALETTE.keys()


def test_28_models_have_different_marks_and_none_is_that_of_the_chosen() -> None:
    found = list(marks([f"model{at}" for at in range(28)]).values())
    assert len(set(found)) == 28
    assert CHOSEN not in {one.marker for one in found}
