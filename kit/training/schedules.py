"""The learning rate of each step."""

import numpy as np
from numpy.typing import NDArray

from kit.config import Training


def learning_rates(training: Training, steps_per_epoch: int) -> NDArray[np.float32]:
    """Return the learning rate of each step, (epochs * steps_per_epoch,) float32.

    one_cycle: linear to the peak in the first `warmup` of all steps, then linear to 0 (Smith, arXiv
    1708.07120).
    cosine: the same rise, then half a cosine to 0 (Loshchilov and Hutter, arXiv 1608.03983).
    exponential: the peak times `decay` to the power of the epoch, counted from 0. constant: the peak.
    """
    steps = training.epochs * steps_per_epoch
    # The middle of each step, so that neither the first nor the last step has rate 0.
    done = (np.arange(steps) + 0.5) / steps
    factor: NDArray[np.floating]
    match training.schedule:
        case "constant":
            factor = np.ones_like(done)
        case "exponential":
            factor = training.decay ** np.repeat(np.arange(training.epochs), steps_per_epoch)
        case "one_cycle" | "cosine":
            fall = (1 - done) / (1 - training.warmup)
            if training.schedule == "cosine":
                fall = (1 - np.cos(np.pi * np.clip(fall, 0, 1))) / 2
            rise = done / max(training.warmup, done[0])
            factor = np.where(done < training.warmup, rise, fall)
    return (training.learning_rate * factor).astype(np.float32)
