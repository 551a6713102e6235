"""The process that predicts new images with stored networks: `python -m kit.training.predictor`.

Messages have the format of `kit.training.wire`. stdin: one message with the networks (see
`kit.training.stored.StoredNetwork`) and the shape of the images, which are its only blob.
stdout: a message without blobs once the libraries are loaded, then one message per network with its
probabilities, or the reason why it is refused or cannot predict. Output of libraries goes to stderr.
"""

import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from kit.config import Network
from kit.errors import UserError
from kit.training.wire import Message, pack_message, read_message

if TYPE_CHECKING:
    import keras


def main() -> None:
    """Answer the message on stdin."""
    # Keras imports matplotlib if it is installed; nothing here draws plots, and the import takes 0.6 s.
    sys.modules["matplotlib"] = None  # type: ignore[assignment]  # the documented way to make an import fail
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    message = read_message(sys.stdin.buffer)
    if message is not None:
        answer(message, out)


def answer(message: Message, out: IO[bytes]) -> None:
    """Predict, and write one message per network to `out`."""
    from kit.training.determinism import make_deterministic

    make_deterministic()
    _send(out, {"loaded": True})
    images = np.frombuffer(message.blobs[0], np.uint8).reshape(message.fields["shape"])
    for network in message.fields["networks"]:
        try:
            spec = TypeAdapter[Network](Network).validate_python(network["model"])
            probs = probabilities(images, network["path"], spec, views=network["views"])
        except UserError as error:
            refused = {"what": error.what, "expected": error.expected, "received": error.received}
            _send(out, {"refused": {**refused, "hint": error.hint}})
            return
        except Exception as error:  # whatever Keras raises for a file that it cannot read
            _send(out, {"failed": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]:.200}"})
            return
        _send(out, {"shape": probs.shape}, probs.tobytes())


def probabilities(images: NDArray[np.uint8], path: str, spec: Network, *, views: bool) -> NDArray[np.float32]:
    """Return the probabilities of a stored network, (rows, classes), computed as after its training.

    Args:
        images: (rows, height, width, channels).
        path: of the .keras file.
        spec: its configuration. Training deskews before the views, so that the deskewing inside the stored
            model cannot be used.
        views: whether to return the mean over the views of test-time augmentation.

    Raises:
        UserError: the file holds something else than a network of kit; nothing of it was loaded.
    """
    import keras

    from kit.models.augmentation import deskew, views_of
    from kit.models.keras_file import check_keras_file
    from kit.models.standalone import network_of
    from kit.training.prediction import predict, predict_views

    check_keras_file(Path(path))
    keras.utils.clear_session()
    network = _Loaded(network_of(keras.saving.load_model(path, compile=False, safe_mode=True)))
    if spec.deskew:
        images = deskew(images)
    plain = predict(network, images)
    return predict_views(network, images, plain, views_of(spec.augmentation)) if views else plain


class _Loaded:
    """A network without its training loop; see `kit.training.prediction.Predictor`."""

    def __init__(self, network: "keras.Model") -> None:
        self._network = network

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (batch, classes) for (batch, height, width, channels)."""
        # Compiled: in bfloat16, single operations take three times as long, and round more often.
        return np.asarray(self._network.predict_on_batch(images.astype(np.float32)), np.float32)


def _send(out: IO[bytes], fields: dict[str, Any], *blobs: bytes) -> None:
    out.write(pack_message(fields, *blobs))
    out.flush()


if __name__ == "__main__":
    main()
