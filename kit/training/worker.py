"""One member in a process of its own: `python -m kit.training.worker`.

stdin: the job, one line of JSON; it stays open, and once it closes the driver is gone and the worker ends.
stdout: lines of JSON, one an epoch; the last says why the training failed, or gives the sizes of the two byte
strings behind it, arrays and network. What libraries print goes to stderr.
"""

import json
import os
import sys
import threading
import time
import traceback
from typing import IO, Any

STARTED = time.time()


def main() -> None:
    """Train what stdin says and send it back."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    job = sys.stdin.readline()
    threading.Thread(target=_leave_with_driver, daemon=True).start()
    from kit.errors import KitError

    try:
        _train(job, out)
    except KitError as error:
        _send(out, {"failed": error.what, "hint": error.hint})
    except Exception as error:
        traceback.print_exc()
        _send(out, {"failed": traceback.format_exception_only(error)[-1].strip()[:200]})
    sys.stderr.flush()
    # Interpreter shutdown of the libraries takes up to a second and has nothing left to do.
    os._exit(0)


def _leave_with_driver() -> None:
    sys.stdin.read()
    os._exit(1)


def _send(out: IO[bytes], event: dict[str, Any], *blobs: bytes) -> None:
    out.write(json.dumps(event).encode() + b"\n")
    for blob in blobs:
        out.write(blob)
    out.flush()


def _train(line: str, out: IO[bytes]) -> None:
    from kit.store import pack
    from kit.training.job import Job
    from kit.training.member import train_member

    def on_epoch(epoch: int, loss: float, accuracy: float) -> None:
        _send(out, {"epoch": epoch, "val_loss": loss, "val_accuracy": accuracy})

    result = train_member(Job.from_json(line), on_epoch, STARTED)
    arrays, network = pack(result), result.network or b""
    _send(out, {"arrays": len(arrays), "network": len(network)}, arrays, network)


if __name__ == "__main__":
    main()
