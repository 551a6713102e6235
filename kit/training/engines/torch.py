"""PyTorch: an eager loop over the steps; loss and accuracy stay on the device until the epoch ends."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kit.training.engines.base import Pace, TrainingState, batch_accuracy


class TorchEngine:
    """See `Engine`."""

    def __init__(self, state: TrainingState) -> None:
        self.state, self.model, self.optimizer = state, state.model, state.optimizer
        self.pace = Pace()
        # Keras places its variables there too.
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.images, self.targets = self._tensor(state.images), self._tensor(state.targets)

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        # A copy: torch warns about read-only memory, such as a memory map.
        return torch.from_numpy(np.array(array)).to(self.device)

    def epoch(self, order: NDArray[np.int32], on_steps: Callable[[int], None]) -> tuple[float, float]:
        """See `Engine`."""
        variables = self.model.trainable_variables
        loss_sum, accuracy_sum = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        batches = self._tensor(order).long()
        for first, stop in self.pace.parts(len(order)):
            for rows in batches[first:stop]:
                logits = self.model(self.images[rows], training=True)
                loss = self.state.loss(logits, self.targets[rows]) + sum(self.model.losses)
                self.model.zero_grad()
                loss.backward()
                with torch.no_grad():
                    self.optimizer.apply([variable.value.grad for variable in variables], variables)
                loss_sum += loss.detach()
                accuracy_sum += batch_accuracy(logits.detach(), self.targets[rows])
            float(loss_sum)  # wait for the device
            on_steps(stop)
        return float(loss_sum) / len(order), float(accuracy_sum) / len(order)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        with torch.no_grad():
            result: NDArray[np.float32] = self.model(self._tensor(images), training=False).cpu().numpy()
        return result
