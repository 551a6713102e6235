"""The files with the weights of pretrained networks."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from kit.config import Model, Pretrained
from kit.errors import UserError
from kit.files import expanded
from kit.models.backbones import BACKBONES

DOWNLOAD_SECONDS = 600
"""Longest time that a download may take."""


def located(model: Model, name: str) -> Model:
    """Return `model` with the absolute path of its weights, which are downloaded if need be.

    Args:
        model: any model; only a pretrained one has weights.
        name: of the model in the configuration.

    Raises:
        UserError: there is no such file, or the weights of ImageNet cannot be downloaded.
    """
    if not isinstance(model, Pretrained) or model.weights is None:
        return model
    where = f"models.{name}.weights"
    path = _of_imagenet(model.name, where) if model.weights == "imagenet" else Path(expanded(model.weights))
    if not path.is_file():
        hint = "write a path relative to the working folder, or `weights: imagenet`"
        raise UserError("there is no such file", where=where, received=str(path), hint=hint)
    return model.model_copy(update={"weights": str(path.absolute())})


def _of_imagenet(network: str, where: str) -> Path:
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"
    path = folder / BACKBONES[network].file
    code = f"import keras; keras.applications.{network}(include_top=False)"
    if not path.is_file():
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=DOWNLOAD_SECONDS,
            )
    if not path.is_file():
        raise UserError(
            f"the ImageNet weights of {network} are not here, and the download failed",
            where=where,
            expected=str(path),
            hint=f'on a machine with network: python -c "{code}"; then copy the file, or set weights: FILE',
        )
    return path
