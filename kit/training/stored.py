"""Predict new images with stored networks, in a process of its own."""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from kit.config import Network
from kit.errors import KitError, UserError
from kit.processes import command, environment
from kit.scratch import scratch
from kit.training import machine
from kit.training.wire import pack_message, read_message

PREDICTOR = tuple(command("kit.training.predictor"))


@dataclass(frozen=True)
class StoredNetwork:
    """The network of a member, on disk.

    Attributes:
        path: of the .keras file.
        model: its configuration.
        views: whether its predictions are means over the views of test-time augmentation.
    """

    path: Path
    model: Network
    views: bool

    def fields(self) -> dict[str, object]:
        """Return it for a message of `kit.training.wire`."""
        return {"path": str(self.path), "model": self.model.model_dump(mode="json"), "views": self.views}


def predict_stored(
    networks: Sequence[StoredNetwork],
    images: NDArray[np.uint8],
    backend: str | None,
    on_stage: Callable[[str], None],
    program: Sequence[str] = PREDICTOR,
) -> list[NDArray[np.float32]]:
    """Return the probabilities of each network, (rows, classes).

    The libraries are loaded in a process with the environment of a training worker: other settings change
    the numbers.

    Args:
        networks: at least one.
        images: (rows, height, width, channels), at least one row.
        backend: Keras's, of the run; where it is not installed, this machine's default.
        on_stage: receives what is done now, as in "network 3 of 8".
        program: the process, with its arguments.

    Raises:
        UserError: a network cannot be read, or its file holds something else than a network of kit.
        KitError: the process ended without a result.
    """
    if backend is None or find_spec(backend) is None:
        backend = machine.backend()
    fields = {"networks": [one.fields() for one in networks], "shape": images.shape}
    on_stage(f"loading {backend}")
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=scratch(),
            env=environment("training", backend=backend),
        ) as process,
    ):
        if process.stdin is None or process.stdout is None:
            raise KitError("the process that predicts has no pipes")
        try:
            try:
                process.stdin.write(pack_message(fields, images.tobytes()))
                process.stdin.flush()
            except BrokenPipeError:
                raise _lost(process, log) from None
            results: list[NDArray[np.float32]] = []
            while len(results) < len(networks):
                message = read_message(process.stdout)
                if message is None:
                    raise _lost(process, log)
                if "refused" in message.fields:
                    raise UserError(where=str(networks[len(results)].path), **message.fields["refused"])
                if "failed" in message.fields:
                    raise _unreadable(networks[len(results)], message.fields["failed"])
                if message.blobs:
                    probs = np.frombuffer(message.blobs[0], np.float32)
                    results.append(probs.reshape(message.fields["shape"]))
                if len(results) < len(networks):
                    on_stage(f"network {len(results) + 1} of {len(networks)}")
            return results
        finally:
            process.kill()


def _unreadable(network: StoredNetwork, reason: str) -> UserError:
    return UserError(
        "this network cannot be loaded, or cannot predict",
        where=str(network.path),
        received=reason,
        hint="copy it again from the machine that trained the run",
    )


def _lost(process: "subprocess.Popen[bytes]", log: IO[bytes]) -> KitError:
    """Return the error of a process that ended without a result, with the last line that it wrote."""
    code = process.wait()
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return KitError(
        f"the process that predicts ended with code {code}",
        received=lines[-1][:200] if lines else None,
        hint="if memory ran out, predict fewer images at once",
    )
