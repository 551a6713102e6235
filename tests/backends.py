"""Keras's backends as test parameters; one that is not installed is skipped."""

from importlib.util import find_spec

import pytest


def _optional(package: str, name: str) -> object:
    absent = pytest.mark.skipif(find_spec(package) is None, reason=f"{name} is not installed")
    return pytest.param(package, marks=[getattr(pytest.mark, package), absent])


BACKENDS = ["tensorflow", _optional("torch", "PyTorch"), _optional("jax", "JAX")]
