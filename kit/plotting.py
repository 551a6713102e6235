"""Reproducible figures, independent of the user's matplotlib settings, and what their colours mean.

A colour means the same in every plot and on every page. The colours follow Okabe and Ito (2008). Series of
one plot also differ by marker or line style, for people who cannot distinguish the colours.
"""

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.scratch import scratch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT, SOFT, LINE, BACKGROUND = "#1b2027", "#57606a", "#d5dae1", "#ffffff"
"""Text; baselines, references and labels (grey); axes and grid; what is behind a plot."""
PLAIN = "#005f9e"
"""The ensemble of a run, the trials of a study, and whatever needs no colour of its own."""
BEST = "#008a5e"
"""What is best or was chosen: the best trial, a confirmed one, the method that the ensemble uses."""
WRONG = "#b83b00"
"""Errors, and what is worse or was given up: a worse trial, a pruned one."""
MODELS = ("#b07d00", "#cc5f96", "#2e9bd6", TEXT)
"""Models of a run, or runs that are compared. Training and held-out rows differ by line style alone."""
PALETTE = {
    TEXT: ("text", "#e6ebf1"),
    SOFT: ("soft", "#a3adb9"),
    LINE: ("line", "#36404b"),
    BACKGROUND: ("card", "#171c22"),
    PLAIN: ("plain", "#4fa8e8"),
    BEST: ("best", "#35c79b"),
    WRONG: ("wrong", "#ff7a45"),
    MODELS[0]: ("model-1", "#f0c14a"),
    MODELS[1]: ("model-2", "#f2a0d8"),
    MODELS[2]: ("model-3", "#b4e0fa"),
}
"""Name of the variable on pages, and the colour on a dark page, by colour."""
CHOSEN = "D"
"""Marker of what is best or was chosen, and of the ensemble."""
_MARKERS = ("o", "s", "^", "v", "P", "X", "p")
_USER_VARIABLES = ("MPLBACKEND", "MATPLOTLIBRC", "MPLCONFIGDIR")


class Mark(NamedTuple):
    """Colour and marker of a model, or of a run that is compared."""

    color: str
    marker: str


def marks(names: Sequence[str]) -> dict[str, Mark]:
    """Return the mark of each model by name: the same names in the same order give the same marks."""
    return {
        name: Mark(MODELS[at % len(MODELS)], _MARKERS[at % len(_MARKERS)]) for at, name in enumerate(names)
    }


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
