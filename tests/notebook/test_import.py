import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest

import kit

HEAVY = (
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "matplotlib",
    "pydantic",
    "rich",
    "click",
    "keras",
    "tensorflow",
)
ROOT = Path(__file__).parents[2]


def test_import_loads_nothing_heavy() -> None:
    code = (
        f"import sys, kit; dir(kit); sys.exit(str([name for name in {HEAVY} if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) in {(0, ""), (1, "")}


@pytest.mark.parametrize("name", kit.__all__)
def test_every_public_name_exists_and_is_listed(name: str) -> None:
    assert getattr(kit, name) is not None
    assert name in dir(kit)


@pytest.mark.parametrize("name", ["cv", "tune", "runs", "open_run", "compare", "ensemble", "submit", "fetch"])
def test_help_shows_signature_and_text(name: str) -> None:
    function = getattr(kit, name)
    assert function.__doc__
    assert signature(function).return_annotation is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'kit' has no attribute 'train'"):
        kit.train  # type: ignore[attr-defined]  # noqa: B018


def test_a_script_of_a_user_type_checks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import kit\n"
        'run = kit.cv("quick", set={"training.epochs": 2})\n'
        "accuracy: float = run.report.oof.accuracy\n"
        'errors: int = (run.oof["label"] != run.oof["predicted"]).sum()\n'
        "best = kit.ensemble([run, 'other'], method='mean')\n"
        "verdict: str = kit.compare(run, best).result.pairs[0].verdict\n"
        "names = list(kit.runs().index)\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir",
        str(tmp_path),
        str(script),
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    own = [line for line in done.stdout.splitlines() if line.startswith("script.py")]
    assert own == []


def test_import_needs_no_standard_library() -> None:
    code = f"import sys; sys.path[:] = [{str(ROOT)!r}]; import kit; print(kit.__version__)"
    done = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{kit.__version__}\n"
