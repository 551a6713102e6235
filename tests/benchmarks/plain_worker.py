"""A worker that trains the same networks in Keras's own layers, for `accuracy`."""

import keras

from kit.config import Network
from kit.models.families import build_network
from kit.training import network, worker
from kit.training.job import Job


def build(job: Job, spec: Network) -> keras.Model:
    return build_network(spec, job.shape, job.classes)


if __name__ == "__main__":
    network._build = build
    worker.main()
