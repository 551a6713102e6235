"""What runs in a Dask worker. The driver sends references to these functions, never code.

So kit has to be installed there, and on the scheduler. A task trains one member in a process of its own, as
on the driver's machine; the worker keeps files by content until it ends.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from kit.config import Pretrained
from kit.members import pack
from kit.training.failures import WorkerFailedError
from kit.training.job import Job
from kit.training.launch.base import Activity, Checkpoint, DataFolder, Event, Progress
from kit.training.launch.dask.facts import Facts
from kit.training.launch.dask.parcels import digest_of
from kit.training.launch.dask.processes import end, ended_with_task, process_of
from kit.training.launch.local import WORKER
from kit.training.wire import pack_message, read_message

FOLDER = "kit-data"
"""Files by content, in the folder that Dask removes when the worker ends."""
PAUSE = 1.0
"""Seconds, at least, between two events about the same epoch: all events pass through the scheduler."""
_checkpoints: dict[str, bytes] = {}


def present() -> bool:
    """Return True, where kit is installed: the scheduler, too, reads which function a task calls."""
    return True


async def describe(backend: str | None) -> dict[str, Any]:
    """Return the facts of this worker's machine (`Facts.plain`)."""
    return await asyncio.to_thread(lambda: Facts.here(backend).plain())


def write_part(content: str, name: str, offset: int, part: bytes) -> None:
    """Write a part of a file.

    Args:
        content: digest of all files of the parcel.
        name: of the file.
        offset: of the part.
        part: the bytes.
    """
    folder = _folder(f"{content}.part")
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.seek(offset)
        file.write(part)


def complete(content: str, names: list[str]) -> bool:
    """Check the files of a parcel, and keep them; return whether they are what was sent."""
    partial, folder = _folder(f"{content}.part"), _folder(content)
    # Another driver may send the same files at the same time.
    with suppress(OSError):
        if not folder.is_dir() and digest_of({name: partial / name for name in names}) == content:
            partial.rename(folder)
    shutil.rmtree(partial, ignore_errors=True)
    return folder.is_dir()


def missing(contents: list[str]) -> list[str]:
    """Return those parcels that this worker does not have."""
    return [content for content in contents if not _folder(content).is_dir()]


def latest_checkpoint(token: str) -> bytes:
    """Return the latest checkpoint of a training."""
    return _checkpoints.get(token, b"")


def end_process(owner: str) -> None:
    """End the process that waits for another member of an owner."""
    end(owner)


def train(
    job: bytes,
    data: str,
    weights: str | None,
    *,
    topic: str,
    token: str,
    owner: str,
    command: tuple[str, ...] | None,
) -> tuple[bytes, ...]:
    """Train a member in a process beside this one.

    Args:
        job: `Job.to_bytes`.
        data: content of the parcel with the arrays.
        weights: content of the parcel with the weights of its network; None: it has none.
        topic: of the events.
        token: identifies this training in them.
        owner: identifies the driver's worker: its next member gets the same process, until `end_process`.
        command: the program of the process; None: kit's.

    Returns:
        The result's arrays and network, or one message that says why there are none.
    """
    from distributed import get_worker

    if absent := missing([data, *([weights] if weights else [])]):
        return (pack_message({"missing": absent}),)
    worker = get_worker()
    message = read_message(BytesIO(job))
    if message is None:
        raise ValueError("the job is cut off")
    parsed = _with_weights(Job.from_message(message), weights)
    report = _reporter(lambda event: worker.log_event(topic, {"token": token, "event": event}), token)
    folder = DataFolder(parsed.data, _folder(data))
    try:
        with (
            process_of(owner, command or WORKER, parsed.backend, folder) as process,
            ended_with_task(process, worker, worker.get_current_task()),
        ):
            result = process.train(parsed, report)
    except WorkerFailedError as error:
        kind = type(error).__name__
        return (pack_message({"error": kind, "what": error.what, "hint": error.hint, "log": error.log}),)
    finally:
        _checkpoints.pop(token, None)
    return pack(result), result.network or b""


def _with_weights(job: Job, weights: str | None) -> Job:
    """Return the job with the path that the weights have here."""
    if weights is None or not isinstance(job.model, Pretrained):
        return job
    [path] = _folder(weights).iterdir()
    return replace(job, model=job.model.model_copy(update={"weights": str(path)}))


def _folder(content: str) -> Path:
    from distributed import get_worker

    return Path(get_worker().local_directory) / FOLDER / content


def _reporter(send: Callable[[dict[str, Any]], None], token: str) -> Callable[[Event | Checkpoint], None]:
    """Return what sends events to the driver; of a checkpoint, it learns that there is one."""
    last, at = ("", 0), 0.0

    def report(event: Event | Checkpoint) -> None:
        nonlocal last, at
        if isinstance(event, Checkpoint):
            _checkpoints[token] = event.content
            send({"checkpoint": event.epoch})
        elif isinstance(event, Progress):
            send({"epoch": event.epoch, "val_loss": event.val_loss, "val_score": event.val_score})
        elif (event.phase, event.epoch) != last or time.monotonic() - at >= PAUSE:
            last, at = (event.phase, event.epoch), time.monotonic()
            send(_plain(event))

    return report


def _plain(event: Activity) -> dict[str, Any]:
    return {"phase": event.phase, "epoch": event.epoch, "share": event.share}
