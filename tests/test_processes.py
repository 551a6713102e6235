import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.processes import MEMORY_GROWTH, THREADS, command, environment
from kit.scratch import scratch

HOSTILE = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "PYTHONWARNINGS": "error",
    "PYTHONPATH": ".",
    "PYTHONSTARTUP": "keras.py",
    "OMP_NUM_THREADS": "7",
    "XLA_FLAGS": "--mine",
    "TF_DETERMINISTIC_OPS": "0",
    "KAGGLE_KEY": "secret",
}


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("hostile")
def test_a_training_worker_has_only_the_listed_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert environment("training", backend="tensorflow") == {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "TMPDIR": str(scratch()),
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": os.devnull,
        "KIT_SCRATCH": str(scratch()),
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }


@pytest.mark.usefixtures("hostile")
def test_every_library_is_limited_to_one_thread() -> None:
    assert {environment("training", one_thread=True)[name] for name in THREADS} == {"1"}


@pytest.mark.usefixtures("hostile")
def test_jax_has_only_the_flags_of_kit() -> None:
    assert environment("training", backend="jax")["XLA_FLAGS"] == "--xla_gpu_deterministic_ops=true"
    flags = environment("training", backend="jax", one_thread=True)["XLA_FLAGS"].split()
    assert flags == ["--xla_gpu_deterministic_ops=true", "--xla_cpu_multi_thread_eigen=false"]


def test_the_users_choice_of_gpus_reaches_a_training_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert environment("training")["CUDA_VISIBLE_DEVICES"] == "1"


def test_a_worker_sees_the_gpu_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,2")
    assert environment("training", gpu="2")["CUDA_VISIBLE_DEVICES"] == "2"


def test_workers_that_share_a_gpu_allocate_memory_as_they_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MEMORY_GROWTH:
        monkeypatch.delenv(name, raising=False)
    assert environment("training", shared_gpu=True).items() >= MEMORY_GROWTH.items()
    assert not environment("training").keys() & MEMORY_GROWTH.keys()
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    assert environment("training", shared_gpu=True)["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"


def test_a_worker_finds_its_arrays() -> None:
    assert environment("training", data=Path("/arrays"))["KIT_DATA"] == "/arrays"


@pytest.mark.usefixtures("hostile")
def test_the_kaggle_worker_gets_credentials_and_proxies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = {"https_proxy": "http://proxy:3128", "REQUESTS_CA_BUNDLE": "/ca.pem", "KAGGLE_KEY": "secret"}
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    found = environment("kaggle")
    assert found.items() >= wanted.items()
    assert not found.keys() & (HOSTILE.keys() - {"KAGGLE_KEY"})


@pytest.mark.parametrize("name", ["random", "queue", "json", "numpy", "kit", "sitecustomize"])
def test_a_file_in_the_working_folder_is_not_imported(workdir: Path, name: str) -> None:
    (workdir / f"{name}.py").write_text("raise SystemExit('imported')")
    done = subprocess.run(command("tests.workplace"), env=environment("training"), check=False)
    assert done.returncode == 0


@pytest.mark.usefixtures("hostile")
def test_a_child_process_is_isolated(workdir: Path) -> None:
    (workdir / "probe.py").write_text("print('mine')")
    code = "import sys; print(sys.flags.isolated, sys.flags.utf8_mode, sys.warnoptions)"
    start = command("unused")
    start[start.index("-c") + 1] = code
    done = subprocess.run(start, env=os.environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "[]"]


def test_a_child_process_finds_the_modules_of_this_one(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workdir / "lib").mkdir()
    (workdir / "lib" / "extra_module.py").write_text("print('found')")
    monkeypatch.setattr(sys, "path", [*sys.path, str(workdir / "lib"), str(workdir)])
    done = subprocess.run(
        command("extra_module"), env=environment("training"), capture_output=True, text=True, check=True
    )
    assert done.stdout == "found\n"
    assert str(workdir) not in command("extra_module")
