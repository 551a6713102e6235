"""How kit starts child processes: command line and environment. Only what is listed here is inherited."""

import os
import sys
from pathlib import Path
from typing import Literal

import kit
from kit.scratch import scratch

Kind = Literal["training", "kaggle"]

# Imports kit from the place of this process first, since another one may be installed.
_START = (
    "import runpy, sys; sys.path[:] = sys.argv[2:3]; import kit; sys.path[:] = sys.argv[3:]; "
    "runpy.run_module(sys.argv[1], run_name='__main__')"
)
_KEPT = ("PATH", "HOME", "LD_LIBRARY_PATH")
_KEPT_FOR: dict[Kind, tuple[str, ...]] = {
    "training": (
        "CUDA_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER",
        "CUDA_HOME",
        "TF_FORCE_GPU_ALLOW_GROWTH",
        "XLA_PYTHON_CLIENT_PREALLOCATE",
        "XLA_PYTHON_CLIENT_MEM_FRACTION",
    ),
    "kaggle": (
        "XDG_CONFIG_HOME",
        *(f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")),
        *(f"{scheme}_PROXY" for scheme in ("HTTP", "HTTPS", "ALL", "NO")),
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ),
}
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Variables that set how many threads a library may start."""
MEMORY_GROWTH = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Variables that let TensorFlow and JAX allocate GPU memory as needed, in place of most of it at once."""


def command(module: str) -> list[str]:
    """Return the command line that runs `module` in a fresh interpreter.

    The interpreter is isolated (`python -I`): it ignores PYTHON* variables and imports nothing from the
    working folder. It finds the modules that this process finds, and no others.
    """
    own = str(Path(kit.__file__).parent.parent)
    here = str(Path.cwd())
    entries = [entry for entry in sys.path if entry and entry != here]
    path = entries if own in entries else [*entries, own]
    return [sys.executable, "-I", "-X", "utf8", "-c", _START, module, own, *path]


def environment(
    kind: Kind,
    *,
    backend: str = "none",
    data: Path | None = None,
    one_thread: bool = False,
    gpu: str | None = None,
    shared_gpu: bool = False,
) -> dict[str, str]:
    """Return the whole environment of a child process.

    Inherited, if set:

    | variable | why |
    | --- | --- |
    | PATH, HOME | programs such as nvidia-smi and ptxas; caches of the CUDA driver |
    | LD_LIBRARY_PATH | folder of CUDA's libraries on many clusters |
    | CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER, CUDA_HOME | training: which GPUs, and their tools |
    | TF_FORCE_GPU_ALLOW_GROWTH, XLA_PYTHON_CLIENT_* | training: how GPU memory is allocated |
    | KAGGLE_*, XDG_CONFIG_HOME | kaggle: credentials, and where their files are |
    | *_proxy, *_PROXY | kaggle: network proxies |
    | REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE, SSL_CERT_DIR | kaggle: certificates |

    Set by kit:

    | variable | value | why |
    | --- | --- | --- |
    | TMPDIR | this process's scratch folder | nothing of a killed child remains |
    | KIT_SCRATCH | the same folder | training: the worker removes it if this process is killed |
    | KIT_DATA | `data` | training: the folder of the arrays |
    | KERAS_BACKEND | `backend` | the one in the run's hash |
    | KERAS_HOME | no folder | the user's keras.json changes the arithmetic |
    | TF_ENABLE_ONEDNN_OPTS | 1 | without oneDNN bfloat16 takes 40 times as long, and gives other results |
    | TF_CPP_MIN_LOG_LEVEL | 3 | no library noise |
    | CUBLAS_WORKSPACE_CONFIG | :4096:8 | reproducible matrix products on a GPU; PyTorch requires it |
    | XLA_FLAGS | deterministic kernels | jax only: reproducible results on a GPU |
    | *_NUM_THREADS, XLA_FLAGS | one thread | `one_thread` only: results do not depend on the number of jobs |
    | CUDA_VISIBLE_DEVICES | `gpu` | `gpu` only: each worker has one of several GPUs |
    | TF_FORCE_GPU_ALLOW_GROWTH | true, unless inherited | `shared_gpu` only: allocate memory as needed |
    | XLA_PYTHON_CLIENT_PREALLOCATE | false, unless inherited | the same for JAX |

    Args:
        kind: what the process does.
        backend: Keras's, for training.
        data: folder of the arrays, for training.
        one_thread: whether each library may start one thread only.
        gpu: the only GPU that the process sees, as CUDA_VISIBLE_DEVICES names it; None: as inherited.
        shared_gpu: whether other processes of kit use the same GPU.
    """
    names = [*_KEPT, *_KEPT_FOR[kind]]
    if kind == "kaggle":
        names += [name for name in os.environ if name.startswith("KAGGLE_")]
    variables = {name: os.environ[name] for name in names if name in os.environ}
    variables["TMPDIR"] = str(scratch())
    if kind == "kaggle":
        return variables
    variables |= {
        "KERAS_BACKEND": backend,
        "KERAS_HOME": os.devnull,
        "KIT_SCRATCH": str(scratch()),
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }
    if data is not None:
        variables["KIT_DATA"] = str(data)
    if gpu is not None:
        variables["CUDA_VISIBLE_DEVICES"] = gpu
    if shared_gpu:
        variables = {**MEMORY_GROWTH, **variables}
    flags = ["--xla_gpu_deterministic_ops=true"]
    if one_thread:
        variables |= dict.fromkeys(THREADS, "1")
        flags.append("--xla_cpu_multi_thread_eigen=false")
    if backend == "jax":
        variables["XLA_FLAGS"] = " ".join(flags)
    return variables
