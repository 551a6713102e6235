"""Modules that are imported when they are first used."""

from importlib import import_module
from typing import Any


class LazyModule:
    """A module that is imported with the first access to one of its attributes.

    For NumPy in modules that `kit report` imports: it takes a third of the time of that command, which
    computes nothing.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
