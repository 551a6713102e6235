import ctypes.util
import json
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
    for function in (machine.cpuinfo, machine.gpus):
        function.cache_clear()
    yield
    for function in (machine.cpuinfo, machine.gpus):
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
    assert machine.describe().features == ()


T4 = "Tesla T4, 7.5"


def smi(*lines: str) -> str:
    """Return what nvidia-smi answers on a machine with these GPUs, each a name and a compute capability."""
    return "".join(f"GPU-{index}a{index}b, {line}\n" for index, line in enumerate(lines))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (smi("NVIDIA H200, 9.0"), [Gpu("NVIDIA H200", 9.0, "GPU-0a0b")]),
        (smi(T4, T4), [Gpu("Tesla T4", 7.5, "GPU-0a0b"), Gpu("Tesla T4", 7.5, "GPU-1a1b")]),
        (smi("Odd, but named, 8.6"), [Gpu("Odd, but named", 8.6, "GPU-0a0b")]),
        (smi("Old, [N/A]", T4), [Gpu("Tesla T4", 7.5, "GPU-1a1b")]),
        (
            "[N/A], NVIDIA A100-SXM4-40GB MIG 3g.20gb, 8.0\n",
            [Gpu("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 8.0, "0")],
        ),
        ("", []),
        ("No devices were found\n", []),
    ],
)
def test_each_line_of_nvidia_smi_is_a_gpu(answer: str, found: list[Gpu]) -> None:
    assert machine.parse_gpus(answer) == tuple(found)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_all_gpus_that_nvidia_smi_lists_are_found(
    count: int, cpu: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nvidia_smi(cpu, tmp_path, f"cat << END\n{smi(*[T4] * count)}END")
    assert machine.gpus() == tuple(Gpu("Tesla T4", 7.5, f"GPU-{index}a{index}b") for index in range(count))


@pytest.mark.parametrize(
    ("visible", "ids"),
    [
        (None, ["GPU-0a0b", "GPU-1a1b", "GPU-2a2b"]),
        ("2,0", ["2", "0"]),
        ("1", ["1"]),
        (" 0 , 1 ", ["0", "1"]),
        ("GPU-2a,GPU-0a0b", ["GPU-2a", "GPU-0a0b"]),
        ("0,7,1", ["0"]),
        ("MIG-1b2c,MIG-3d4e", ["MIG-1b2c", "MIG-3d4e"]),
        ("MIG-GPU-1a1b/3/0", ["MIG-GPU-1a1b/3/0"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
    ],
)
def test_cuda_visible_devices_chooses_gpus(visible: str | None, ids: list[str]) -> None:
    found = machine.parse_gpus(smi(T4, "NVIDIA A100, 8.0", T4))
    assert [gpu.id for gpu in machine.visible_gpus(found, visible)] == ids


def test_a_chosen_gpu_keeps_its_name_and_capability() -> None:
    found = machine.parse_gpus(smi(T4, "NVIDIA A100, 8.0"))
    for visible in ("1", "GPU-1a", "MIG-GPU-1a1b/3/0"):
        assert machine.visible_gpus(found, visible) == (Gpu("NVIDIA A100", 8.0, visible),)


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_hidden_gpu_is_not_found(hidden: str, cpu: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nvidia_smi(cpu, tmp_path, f"echo 'GPU-0, {T4}'")
    cpu.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert machine.gpus() == ()


def test_no_gpu_is_found_where_the_driver_fails(cpu: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nvidia_smi(cpu, tmp_path, "echo 'no driver' >&2; exit 9")
    assert machine.gpus() == ()


@pytest.mark.parametrize("installed", [True, False])
def test_tensorflow_uses_a_gpu_only_with_the_cuda_libraries(
    installed: bool, cpu: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nvidia_smi(cpu, tmp_path, f"echo 'GPU-0, {T4}'")
    cpu.setattr(ctypes.util, "find_library", lambda _: "libcudnn.so.9" if installed else None)
    cpu.setattr(machine, "find_spec", lambda _: None)
    assert machine.usable_gpus("tensorflow") == ((Gpu("Tesla T4", 7.5, "GPU-0"),) if installed else ())


@pytest.mark.parametrize(("version", "usable"), [("2.9.0", 1), ("2.9.0+cpu", 0)])
def test_torch_built_for_the_cpu_uses_no_gpu(
    version: str, usable: int, cpu: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nvidia_smi(cpu, tmp_path, f"echo 'GPU-0, {T4}'")
    cpu.setattr(machine, "version", lambda _: version)
    assert len(machine.usable_gpus("torch")) == usable


@pytest.mark.parametrize("setting", ["float32", "bfloat16"])
def test_an_explicit_precision_is_used(setting: machine.Precision, cpu: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [([9.0], "bfloat16"), ([8.0], "bfloat16"), ([7.5], "float32"), ([8.0, 7.5], "float32")],
)
def test_auto_precision_on_gpus(capabilities: list[float], chosen: str, cpu: pytest.MonkeyPatch) -> None:
    cpu.setattr(machine, "usable_gpus", lambda _: tuple(Gpu("any", one) for one in capabilities))
    assert machine.precision("auto", "tensorflow") == chosen


def test_the_default_backend_is_tensorflow(cpu: pytest.MonkeyPatch) -> None:
    del cpu
    assert machine.backend() == "tensorflow"


@pytest.mark.parametrize("text", ['{"backend": "jax"}', "", "{", "[]"])
def test_keras_json_is_ignored(text: str, cpu: pytest.MonkeyPatch, tmp_path: Path) -> None:
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


def test_an_unknown_backend_is_refused(cpu: pytest.MonkeyPatch) -> None:
    cpu.setenv("KERAS_BACKEND", "numpy")
    with pytest.raises(
        UserError, match=r"(?s)KERAS_BACKEND: unknown backend.*one of tensorflow, jax, torch.*numpy"
    ):
        machine.backend()


def test_a_missing_backend_is_reported_with_the_command_that_installs_it(cpu: pytest.MonkeyPatch) -> None:
    cpu.setenv("KERAS_BACKEND", "jax")
    cpu.setattr(machine, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"jax is not installed\npip install jax"):
        machine.backend()


def test_versions_leave_out_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PACKAGES", ("numpy", "no-such-package"))
    assert list(machine.versions()) == ["python", "kit", "numpy"]


def test_the_description_is_json(cpu: pytest.MonkeyPatch) -> None:
    del cpu
    described = json.loads(machine.describe().model_dump_json())
    assert described["cpu"] == "Intel(R) Core(TM) i7-4770"
    assert described["features"] == ["avx2"]
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
