"""This machine, and the backend and precision that it trains with. Imports neither Keras nor a backend."""

import ctypes.util
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from kit import __version__
from kit.cores import cores
from kit.errors import UserError
from kit.records import Machine
from kit.training.memory import memory

Precision = Literal["float32", "bfloat16"]
BACKENDS = ("tensorflow", "jax", "torch")
CPUINFO = Path("/proc/cpuinfo")
PACKAGES = ("numpy", "keras", *BACKENDS, "scikit-learn")
# CPU flags that decide how fast it trains.
FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")

# Instructions that the x86 packages of TensorFlow and JAX are compiled for.
NEEDED = ("sse4_2", "avx")


class Gpu(NamedTuple):
    """An NVIDIA GPU.

    Attributes:
        name: as in "NVIDIA H200".
        capability: its compute capability, as in 9.0.
        id: how CUDA_VISIBLE_DEVICES names it.
    """

    name: str
    capability: float
    id: str = "0"


def backend() -> str:
    """Return Keras's backend: KERAS_BACKEND, else tensorflow. keras.json is ignored.

    Raises:
        UserError: the backend is unknown or not installed.
    """
    name = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if name not in BACKENDS:
        raise UserError(
            "unknown backend", where="KERAS_BACKEND", expected=f"one of {', '.join(BACKENDS)}", received=name
        )
    if find_spec(name) is None:
        raise UserError(
            f"{name} is not installed",
            where="KERAS_BACKEND",
            hint=f"pip install {name}, or set KERAS_BACKEND to another backend",
        )
    return name


def precision(setting: Literal["auto", "float32", "bfloat16"], backend: str) -> Precision:
    """Return the precision of `setting` on this machine.

    auto is bfloat16 where it is faster: on NVIDIA GPUs since Ampere (compute capability 8), and with
    TensorFlow on CPUs with fast bfloat16 arithmetic (about 1.7 times as fast as float32 with AMX).
    """
    if setting != "auto":
        return setting
    found = usable_gpus(backend)
    fast = (
        all(gpu.capability >= 8 for gpu in found)
        if found
        else backend == "tensorflow" and bfloat16_is_fast(cpuinfo())
    )
    return "bfloat16" if fast else "float32"


@cache
def cpuinfo() -> str:
    """Return /proc/cpuinfo; an empty text on systems other than Linux."""
    return CPUINFO.read_text(encoding="utf-8", errors="replace") if CPUINFO.is_file() else ""


def features(cpuinfo: str) -> list[str]:
    """Return those of FEATURES that `cpuinfo` (the text of /proc/cpuinfo) lists."""
    # x86 calls the line flags, ARM Features.
    words = set(_field(cpuinfo, "flags").split()) | set(_field(cpuinfo, "Features").split())
    return [name for name in FEATURES if name in words]


def bfloat16_is_fast(cpuinfo: str) -> bool:
    """Return whether an x86 CPU trains faster in bfloat16 than in float32.

    With AMX, and with AVX512-BF16 on AMD. On an Intel CPU whose AMX the hypervisor hides, AVX512-BF16 alone
    trains at 0.7 times the speed of float32 (Sapphire Rapids, default's network, 2,130 against 2,990 images/s
    on each of 2 cores, TensorFlow 2.21, one pair).
    """
    found = features(cpuinfo)
    return "amx_bf16" in found or ("avx512_bf16" in found and _field(cpuinfo, "vendor_id") == "AuthenticAMD")


def missing_instructions() -> list[str]:
    """Return the instructions that TensorFlow's and JAX's packages need and this CPU lacks."""
    if not (flags := _field(cpuinfo(), "flags").split()):
        return []  # Not an x86 CPU under Linux.
    return [name for name in NEEDED if name not in flags]


@cache
def gpus() -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs that CUDA_VISIBLE_DEVICES leaves visible, usable by a backend or not."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    command = [program, "--query-gpu=uuid,name,compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return visible_gpus(parse_gpus(answer), os.environ.get("CUDA_VISIBLE_DEVICES"))


def parse_gpus(answer: str) -> tuple[Gpu, ...]:
    """Return the GPUs in nvidia-smi's answer, which has one line per GPU: UUID, name, compute capability."""
    found = []
    for index, line in enumerate(answer.splitlines()):
        uuid, _, rest = line.partition(", ")
        name, _, capability = rest.rpartition(", ")
        with suppress(ValueError):  # "[N/A]", or a message in place of a GPU.
            found.append(Gpu(name, float(capability), uuid if uuid.startswith("GPU-") else str(index)))
    return tuple(found)


def visible_gpus(found: Sequence[Gpu], visible: str | None) -> tuple[Gpu, ...]:
    """Return those of `found` that CUDA_VISIBLE_DEVICES names, in its order, each under the name used there.

    Args:
        found: all GPUs of the machine, in nvidia-smi's order.
        visible: the variable's value: indices, UUIDs or their beginnings, or MIG instances; None: all.
    """
    if visible is None:
        return tuple(found)
    chosen = []
    for entry in visible.split(","):
        gpu = _named(found, entry.strip())
        if gpu is None:
            break  # CUDA ignores whatever follows an unknown GPU.
        chosen.append(gpu._replace(id=entry.strip()))
    return tuple(chosen)


def _named(found: Sequence[Gpu], entry: str) -> Gpu | None:
    if entry.isdigit():
        return found[int(entry)] if int(entry) < len(found) else None
    if entry.startswith("MIG-"):
        # nvidia-smi lists whole GPUs only: the instance is a part of one of them, usually the only one.
        parents = [gpu for gpu in found if gpu.id in entry] or found
        return parents[0] if parents else None
    return next((gpu for gpu in found if entry and gpu.id.startswith(entry)), None)


def usable_gpus(backend: str) -> tuple[Gpu, ...]:
    """Return the visible GPUs if `backend` is installed with the libraries that computing on them needs."""
    libraries = {
        "tensorflow": lambda: (
            find_spec("nvidia") is not None or ctypes.util.find_library("cudnn") is not None
        ),
        "jax": lambda: any(find_spec(f"jax_cuda{major}_plugin") for major in (12, 13)),
        "torch": lambda: "+cpu" not in version("torch"),
    }
    return gpus() if gpus() and libraries[backend]() else ()


def versions() -> dict[str, str]:
    """Return the versions of Python, kit and the installed packages that affect results."""
    # Not kit's metadata: it is installed as kaggle-kit, and `kit` is another project's name.
    found = {"python": platform.python_version(), "kit": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def describe() -> Machine:
    """Return the record of this machine."""
    found, size = gpus(), memory()
    return Machine(
        platform=platform.platform(),
        cpu=_field(cpuinfo(), "model name") or platform.processor() or platform.machine(),
        cores=cores(),
        memory_gib=round(size.total, 1),
        memory_limit_gib=None if size.limit is None else round(size.limit, 2),
        features=tuple(features(cpuinfo())),
        gpu=found[0].name if found else None,
    )


def _field(cpuinfo: str, name: str) -> str:
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
