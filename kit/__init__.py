"""kit: from train.csv to a Kaggle score, with a reliable out-of-fold (OOF) estimate of it.

In a notebook:

    import kit

    run = kit.cv("quick", set={"training.epochs": 2})   # train; displays its progress
    run                                                 # displays the report
    run.oof                                             # a pandas DataFrame
    kit.runs()                                          # all runs in this folder

Each function imports what it needs when it is called.
"""

# Nothing is imported here: a worker imports this file before it can import the standard library.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from kit.errors import KitError, UserError
    from kit.notebook.api import compare, cv, ensemble, open_run, runs, tune
    from kit.notebook.comparison import Comparison
    from kit.notebook.figures import Figure
    from kit.notebook.kaggle import fetch, submit
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

_MODULES = {
    "Comparison": "kit.notebook.comparison",
    "Figure": "kit.notebook.figures",
    "KitError": "kit.errors",
    "Run": "kit.notebook.run",
    "Study": "kit.notebook.study",
    "UserError": "kit.errors",
    "fetch": "kit.notebook.kaggle",
    "submit": "kit.notebook.kaggle",
}
"""The module of each name that is imported when it is first used; of the others: `kit.notebook.api`."""


if not TYPE_CHECKING:  # For a type checker, every attribute would exist.

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'kit' has no attribute {name!r}")
        from importlib import import_module

        module = _MODULES.get(name, "kit.notebook.api")
        if module != "kit.errors":
            import_module("kit.platforms").check()
        return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return __all__
