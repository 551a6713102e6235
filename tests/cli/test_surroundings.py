"""The user's environment does not change results: the same command gives the same bytes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.run_folder import RUNS

pytestmark = pytest.mark.slow

KIT = Path(sys.executable).with_name("kit")
COMMAND = ["cv", "-c", "lenet-plain", "--set", "training.epochs=1", "--set", "folds.count=2", "--run", "mine"]
VARIABLES = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "PYTHONWARNINGS": "error",
    "PYTHONPATH": ".",
    "OMP_NUM_THREADS": "7",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "DNNL_DEFAULT_FPMATH_MODE": "BF16",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "XLA_FLAGS": "--nonsense",
    "PYTHONOPTIMIZE": "2",
    "PYTHONUTF8": "0",
    "LC_ALL": "C",
}
NAMES = ("random", "keras", "numpy", "queue", "json", "kit", "typing", "tensorflow", "signal", "matplotlib")
KERAS = {"floatx": "float64", "epsilon": 0.1, "backend": "jax", "image_data_format": "channels_first"}


def oof(*, env: dict[str, str] | None = None) -> bytes:
    """Return oof.csv of a run in the working directory."""
    done = subprocess.run(
        [KIT, *COMMAND], env=os.environ if env is None else env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return (RUNS / "mine" / "oof.csv").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("undisturbed")
    subprocess.run([KIT, *COMMAND], cwd=folder, capture_output=True, check=True)
    return (folder / RUNS / "mine" / "oof.csv").read_bytes()


def empty(folder: Path) -> dict[str, str]:
    del folder
    return {name: os.environ[name] for name in ("PATH", "HOME")}


def variables(folder: Path) -> dict[str, str]:
    del folder
    return os.environ | VARIABLES


def files(folder: Path) -> dict[str, str]:
    for name in NAMES:
        (folder / f"{name}.py").write_text("print('my own script')\nraise SystemExit(7)\n")
    (folder / "pandas").mkdir()
    (folder / "matplotlibrc").write_text("backend: nonsense\n")
    return dict(os.environ)


def keras_json(folder: Path) -> dict[str, str]:
    (folder / ".keras").mkdir()
    (folder / ".keras" / "keras.json").write_text(json.dumps(KERAS))
    return os.environ | {"HOME": str(folder)}


def keras_home(folder: Path) -> dict[str, str]:
    (folder / "keras.json").write_text(json.dumps(KERAS))
    return os.environ | {"KERAS_HOME": str(folder)}


def python_path(folder: Path) -> dict[str, str]:
    library = folder / "lib"
    library.mkdir()
    for name in ("random", "keras", "numpy", "queue", "signal"):
        (library / f"{name}.py").write_text("raise SystemExit(7)\n")
    return os.environ | {"PYTHONPATH": f":{library}"}


@pytest.mark.parametrize("surroundings", [empty, variables, files, keras_json, keras_home, python_path])
def test_the_oof_table_is_byte_identical(
    surroundings: Callable[[Path], dict[str, str]], workdir: Path, undisturbed: bytes
) -> None:
    assert oof(env=surroundings(workdir)) == undisturbed


def test_python_m_kit_imports_nothing_from_the_working_folder(workdir: Path) -> None:
    for name in NAMES:
        if name != "kit":  # That would be the program itself.
            (workdir / f"{name}.py").write_text("raise SystemExit(7)\n")
    done = subprocess.run([sys.executable, "-m", "kit", "runs"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_not_an_error(workdir: Path, closed: str) -> None:
    done = subprocess.run(f"{KIT} {' '.join(COMMAND)} {closed}", shell=True, capture_output=True, check=False)
    assert done.returncode == 0
    assert (RUNS / "mine" / "oof.csv").is_file()
    assert workdir.is_dir()
