"""A Dask cluster of processes on this machine, for tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.driving import wait_for


class DaskCluster:
    """A scheduler, and the workers that a test adds.

    Args:
        folder: for logs, and for the folders of the workers.
        before: a folder that the scheduler imports from before any other.
        protocol: as in "tls"; None: Dask's default.
    """

    def __init__(self, folder: Path, before: Path | None = None, protocol: str | None = None) -> None:
        self.folder = folder
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--scheduler-file",
            str(file),
            *(["--protocol", protocol] if protocol else []),
            before=before,
        )
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        self.address: str = json.loads(file.read_text())["address"]

    def add(self, name: str, *arguments: str, before: Path | None = None, wait: bool = True) -> None:
        """Start a worker; it trains as many members at once as `--nthreads` says, by default 1.

        Args:
            name: of the worker.
            arguments: more options of `dask worker`.
            before: a folder that it imports from before any other.
            wait: whether to wait until the scheduler knows it.
        """
        if "--nthreads" not in arguments:
            arguments = ("--nthreads", "1", *arguments)
        folders = ["--local-directory", str(self.folder)]
        self.workers[name] = self._start(
            "worker", self.address, "--name", name, "--no-nanny", *folders, *arguments, before=before
        )
        if wait:
            wait_for(lambda: "Registered to" in self.log("worker", name))

    def kill(self, name: str) -> None:
        """Kill a worker, as the system does if memory runs out."""
        self.workers.pop(name).kill()

    def close(self) -> None:
        for process in [*self.workers.values(), self.scheduler]:
            process.kill()
            process.wait()

    def log(self, kind: str, name: str = "") -> str:
        """Return what the scheduler or a worker wrote."""
        return (self.folder / f"{kind}{name}.log").read_text(errors="replace")

    def _start(self, kind: str, *arguments: str, before: Path | None = None) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments, "--no-dashboard"]
        path = [*([str(before)] if before else []), str(Path.cwd()), *filter(None, sys.path)]
        variables = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
        name = arguments[arguments.index("--name") + 1] if "--name" in arguments else ""
        with (self.folder / f"{kind}{name}.log").open("wb") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables, cwd=self.folder
            )
