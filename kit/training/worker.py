"""One member in a process of its own: `python -m kit.training.worker`.

stdin: the job, one line of JSON; it stays open, and once it closes the driver is gone and the worker ends.
stdout: lines of JSON (one an epoch), then one that gives the sizes of the two byte strings behind it: arrays and model.
What libraries print goes to stderr.
"""

import json
import os
import sys
import threading
import time
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
        _send(out, {"failed": str(error)})
    # Interpreter shutdown of the libraries takes up to a second and has nothing left to do.
    out.flush()
    os._exit(0)


def _leave_with_driver() -> None:
    sys.stdin.read()
    os._exit(1)


def _send(out: IO[bytes], event: dict[str, Any]) -> None:
    out.write(json.dumps(event).encode() + b"\n")
    out.flush()


def _train(line: str, out: IO[bytes]) -> None:
    from kit.store import pack
    from kit.training.job import Job
    from kit.training.member import train_member

    result = train_member(
        Job.from_json(line),
        lambda epoch, loss, accuracy: _send(
            out, {"epoch": epoch, "val_loss": loss, "val_accuracy": accuracy}
        ),
        STARTED,
    )
    arrays, network = pack(result), result.network or b""
    _send(out, {"arrays": len(arrays), "network": len(network)})
    out.write(arrays)
    out.write(network)


if __name__ == "__main__":
    main()
