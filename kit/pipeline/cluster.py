"""Where members are trained: `--on`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from kit.errors import UserError
from kit.training.bundles import bundled
from kit.training.job import Job
from kit.training.launch.base import Device, Launcher
from kit.training.launch.devices import assign

LOCAL = "local"


@contextmanager
def launcher_on(
    place: str, say: Callable[[str], None], *, allow_different: bool = False
) -> Iterator[Launcher | None]:
    """Give the launcher for a place; the connection ends with the block.

    Args:
        place: "local", or the address of a Dask scheduler.
        say: receives lines for people.
        allow_different: whether machines may train that differ from this one.

    Yields:
        The launcher; None for this machine.

    Raises:
        UserError: `allow_different` without a cluster.
    """
    if place == LOCAL:
        if allow_different:
            what = "this option is about the workers of a cluster"
            raise UserError(what, where="--allow-different", hint="name the cluster: --on tcp://host:8786")
        yield None
        return
    from kit.training.launch.dask.launcher import DaskLauncher

    with DaskLauncher(place, allow_different=allow_different, say=say) as launcher:
        yield launcher


def check_together(together: int, launcher: Launcher) -> None:
    """Check that the launcher's workers can train so many members as one program.

    Raises:
        UserError: they are on a cluster.
    """
    if together > 1 and not launcher.trains_together:
        raise UserError(
            "the workers of a cluster train one member at a time",
            where="together",
            expected="1",
            received=str(together),
            hint="set together=1, or leave out --on",
        )


def devices_for(
    launcher: Launcher, backend: str | None, jobs: int | None, todo: Sequence[Job]
) -> tuple[list[Device], int]:
    """Return the devices of the first workers, and how many may run once machines have joined.

    Args:
        launcher: starts the workers.
        backend: Keras's; None where no network is trained.
        jobs: what the user asked for; None: all devices.
        todo: what to train.
    """
    found, count = launcher.devices(backend), len(bundled(todo))
    most = max(1, min(jobs or count, count))
    return assign(found, min(jobs or len(found), most)), most
