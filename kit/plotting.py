"""Reproducible figures, independent of the user's matplotlib backend, matplotlibrc and styles."""

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

_USER_VARIABLES = ("MPLBACKEND", "MATPLOTLIBRC", "MPLCONFIGDIR")


@contextmanager
def figure(**options: Any) -> Iterator["Figure"]:
    """Yield a figure to save as PNG or SVG inside the block, with matplotlib's default settings.

    The same drawing gives the same bytes. Nothing is written to stderr. Afterwards the settings of the
    process are restored.

    Args:
        options: keyword arguments of matplotlib's `Figure`.
    """
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            # For example about a character that the font lacks.
            warnings.simplefilter("ignore")
            _import()
            import matplotlib
            from matplotlib.figure import Figure

            with matplotlib.rc_context():
                matplotlib.rcdefaults()
                # Otherwise ids in an SVG are random.
                matplotlib.rcParams["svg.hashsalt"] = "kit"
                yield Figure(**options)
    finally:
        log.setLevel(level)


def _import() -> None:
    """Import matplotlib, even if the user's settings, which it reads on import, are invalid."""
    try:
        importlib.import_module("matplotlib.figure")
    except Exception:
        # Import again without the variables, and without a matplotlibrc in the working folder.
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]
        saved = {name: os.environ.pop(name) for name in _USER_VARIABLES if name in os.environ}
        os.environ["MPLCONFIGDIR"] = str(scratch())
        try:
            with chdir(scratch()):
                importlib.import_module("matplotlib.figure")
        finally:
            del os.environ["MPLCONFIGDIR"]
            os.environ.update(saved)
