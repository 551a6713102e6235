"""Attempts: a process each, ended at its deadline, and repeated where the fault may pass."""

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
from kit.kaggle_client.handover import variables
from kit.kaggle_client.network import check_network
from kit.processes import command, environment
from kit.scratch import scratch

ATTEMPTS = 6
_START_UP = 30.0
"""Seconds a worker may take to start; its own clock runs from there."""
_OVERHEAD = 2.0
"""Seconds that it commonly takes at most, on a busy machine."""

Result = TypeVar("Result")
pause = time.sleep


def attempt(
    call: str, slug: str, timeout: float, *, watch: Callable[[], None] | None = None, **arguments: Any
) -> Any:
    """Make one attempt at `call` of the worker, and return its result.

    Args:
        call: one of the worker's calls.
        slug: the competition.
        timeout: seconds after which the attempt is ended.
        watch: called ten times a second while the attempt runs.
        **arguments: what the call takes.

    Raises:
        UserError, KitError: as `errors.explain` has them.
    """
    if timeout <= 0:
        raise UserError("no time to call Kaggle", where="--timeout", expected="more than 0 s")
    check_network()
    if not has_credentials():
        raise no_credentials()
    request = json.dumps({"call": call, "slug": slug, "timeout": timeout, **arguments}).encode() + b"\n"
    with (
        tempfile.TemporaryFile() as answer,
        subprocess.Popen(
            command("kit.kaggle_client.worker"),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            # A file here that is called like the token would be taken for a file that holds it.
            cwd=scratch(),
            env=_environment(),
        ) as process,
    ):
        # Its stdin stays open: the worker ends when it closes, as it does when this process is killed.
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(request)  # type: ignore[union-attr]  # there is a pipe
            end = time.monotonic() + timeout + _START_UP
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.1)
                if watch:
                    watch()
        finally:
            late = process.poll() is None
            process.kill()
        status = process.wait()
        answer.seek(0)
        text = answer.read()
    if not text and (late or status == -signal.SIGALRM):
        raise explain(Fault("timeout", message=f"{timeout:g} s"), slug)
    if not text:
        raise explain(Fault("client", message=f"its process ended with {status}"), slug)
    content = json.loads(text)
    if "fault" in content:
        raise explain(Fault(**content["fault"]), slug)
    return content["result"]


def repeated(function: Callable[[], Result], timeout: float, within: float | None = None) -> Result:
    """Call `function`, and again where the fault may pass: 6 times at most.

    Waits 1, 2, 4, 8, 16 s between, or as Kaggle asks; stops before a wait that would go beyond `within`
    seconds, by default `budget`.

    Raises:
        KitError: the last such fault, with the number of attempts; any other error of `function` at once.
    """
    from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay

    def wait(state: RetryCallState) -> float:
        return waiting(_fault(state), state.attempt_number)

    def say(state: RetryCallState) -> None:
        announce(_fault(state), state.upcoming_sleep, state.attempt_number)

    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        wait=wait,
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(budget(timeout) if within is None else within),
        before_sleep=say,
        sleep=pause,
        reraise=True,
    )
    try:
        return retrying(function)
    except CallError as fault:
        raise fault.after(retrying.statistics["attempt_number"]) from None


def waiting(fault: CallError, number: int) -> float:
    """Return the seconds to wait after attempt `number` (from 1) ended in `fault`."""
    return fault.retry_after or 2.0 ** (number - 1)


def budget(timeout: float) -> float:
    """Return the seconds that a call may take, all attempts and waits together."""
    return ATTEMPTS * (timeout + _OVERHEAD) + sum(2.0**number for number in range(ATTEMPTS - 1))


def announce(fault: CallError, seconds: float, number: int) -> None:
    """Say on stderr that attempt `number` failed, and when the next one comes."""
    import click

    click.echo(f"{fault.what}; trying again in {seconds:g} s ({number + 1} of {ATTEMPTS})", err=True)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, CallError) and error.passing


def _fault(state: Any) -> CallError:
    return cast("CallError", state.outcome.exception())


def _environment() -> dict[str, str]:
    changed = environment("kaggle") | variables()
    return {name: value for name, value in changed.items() if value is not None}
