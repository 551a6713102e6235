import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit import kaggle_client
from kit.cli import doctor
from kit.cores import cores
from kit.data import layout
from kit.errors import UserError
from kit.training import machine
from kit.training.machine import Gpu
from kit.training.memory import Memory


@pytest.fixture(autouse=True)
def _plain(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a machine without data, credentials and GPU, and with room."""
    monkeypatch.setattr(layout, "KAGGLE_INPUTS", (workdir / "input",))
    monkeypatch.setattr(machine, "gpus", lambda: ())
    monkeypatch.setattr(machine, "backend", lambda: "tensorflow")
    monkeypatch.setattr(doctor, "NEEDED_GIB", 0)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(doctor.command, arguments)


def findings() -> dict[str, object]:
    found: dict[str, object] = json.loads(run("--json").stdout)
    return found


def problems() -> list[str]:
    found = json.loads(run("--json").stdout)["problems"]
    return [problem["what"] for problem in found]


def test_json_is_all_there_is_on_stdout() -> None:
    assert findings().keys() == {
        "versions",
        "machine",
        "backend",
        "precision",
        "data",
        "kaggle_credentials",
        "credentials_found_in",
        "free_disk_gib",
        "problems",
    }


def test_the_sample_is_what_is_left() -> None:
    assert findings()["data"] == {"source": "the bundled sample", "sample": True}
    assert problems() == ["no competition data here: results come from the bundled sample"]


def test_credentials_open_kaggle_and_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", "0123456789abcdef")
    assert findings()["data"] == {"source": "Kaggle", "sample": False}
    assert findings()["kaggle_credentials"] is True
    shown = run().stdout
    assert "found" in shown
    assert "0123456789abcdef" not in shown
    assert "someone" not in shown


def test_kaggles_mounted_folder_comes_before_kaggle(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> None:
    monkeypatch.setattr(kaggle_client, "has_credentials", lambda: True)
    folder = workdir / "input" / "digit-recognizer"
    folder.mkdir(parents=True)
    for name in ("train.csv", "test.csv"):
        (folder / name).touch()
    assert findings()["data"] == {"source": f"{folder}/", "sample": False}


def test_the_own_folder_comes_first() -> None:
    Path("data").mkdir()
    for name in ("train.csv", "test.csv"):
        Path("data", name).touch()
    assert findings()["data"] == {"source": "data/", "sample": False}
    assert problems() == []


def test_a_missing_backend_keeps_the_kit_from_working(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise UserError("jax is not installed", where="KERAS_BACKEND", hint="pip install jax")

    monkeypatch.setattr(machine, "backend", missing)
    result = run()
    assert result.exit_code == 2
    assert "problem      jax is not installed; pip install jax" in result.stdout
    assert result.stdout.endswith("kit cannot work here\n")


def test_all_is_well() -> None:
    result = run()
    assert result.exit_code == 0
    assert result.stdout.endswith("ready: kit cv\n")


def test_a_gpu_that_is_left_unused_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "gpus", lambda: (Gpu("Tesla T4", 7.5),))
    monkeypatch.setattr(machine, "usable_gpus", lambda _: ())
    assert "tensorflow cannot use the GPU" in problems()


def test_little_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEEDED_GIB", 1e6)
    assert any("free on this disk" in problem for problem in problems())


def test_the_memory_limit_of_a_container_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = Memory(16.0, 0.5, "limit of this container")
    monkeypatch.setattr(machine, "memory", lambda: limited)
    monkeypatch.setattr("kit.training.memory.memory", lambda: limited)
    assert "16.0 GiB memory (limited to 0.5 GiB)" in run().stdout
    assert findings()["problems"][0] == {  # type: ignore[index]  # a list of objects
        "what": f"{limited.text} for {cores()} workers of about 1 GiB",
        "hint": "train fewer members at a time: --jobs 1",
        "fatal": False,
    }


def test_a_cpu_without_avx_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "missing_instructions", lambda: ["avx"])
    result = run()
    assert result.exit_code == 2
    assert "this CPU lacks avx, which TensorFlow's and JAX's packages need" in result.stdout
