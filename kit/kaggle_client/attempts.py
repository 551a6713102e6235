"""Run each attempt at an API request in its own process, with a timeout, and retry transient faults."""

import contextlib
import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from kit.errors import UserError
from kit.kaggle_client.credentials import has_credentials, no_credentials
from kit.kaggle_client.errors import CallError, Fault, explain
from kit.kaggle_client.handover import client_environment
from kit.kaggle_client.network import check_network
from kit.processes import command, environment
from kit.scratch import scratch

ATTEMPTS = 6
_START_UP = 30.0
"""Maximum seconds for the start of a worker; the request's timeout starts afterwards."""
_OVERHEAD = 2.0
"""Typical maximum of the start-up in seconds, on a busy machine."""

Result = TypeVar("Result")
pause = time.sleep


def attempt(
    call: str, slug: str, timeout: float, *, poll: Callable[[], None] | None = None, **arguments: Any
) -> Any:
    """Make one attempt at `call` in a worker process, and return its result.

    Args:
        call: a key of the worker's `_CALLS`.
        slug: the competition.
        timeout: seconds after which the attempt is killed.
        poll: called ten times per second while the attempt runs.
        **arguments: further arguments of the call.

    Raises:
        UserError: missing or invalid credentials, or an invalid proxy or certificate variable.
        UserError, KitError: the attempt failed; see `errors.explain`.
    """
    if timeout <= 0:
        raise UserError("invalid timeout", where="--timeout", expected="more than 0 s")
    check_network()
    if not has_credentials():
        raise no_credentials()
    request = json.dumps({"call": call, "slug": slug, "timeout": timeout, **arguments}).encode() + b"\n"
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(
            command("kit.kaggle_client.worker"),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            # The client would read the token from a file of that name in the working folder.
            cwd=scratch(),
            env=_environment(),
        ) as process,
    ):
        # Stdin stays open: the worker exits when it closes, which also happens if this process is killed.
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(request)  # type: ignore[union-attr]  # stdin is a pipe
            end = time.monotonic() + timeout + _START_UP
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.1)
                if poll:
                    poll()
        finally:
            timed_out = process.poll() is None
            process.kill()
        status = process.wait()
        output.seek(0)
        text = output.read()
    if not text and (timed_out or status == -signal.SIGALRM):
        raise explain(Fault("timeout", message=f"{timeout:g} s"), slug)
    if not text:
        raise explain(Fault("client", message=f"its process exited with status {status}"), slug)
    content = json.loads(text)
    if "fault" in content:
        raise explain(Fault(**content["fault"]), slug)
    return content["result"]


def with_retries(function: Callable[[], Result], timeout: float, within: float | None = None) -> Result:
    """Call `function`, and retry transient faults: at most 6 attempts.

    The delays are 1, 2, 4, 8, 16 s, or what Kaggle requests (Retry-After).

    Args:
        function: makes one attempt.
        timeout: seconds per attempt.
        within: seconds after which no further attempt starts; None: `budget(timeout)`.

    Raises:
        KitError: the last transient fault, with the number of attempts; any other error at once.
    """
    from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay

    def delay(state: RetryCallState) -> float:
        return retry_delay(_fault(state), state.attempt_number)

    def report(state: RetryCallState) -> None:
        report_retry(_fault(state), state.upcoming_sleep, state.attempt_number)

    retrying = Retrying(
        retry=retry_if_exception(_is_transient),
        wait=delay,
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(budget(timeout) if within is None else within),
        before_sleep=report,
        sleep=pause,
        reraise=True,
    )
    try:
        return retrying(function)
    except CallError as fault:
        raise fault.after(retrying.statistics["attempt_number"]) from None


def retry_delay(fault: CallError, number: int) -> float:
    """Return the seconds to wait after attempt `number` (from 1) failed with `fault`."""
    return fault.retry_after or 2.0 ** (number - 1)


def budget(timeout: float) -> float:
    """Return the maximum seconds of all attempts and delays of one request with this `timeout`."""
    return ATTEMPTS * (timeout + _OVERHEAD) + sum(2.0**number for number in range(ATTEMPTS - 1))


def report_retry(fault: CallError, seconds: float, number: int) -> None:
    """Report on stderr that attempt `number` failed, and when the next one starts."""
    import click

    click.echo(f"{fault.what}; retrying in {seconds:g} s (attempt {number + 1} of {ATTEMPTS})", err=True)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, CallError) and error.transient


def _fault(state: Any) -> CallError:
    return cast("CallError", state.outcome.exception())


def _environment() -> dict[str, str]:
    changed = environment("kaggle") | client_environment()
    return {name: value for name, value in changed.items() if value is not None}
