"""A worker that trains the same networks in Keras's own layers, for `accuracy`."""

from kit.models.layers import PLAIN, Layers
from kit.training import network, worker


def layers(policy: str) -> Layers:
    del policy
    return PLAIN


if __name__ == "__main__":
    setattr(network, "engine_layers", layers)  # noqa: B010 - what a module imports is not exported
    worker.main()
