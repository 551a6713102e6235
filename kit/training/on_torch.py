"""PyTorch: an eager loop over an epoch's steps; figures stay on the device until the epoch ends."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kit.training.engines import Student, hits


class TorchEngine:
    """See `Engine`."""

    def __init__(self, student: Student) -> None:
        self.student, self.model, self.optimizer = student, student.model, student.optimizer
        # Keras puts its variables there too.
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.images, self.targets = self._tensor(student.images), self._tensor(student.targets)

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        # A copy: torch warns of memory that may not be written (np.load with a memory map).
        return torch.from_numpy(np.array(array)).to(self.device)

    def epoch(self, order: NDArray[np.int32]) -> tuple[float, float]:
        """See `Engine`."""
        variables = self.model.trainable_variables
        loss_sum, hit_sum = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        for rows in self._tensor(order).long():
            logits = self.model(self.images[rows][..., None], training=True)
            loss = self.student.loss(logits, self.targets[rows]) + sum(self.model.losses)
            self.model.zero_grad()
            loss.backward()
            with torch.no_grad():
                self.optimizer.apply([variable.value.grad for variable in variables], variables)
            loss_sum += loss.detach()
            hit_sum += hits(logits.detach(), self.targets[rows])
        return float(loss_sum) / len(order), float(hit_sum) / len(order)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        with torch.no_grad():
            result: NDArray[np.float32] = (
                self.model(self._tensor(images)[..., None], training=False).cpu().numpy()
            )
        return result
