"""A worker that trains the same networks in Keras's own layers, for `accuracy`."""

import keras

from kit.config import Cnn
from kit.models.cnn import build_cnn
from kit.training import network, worker
from kit.training.job import Job


def build(job: Job, spec: Cnn) -> keras.Model:
    return build_cnn(spec, job.shape, job.classes)


if __name__ == "__main__":
    network._build = build
    worker.main()
