"""Members in a process of their own, one after the other: `python -m kit.training.worker`.

stdin: jobs, one line of JSON each; it stays open, and once it closes the driver is gone and the worker ends.
It then removes the driver's temporary folder, KIT_SCRATCH: a driver that was killed cannot do it.
stdout: for each job lines of JSON, one an epoch; the last says why the training failed, or gives the sizes of
the two byte strings behind it, arrays and network. What libraries print goes to stderr.
"""

import json
import os
import queue
import shutil
import sys
import threading
import time
import traceback
from typing import IO, Any, NoReturn

STARTED = time.time()


def main() -> NoReturn:
    """Train what stdin says and send it back, until stdin closes."""
    # Keras imports it where it can, for plots that no worker draws; that takes 0.6 s.
    sys.modules["matplotlib"] = None  # type: ignore[assignment]  # the documented way to make an import fail
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(jobs,), daemon=True).start()
    started = STARTED
    while True:
        _answer(jobs.get(), out, started)
        started = time.time()


def _receive(jobs: "queue.SimpleQueue[str]") -> NoReturn:
    for line in sys.stdin:
        jobs.put(line)
    # The driver is gone: a training under way ends here, and so does the interpreter, whose orderly shutdown
    # takes libraries up to a second.
    if folder := os.environ.get("KIT_SCRATCH"):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _answer(line: str, out: IO[bytes], started: float) -> None:
    from kit.errors import KitError

    try:
        _train(line, out, started)
    except KitError as error:
        _send(out, {"failed": error.what, "hint": error.hint})
    except Exception as error:
        traceback.print_exc()
        reason = traceback.format_exception_only(error)[-1].strip()[:200]
        hint = None
        if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
            reason, hint = f"not enough memory ({reason})", "train one member at a time: --jobs 1"
        _send(out, {"failed": reason, "hint": hint})
    sys.stderr.flush()


def _send(out: IO[bytes], event: dict[str, Any], *blobs: bytes) -> None:
    out.write(json.dumps(event).encode() + b"\n")
    for blob in blobs:
        out.write(blob)
    out.flush()


def _train(line: str, out: IO[bytes], started: float) -> None:
    from kit.members import pack
    from kit.training.job import Job
    from kit.training.member import train_member

    def on_epoch(epoch: int, loss: float, accuracy: float) -> None:
        _send(out, {"epoch": epoch, "val_loss": loss, "val_accuracy": accuracy})

    result = train_member(Job.from_json(line), on_epoch, started)
    arrays, network = pack(result), result.network or b""
    _send(out, {"arrays": len(arrays), "network": len(network)}, arrays, network)


if __name__ == "__main__":
    main()
