"""Where members are trained: `--on`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kit.errors import UserError
from kit.training.launch.base import Launcher

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
