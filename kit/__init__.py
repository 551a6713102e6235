"""kit: from train.csv to a Kaggle score, with a reliable out-of-fold (OOF) estimate of it.

In a notebook:

    import kit

    run = kit.cv("quick", set={"training.epochs": 2})   # train; displays its progress
    run                                                 # displays the report
    run.oof                                             # a pandas DataFrame
    kit.runs()                                          # all runs in this folder

Each function imports what it needs when it is called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kit.errors import KitError, UserError

if TYPE_CHECKING:
    from kit.notebook.api import compare, cv, ensemble, fetch, open_run, runs, submit, tune
    from kit.notebook.comparison import Comparison
    from kit.notebook.figures import Figure
    from kit.notebook.run import Run
    from kit.notebook.study import Study

__version__ = "0.1.0"
__all__ = [
    "Comparison",
    "Figure",
    "KitError",
    "Run",
    "Study",
    "UserError",
    "__version__",
    "compare",
    "cv",
    "ensemble",
    "fetch",
    "open_run",
    "runs",
    "submit",
    "tune",
]

_MODULES = {"Comparison": "comparison", "Figure": "figures", "Run": "run", "Study": "study"} | dict.fromkeys(
    ("compare", "cv", "ensemble", "fetch", "open_run", "runs", "submit", "tune"), "api"
)
"""The module in `kit.notebook` of each name that is imported when it is first used."""


if not TYPE_CHECKING:  # For a type checker, every attribute would exist.

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module 'kit' has no attribute {name!r}")
        return getattr(import_module(f"kit.notebook.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
