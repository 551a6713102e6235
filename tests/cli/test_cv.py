import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

from kit.cli import kit
from kit.config import load, shipped
from kit.errors import KitError
from kit.pipeline.origin import origin_of
from kit.run_folder import RUNS, Run
from kit.training.launch.dask.launcher import DaskLauncher
from tests import competitions
from tests.driving import PATIENCE, gone, stamps, wait_for, workers

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "name", "changes", "also"),
    [
        ([], "default", [], {"name": None, "jobs": None, "fresh": False, "checkpoint": 30.0}),
        (
            ["-c", "quick", "--jobs", "auto"],
            "quick",
            [],
            {"name": None, "jobs": None, "fresh": False, "checkpoint": 30.0},
        ),
        (
            ["--set", "training.epochs=7", "--run", "mine", "--jobs", "3", "--fresh"],
            "default",
            ["training.epochs=7"],
            {"name": "mine", "jobs": 3, "fresh": True, "checkpoint": 30.0},
        ),
    ],
)
def test_arguments_reach_the_pipeline(
    *,
    arguments: list[str],
    name: str,
    changes: list[str],
    also: dict[str, Any],
    example: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, seen = example().write(), []

    def cv(config: Any, config_name: str, listener: Any, **rest: Any) -> tuple[Run, bool]:
        seen.append((config_name, config, rest))
        assert listener
        return run, False

    monkeypatch.setattr("kit.pipeline.cv.cv", cv)
    result = CliRunner().invoke(kit, ["cv", *arguments])
    assert result.exit_code == 0
    also |= {"origin": origin_of(name, changes, also["name"]), "launcher": None}
    assert seen == [(name, load(name, changes), also)]
    assert result.stdout.startswith(f"{run.name}   1 model")
    assert result.stderr == ""


def test_a_cluster_gets_its_launcher(example: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run, seen = example().write(), list[Any]()

    def cv(*_: Any, launcher: Any, **__: Any) -> tuple[Run, bool]:
        seen.append(launcher)
        return run, False

    monkeypatch.setattr("kit.pipeline.cv.cv", cv)
    result = CliRunner().invoke(kit, ["cv", "--on", "tcp://nowhere:8786", "--allow-different"])
    assert result.exit_code == 0
    assert [type(one) for one in seen] == [DaskLauncher]


def test_an_address_without_a_protocol_is_refused() -> None:
    result = CliRunner().invoke(kit, ["cv", "--on", "nowhere:8786"])
    assert result.exit_code == 2
    assert "expected local, or the address of a Dask scheduler such as tcp://host:8786" in result.output


def test_a_complete_run_shows_its_report(example: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run = example().write()
    monkeypatch.setattr("kit.pipeline.cv.cv", lambda *_, **__: (run, True))
    result = CliRunner().invoke(kit, ["cv"])
    assert result.stderr == f"runs/{run.name} is complete; --fresh retrains it.\n\n"
    assert result.stdout.startswith(f"{run.name}   1 model")


@pytest.mark.slow
def test_a_killed_worker_is_retried(driver: Any) -> None:
    process = driver()
    wait_for(lambda: workers(process))[0].kill()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    lost = (
        "warning: forest-f0-s0: its worker was killed (signal 9), but not by the kernel for lack of memory; "
    )
    assert lost in stderr
    report = Run(RUNS / "mine").read_report()
    assert {one.member: one.retried for one in report.members} == {
        "forest-f0-s0": True, "forest-f1-s0": False, "logistic-f0-s0": False, "logistic-f1-s0": False,
    }  # fmt: skip


@pytest.mark.slow
def test_a_killed_run_ends_its_workers_and_can_be_resumed(driver: Any) -> None:
    process = driver()
    wait_for(stamps)
    left = wait_for(lambda: workers(process))
    process.send_signal(signal.SIGKILL)
    assert psutil.wait_procs(left, timeout=PATIENCE)[1] == []
    before = stamps()
    assert Run(RUNS / "mine").read_record().status == "running"

    process = driver()
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert f"{len(before)} of 4 members are already trained" in stderr
    assert stdout.startswith("mine   2 models, 1 seed, 2 folds")
    after = stamps()
    assert len(after) == 4
    assert {name: after[name] for name in before} == before


@pytest.mark.slow
def test_a_second_run_is_refused_and_ctrl_c_ends_the_first_cleanly(driver: Any) -> None:
    slow = ("--set", "models.forest.trees=3000")  # The second one starts before the first ends.
    process = driver(*slow)
    wait_for(stamps)
    second = driver(*slow)
    stdout, stderr = second.communicate(timeout=PATIENCE)
    assert second.returncode == 2
    assert stdout == ""
    what, hint = stderr.splitlines()
    start = f"kit: runs/mine: another process is writing this run: process {process.pid} on "
    assert what.startswith(start)
    assert what.endswith(f"(kit cv -c tiny.yaml --run mine --jobs 1 {' '.join(slow)})")
    assert hint == "wait for it, or choose another name"

    left = wait_for(lambda: workers(process))
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert stdout == ""
    pattern = r"kit: interrupted; [123] of 4 members are stored; rerun the same command to resume\n"
    assert re.search(pattern + "$", stderr)
    assert "Traceback" not in stderr
    assert gone(left)
    assert Run(RUNS / "mine").read_record().status == "interrupted"
    assert not list(RUNS.rglob(".*"))


KNOWN = (
    r"[a-z0-9-]+-[0-9a-f]{8}: 2,400 training rows, 600 test rows from the bundled sample",
    r"[a-z0-9-]+-[0-9a-f]{8}: 120 training rows, 40 test rows from data/[A-Za-z0-9-]+/",
    r"warning: the test images differ from the training images: .*",
    r"This is the bundled sample; .*",
    r"\w+: \d+ members( of 1 epochs in \w+; [\d,]+ parameters, [\d.]+ million multiply-adds per image)?",
    r"the time will be known soon: .*",
    r"[\dms. ]+: \d+ of \d+ members, \d+%, .*(left|measuring the speed …)(; .*)?",
    r"[\dms. ]+: (looking|reading|planning|combining|computing|writing|choosing|drawing) .*",
    r"[\w-]+: trained in [\dms. ]+(, held-out (accuracy [\d.]+ %|[a-zA-Z1 ]+ [\d.]+))?",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in shipped().glob("*.yaml")))
def test_a_shipped_configuration_trains_without_messages_of_libraries(name: str, workdir: Path) -> None:
    assert not list(workdir.iterdir())
    if name in competitions.WRITERS:
        competitions.write(name, Path(load(name).data.directory), train=120, test=40)
    before = {path.name for path in workdir.iterdir()}
    less = ["folds.count=2", "models.forest.trees=10" if name == "baselines" else "training.epochs=1"]
    command = [
        sys.executable,
        "-m",
        "kit",
        "cv",
        "-c",
        name,
        *(part for one in less for part in ("--set", one)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    strange = [line for line in done.stderr.splitlines() if not any(re.fullmatch(one, line) for one in KNOWN)]
    assert strange == []
    assert done.stdout.startswith(f"{name}-")
    assert {path.name for path in workdir.iterdir()} - before == {"runs"}
    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert re.fullmatch(rf"runs/{name}-[0-9a-f]{{8}} is complete; --fresh retrains it\.\n\n", again.stderr)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(kit, ["cv", "--verify", *arguments])


def sealed(example: Make) -> Run:
    """Return a run with checksums."""
    run: Run = example(config_name="default").write()
    run.start_sums()
    return run


def test_verify_says_that_nothing_is_wrong(example: Make) -> None:
    run = sealed(example)
    result = invoke("--run", run.name)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{run.path}: 2 members, 8 files: nothing wrong\n"


def test_verify_takes_the_newest_run_of_the_configuration(example: Make) -> None:
    run = sealed(example)
    assert invoke().stdout.startswith(f"{run.path}: 2 members")
    assert "there is no run of the configuration 'quick'" in str(invoke("-c", "quick").exception)


def test_verify_names_what_is_damaged_and_what_repairs_it(example: Make) -> None:
    run = sealed(example)
    run.oof_path.write_text("row\n")
    result = invoke("--run", run.name)
    assert result.stdout == f"{run.oof_path}: its checksum differs from the one in SHA256SUMS\n"
    assert isinstance(result.exception, KitError)
    assert str(result.exception) == (
        f"{run.path}: 1 of 8 files is damaged: oof.csv\n"
        "kit cv -c example repairs the run: damaged files are kept aside, and made again"
    )
    assert result.exception.exit_code == 1


@pytest.mark.parametrize("other", [["--fresh"], ["--set", "seeds=2"]])
def test_verify_changes_nothing(example: Make, other: list[str]) -> None:
    sealed(example)
    result = invoke(*other)
    assert result.exit_code == 2
