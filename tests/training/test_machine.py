import ctypes.util
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.errors import UserError
from kit.training import machine
from kit.training.machine import Gpu

SAPPHIRE_RAPIDS = """\
processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8481C
flags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16 amx_tile
processor\t: 1
model name\t: Intel(R) Xeon(R) Platinum 8481C
"""
WITHOUT_AMX = "vendor_id : GenuineIntel\nmodel name : Intel(R) Xeon(R)\nflags : avx512f avx512_bf16\n"
GENOA = "vendor_id : AuthenticAMD\nmodel name : AMD EPYC 9B14\nflags : avx2 avx512f avx512_bf16\n"
HASWELL = "model name : Intel(R) Core(TM) i7-4770\nflags : fpu avx2 fma\n"
GRAVITON = "processor : 0\nFeatures : fp asimd bf16\nCPU part : 0xd40\n"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    for function in (machine.cpuinfo, machine.gpu):
        function.cache_clear()
    yield
    for function in (machine.cpuinfo, machine.gpu):
        function.cache_clear()


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Return a machine without a GPU whose CPU is a Haswell."""
    (tmp_path / "cpuinfo").write_text(HASWELL)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return monkeypatch


def nvidia_smi(cpu: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    cpu.setattr(shutil, "which", lambda _: str(program))


@pytest.mark.parametrize(
    ("cpuinfo", "found"),
    [
        (SAPPHIRE_RAPIDS, ["avx2", "avx512f", "avx512_bf16", "amx_bf16"]),
        (GENOA, ["avx2", "avx512f", "avx512_bf16"]),
        (HASWELL, ["avx2"]),
        (GRAVITON, ["asimd", "bf16"]),
        ("", []),
    ],
)
def test_features(cpuinfo: str, found: list[str]) -> None:
    assert machine.features(cpuinfo) == found


@pytest.mark.parametrize(
    ("cpuinfo", "fast"),
    [
        (SAPPHIRE_RAPIDS, True),
        (WITHOUT_AMX, False),
        (GENOA, True),
        (HASWELL, False),
        (GRAVITON, False),
        ("", False),
    ],
)
def test_bfloat16_is_fast_with_amx_and_with_amds_avx512_bf16(cpuinfo: str, fast: bool) -> None:
    assert machine.bfloat16_is_fast(cpuinfo) is fast


def test_a_system_without_cpuinfo_has_no_features(cpu: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpu.setattr(machine, "CPUINFO", tmp_path / "none")
    assert machine.describe()["features"] == []


def test_cores_are_within_the_affinity() -> None:
    assert 1 <= machine.cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("answer", "gpu"),
    [
        ("NVIDIA H200, 9.0\n", Gpu("NVIDIA H200", 9.0)),
        ("Tesla T4, 7.5\nTesla T4, 7.5\n", Gpu("Tesla T4", 7.5)),
        ("Odd, but named, 8.6", Gpu("Odd, but named", 8.6)),
        ("", None),
        ("No devices were found\n", None),
        ("Old, [N/A]\n", None),
    ],
)
def test_the_first_gpu_of_the_answer_counts(answer: str, gpu: Gpu | None) -> None:
    assert machine.parse_gpu(answer) == gpu


def test_a_gpu_is_asked_for_by_nvidia_smi(cpu: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nvidia_smi(cpu, tmp_path, "echo 'Tesla T4, 7.5'")
    assert machine.gpu() == Gpu("Tesla T4", 7.5)


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_hidden_gpu_is_none(hidden: str, cpu: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nvidia_smi(cpu, tmp_path, "echo 'Tesla T4, 7.5'")
    cpu.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert machine.gpu() is None


def test_a_driver_that_fails_is_no_gpu(cpu: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nvidia_smi(cpu, tmp_path, "echo 'no driver' >&2; exit 9")
    assert machine.gpu() is None


@pytest.mark.parametrize(("installed", "usable"), [(True, Gpu("Tesla T4", 7.5)), (False, None)])
def test_tensorflow_uses_a_gpu_only_with_the_cuda_libraries(
    installed: bool, usable: Gpu | None, cpu: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nvidia_smi(cpu, tmp_path, "echo 'Tesla T4, 7.5'")
    cpu.setattr(ctypes.util, "find_library", lambda _: "libcudnn.so.9" if installed else None)
    cpu.setattr(machine, "find_spec", lambda _: None)
    assert machine.usable_gpu("tensorflow") == usable


@pytest.mark.parametrize(("version", "usable"), [("2.9.0", True), ("2.9.0+cpu", False)])
def test_torch_built_for_the_cpu_uses_no_gpu(
    version: str, usable: bool, cpu: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nvidia_smi(cpu, tmp_path, "echo 'Tesla T4, 7.5'")
    cpu.setattr(machine, "version", lambda _: version)
    assert (machine.usable_gpu("torch") is not None) is usable


@pytest.mark.parametrize("setting", ["float32", "bfloat16"])
def test_a_precision_that_is_said_is_taken(setting: machine.Precision, cpu: pytest.MonkeyPatch) -> None:
    del cpu
    assert machine.precision(setting, "tensorflow") == setting


@pytest.mark.parametrize(
    ("cpuinfo", "backend", "chosen"),
    [
        (SAPPHIRE_RAPIDS, "tensorflow", "bfloat16"),
        (HASWELL, "tensorflow", "float32"),
        (SAPPHIRE_RAPIDS, "torch", "float32"),
        (SAPPHIRE_RAPIDS, "jax", "float32"),
    ],
)
def test_auto_precision_on_a_cpu(
    cpuinfo: str, backend: str, chosen: str, cpu: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del cpu
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert machine.precision("auto", backend) == chosen


@pytest.mark.parametrize(("capability", "chosen"), [(9.0, "bfloat16"), (8.0, "bfloat16"), (7.5, "float32")])
def test_auto_precision_on_a_gpu(capability: float, chosen: str, cpu: pytest.MonkeyPatch) -> None:
    cpu.setattr(machine, "usable_gpu", lambda _: Gpu("any", capability))
    assert machine.precision("auto", "tensorflow") == chosen


def test_the_backend_is_tensorflow_where_nothing_is_said(cpu: pytest.MonkeyPatch) -> None:
    del cpu
    assert machine.backend() == "tensorflow"


@pytest.mark.parametrize("text", ['{"backend": "jax"}', "", "{", "[]"])
def test_keras_json_has_no_say(text: str, cpu: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(text)
    cpu.setenv("KERAS_HOME", str(tmp_path))
    cpu.setattr(machine, "find_spec", lambda _: True)
    assert machine.backend() == "tensorflow"
    cpu.setenv("KERAS_BACKEND", "torch")
    assert machine.backend() == "torch"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("flags : fpu sse4_2 avx avx2", []),
        ("flags : fpu sse4_2", ["avx"]),
        ("flags : fpu", ["sse4_2", "avx"]),
        (GRAVITON, []),
    ],
)
def test_missing_instructions_are_named(
    text: str, missing: list[str], cpu: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del cpu
    (tmp_path / "cpuinfo").write_text(text)
    assert machine.missing_instructions() == missing


def test_a_backend_that_cannot_train_is_refused(cpu: pytest.MonkeyPatch) -> None:
    cpu.setenv("KERAS_BACKEND", "numpy")
    with pytest.raises(
        UserError, match=r"(?s)KERAS_BACKEND: no such backend.*one of tensorflow, jax, torch.*numpy"
    ):
        machine.backend()


def test_a_backend_that_is_not_installed_says_how_to_install_it(cpu: pytest.MonkeyPatch) -> None:
    cpu.setenv("KERAS_BACKEND", "jax")
    cpu.setattr(machine, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"jax is not installed\npip install jax"):
        machine.backend()


def test_versions_leave_out_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PACKAGES", ("numpy", "no-such-package"))
    assert list(machine.versions()) == ["python", "numpy"]


def test_the_description_is_json(cpu: pytest.MonkeyPatch) -> None:
    del cpu
    described = json.loads(json.dumps(machine.describe()))
    assert described["cpu"] == "Intel(R) Core(TM) i7-4770"
    assert described["cores"] >= 1
    assert described["memory_gib"] > 0
    assert described["gpu"] is None


def test_the_machine_is_described_without_keras() -> None:
    import subprocess

    code = (
        "import sys; from kit.training import machine as m; m.describe(), m.versions(), m.backend()\n"
        "print(sorted({'keras', 'tensorflow', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
