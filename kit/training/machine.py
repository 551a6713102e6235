"""The machine, and what `auto` makes of it. Loads neither Keras nor a backend."""

import ctypes.util
import os
import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kit.errors import UserError
from kit.training.memory import memory

Precision = Literal["float32", "bfloat16"]
BACKENDS = ("tensorflow", "jax", "torch")
CPUINFO = Path("/proc/cpuinfo")
PACKAGES = ("kit", "numpy", "keras", *BACKENDS, "scikit-learn")
# Flags of a CPU that decide how fast it trains.
FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")

# What the packages of TensorFlow and JAX for x86 are compiled for.
NEEDED = ("sse4_2", "avx")


class Gpu(NamedTuple):
    """An NVIDIA GPU: its name, and its compute capability, as in 9.0."""

    name: str
    capability: float


def cores() -> int:
    """Return how many cores this process may use: those of its CPU affinity, within its container's quota."""
    import joblib

    return int(joblib.cpu_count())


def backend() -> str:
    """Return the backend of Keras that trains: KERAS_BACKEND, else tensorflow; no keras.json has a say.

    Raises:
        UserError: the backend cannot train, or is not installed.
    """
    name = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if name not in BACKENDS:
        raise UserError(
            "no such backend", where="KERAS_BACKEND", expected=f"one of {', '.join(BACKENDS)}", received=name
        )
    if find_spec(name) is None:
        raise UserError(
            f"{name} is not installed",
            where="KERAS_BACKEND",
            hint=f"pip install {name}, or set KERAS_BACKEND to another",
        )
    return name


def precision(setting: Literal["auto", "float32", "bfloat16"], backend: str) -> Precision:
    """Return the precision that `setting` stands for here.

    auto is bfloat16 on NVIDIA GPUs since Ampere, and with TensorFlow on CPUs that are faster at it (about 1.7
    times as fast with AMX).
    """
    if setting != "auto":
        return setting
    found = usable_gpu(backend)
    fast = found.capability >= 8 if found else backend == "tensorflow" and bfloat16_is_fast(cpuinfo())
    return "bfloat16" if fast else "float32"


@cache
def cpuinfo() -> str:
    """Return what Linux tells of the CPUs; nothing on other systems."""
    return CPUINFO.read_text(encoding="utf-8", errors="replace") if CPUINFO.is_file() else ""


def features(cpuinfo: str) -> list[str]:
    """Return those of FEATURES that the CPU described by `cpuinfo` (Linux's /proc/cpuinfo) has."""
    # x86 calls the line flags, ARM Features.
    words = set(_field(cpuinfo, "flags").split()) | set(_field(cpuinfo, "Features").split())
    return [name for name in FEATURES if name in words]


def bfloat16_is_fast(cpuinfo: str) -> bool:
    """Say whether an x86 CPU trains faster in bfloat16 than in float32.

    With AMX, and with AVX512-BF16 on AMD. On an Intel CPU whose AMX the hypervisor hides, AVX512-BF16 alone
    trains at 0.7 times the speed of float32 (Sapphire Rapids, default's network, 2,130 against 2,990 images/s
    on each of 2 cores, TensorFlow 2.21, one pair).
    """
    found = features(cpuinfo)
    return "amx_bf16" in found or ("avx512_bf16" in found and _field(cpuinfo, "vendor_id") == "AuthenticAMD")


def missing_instructions() -> list[str]:
    """Return the instructions that this CPU lacks of those that TensorFlow's and JAX's packages need."""
    if not (flags := _field(cpuinfo(), "flags").split()):
        return []  # Not an x86 CPU under Linux.
    return [name for name in NEEDED if name not in flags]


@cache
def gpu() -> Gpu | None:
    """Return the first NVIDIA GPU, whether the backend can use it or not."""
    program = shutil.which("nvidia-smi")
    if program is None or os.environ.get("CUDA_VISIBLE_DEVICES") in {"", "-1"}:
        return None
    command = [program, "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_gpu(answer)


def parse_gpu(answer: str) -> Gpu | None:
    """Return the first GPU in nvidia-smi's answer (name, compute capability a line)."""
    name, _, capability = answer.partition("\n")[0].rpartition(", ")
    try:
        return Gpu(name, float(capability))
    except ValueError:
        return None


def usable_gpu(backend: str) -> Gpu | None:
    """Return the GPU if `backend` is installed with what it needs to compute on it."""
    libraries = {
        "tensorflow": lambda: (
            find_spec("nvidia") is not None or ctypes.util.find_library("cudnn") is not None
        ),
        "jax": lambda: any(find_spec(f"jax_cuda{major}_plugin") for major in (12, 13)),
        "torch": lambda: "+cpu" not in version("torch"),
    }
    return gpu() if gpu() and libraries[backend]() else None


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a result, where installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def describe() -> dict[str, Any]:
    """Return what this machine is, JSON-able.

    Its keys are platform, cpu, cores, memory_gib (of the machine), memory_limit_gib (what this process may
    use, None where that is all of it), features and gpu.
    """
    found, size = gpu(), memory()
    return {
        "platform": platform.platform(),
        "cpu": _field(cpuinfo(), "model name") or platform.processor() or platform.machine(),
        "cores": cores(),
        "memory_gib": round(size.total, 1),
        "memory_limit_gib": None if size.limit is None else round(size.limit, 2),
        "features": features(cpuinfo()),
        "gpu": found.name if found else None,
    }


def _field(cpuinfo: str, name: str) -> str:
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
