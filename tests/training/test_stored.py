import sys
from pathlib import Path

import numpy as np
import pytest

from kit.config import Cnn, Stage
from kit.errors import KitError, UserError
from kit.training.stored import StoredNetwork, predict_stored

# A predictor that answers in milliseconds: the mean pixel of each image is the probability of class 1.
PROGRAM = """
import sys
import numpy as np
from kit.training.wire import pack_message, read_message
message = read_message(sys.stdin.buffer)
images = np.frombuffer(message.blobs[0], np.uint8).reshape(message.fields["shape"])
def send(fields, *blobs):
    sys.stdout.buffer.write(pack_message(fields, *blobs))
    sys.stdout.buffer.flush()
send({"loaded": True})
for network in message.fields["networks"]:
    if network["path"] == "broken":
        send({"failed": "ValueError: no zip"})
        break
    if network["path"] == "fatal":
        sys.exit("out of memory")
    share = np.float32(images.reshape(len(images), -1).mean(axis=1) / 255)
    probs = np.stack([1 - share, share], axis=1)
    send({"shape": probs.shape}, probs.tobytes())
"""
IMAGES = np.stack([np.zeros((4, 4, 1), np.uint8), np.full((4, 4, 1), 255, np.uint8)])


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    path = tmp_path / "predictor.py"
    root = Path(__file__).parents[2]
    path.write_text(f"import sys; sys.path.insert(0, {str(root)!r})\n{PROGRAM}")
    return [sys.executable, str(path)]


def network(path: str) -> StoredNetwork:
    return StoredNetwork(Path(path), Cnn(stages=(Stage(filters=2),)), views=False)


def test_each_network_gives_probabilities(program: list[str]) -> None:
    stages: list[str] = []
    results = predict_stored([network("a"), network("b")], IMAGES, "tensorflow", stages.append, program)
    assert [one.tolist() for one in results] == [[[1, 0], [0, 1]]] * 2
    assert stages == ["loading tensorflow", "network 1 of 2", "network 2 of 2"]


def test_a_network_that_cannot_be_read_is_named(program: list[str]) -> None:
    with pytest.raises(UserError, match="broken: this network cannot be loaded") as caught:
        predict_stored([network("a"), network("broken")], IMAGES, "tensorflow", lambda _: None, program)
    assert "received ValueError: no zip" in str(caught.value)


def test_a_process_that_ends_early_is_an_error_with_its_last_words(program: list[str]) -> None:
    with pytest.raises(KitError, match="ended with code 1\nreceived out of memory"):
        predict_stored([network("fatal")], IMAGES, "tensorflow", lambda _: None, program)
