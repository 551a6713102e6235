"""Predictions of new images as a pandas DataFrame."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kit.errors import UserError
from kit.notebook.arguments import text
from kit.notebook.messages import say
from kit.pipeline.new_images import NewImages, shape_of
from kit.pipeline.predict import Prediction, check_finished, predict_files, predict_images
from kit.run_folder import Run


def predict(run: Run, images: Any, *, inverted: bool) -> pd.DataFrame:
    """Return the predictions of new images; see `kit.notebook.run.Run.predict`."""
    if isinstance(images, np.ndarray):
        check_finished(run)
        found = _as_images(images, shape_of(run))
        names = tuple(str(row) for row in range(len(found)))
        prediction = predict_images(run, NewImages(names, 255 - found if inverted else found))
        index = pd.RangeIndex(len(found), name="row")
        return _table(prediction, index)
    given = [images] if isinstance(images, str | Path) or not isinstance(images, Iterable) else list(images)
    paths = [Path(text("images", one)).expanduser() for one in given]
    if not paths:
        raise UserError("no images", where="images", expected='as in ["a.png", "b.png"]', received="none")
    prediction = predict_files(run, paths, inverted=inverted)
    return _table(prediction, pd.Index(prediction.names, name="file"))


def _as_images(images: "np.ndarray[Any, Any]", shape: tuple[int, int, int]) -> "np.ndarray[Any, Any]":
    found = images[..., np.newaxis] if shape[2] == 1 and images.shape[1:] == shape[:2] else images
    if found.dtype != np.uint8 or found.shape[1:] != shape or not len(found):
        height, width, channels = shape
        raise UserError(
            "not images of this run",
            where="images",
            expected=f"uint8 of shape (rows, {height}, {width}, {channels})",
            received=f"{images.dtype} of shape {images.shape}",
            hint="files of any size are resized: give their paths",
        )
    return found


def _table(prediction: Prediction, index: "pd.Index[Any]") -> pd.DataFrame:
    for name, warning in zip(prediction.names, prediction.warnings or (), strict=False):
        if warning:
            say(f"{name}: {warning.replace('--invert', 'invert=True')}")
    table = pd.DataFrame(prediction.probs, index, [f"p{label}" for label in prediction.labels])
    predicted = [prediction.labels[place] for place in prediction.predicted]
    whole = all(label.isdecimal() and str(int(label)) == label for label in prediction.labels)
    table.insert(0, "predicted", [int(one) for one in predicted] if whole else predicted)
    return table
