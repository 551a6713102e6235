"""The same network in PyTorch, augmented in one `grid_sample` a batch.

`python -m tests.benchmarks.plain_torch CONFIG FOLDER EPOCHS PRECISION` prints the seconds of each epoch.
float32: batch 64, as people write it. bfloat16: autocast, batch 256, channels last, the fastest seen here.
"""

import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from kit.config import Augmentation, Cnn, load


def network(spec: Cnn, side: int, classes: int) -> nn.Sequential:
    """Build a network with batch norm after the activation or none, and no head, as both benchmarks do."""
    parts: list[nn.Module] = []
    channels = 1
    for stage in spec.stages:
        padding = 0 if stage.padding == "valid" else stage.kernel // 2
        parts.append(nn.Conv2d(channels, stage.filters, stage.kernel, stage.stride, padding))
        parts.append(nn.ReLU())
        if stage.batch_norm != "none":
            parts.append(nn.BatchNorm2d(stage.filters))
        if stage.dropout:
            parts.append(nn.Dropout(stage.dropout))
        side, channels = (side + 2 * padding - stage.kernel) // stage.stride + 1, stage.filters
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(channels * side**2, classes))


def augmented(images: torch.Tensor, ranges: Augmentation) -> torch.Tensor:
    unit = torch.rand(5, len(images), device=images.device) * 2 - 1
    turn, shear = math.radians(ranges.rotation) * unit[0], torch.tan(math.radians(ranges.shear) * unit[1])
    zoom, right, down = 1 + ranges.zoom * unit[2], 2 * ranges.shift * unit[3], 2 * ranges.shift * unit[4]
    cos, sin = torch.cos(turn) / zoom, torch.sin(turn) / zoom
    rows = [torch.stack([cos, shear * cos - sin, right], 1), torch.stack([sin, shear * sin + cos, down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def main(config: str, folder: Path, epochs: int, precision: str) -> None:
    spec = load(config).models["cnn"]
    if not isinstance(spec, Cnn):
        raise TypeError(config)
    fast, device = precision == "bfloat16", "cuda" if torch.cuda.is_available() else "cpu"
    layout = torch.channels_last if fast else torch.contiguous_format
    images = torch.from_numpy(np.load(folder / "train_images.npy").transpose(0, 3, 1, 2)).to(device)
    labels = torch.from_numpy(np.load(folder / "train_labels.npy")).long().to(device)
    model = network(spec, images.shape[-1], 10).to(device, memory_format=layout)
    optimizer, batch = torch.optim.Adam(model.parameters()), 256 if fast else 64
    seconds = []
    for _ in range(epochs):
        started = time.perf_counter()
        total = torch.zeros((), device=device)
        for rows in torch.randperm(len(images), device=device).split(batch):
            inputs = augmented(images[rows].float() / 255, spec.augmentation).to(memory_format=layout)
            with torch.autocast(device, torch.bfloat16, enabled=fast):
                loss = functional.cross_entropy(model(inputs), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        float(total)  # Waits for a GPU.
        seconds.append(time.perf_counter() - started)
    print(json.dumps(seconds))  # noqa: T201 - what the parent reads


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
