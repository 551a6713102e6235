"""Figures that depend on nothing of the user's: no backend, matplotlibrc or style of theirs."""

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from typing import TYPE_CHECKING, Any

from kit.scratch import scratch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_USERS = ("MPLBACKEND", "MATPLOTLIBRC", "MPLCONFIGDIR")


@contextmanager
def figure(**given: Any) -> Iterator["Figure"]:
    """Give a figure to draw on, and to save as PNG or SVG, under matplotlib's own settings.

    The settings of the process are as before afterwards. The same drawing is the same bytes; nothing is
    written to stderr.

    Args:
        given: what matplotlib's `Figure` takes.
    """
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            # Such as of a letter that the font lacks.
            warnings.simplefilter("ignore")
            _import()
            import matplotlib
            from matplotlib.figure import Figure

            with matplotlib.rc_context():
                matplotlib.rcdefaults()
                # Else names in an SVG are random.
                matplotlib.rcParams["svg.hashsalt"] = "kit"
                yield Figure(**given)
    finally:
        log.setLevel(level)


def _import() -> None:
    """Import matplotlib; it reads the user's settings meanwhile, and fails where they are wrong."""
    try:
        importlib.import_module("matplotlib.figure")
    except Exception:
        # Once more, as if there were none: neither those of variables, nor a matplotlibrc in this folder.
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]
        kept = {name: os.environ.pop(name) for name in _USERS if name in os.environ}
        os.environ["MPLCONFIGDIR"] = str(scratch())
        try:
            with chdir(scratch()):
                importlib.import_module("matplotlib.figure")
        finally:
            del os.environ["MPLCONFIGDIR"]
            os.environ.update(kept)
