"""Small competitions for tests of `kit init`, and what an inspection concludes of them."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from kit.data.inspection import Conclusions, Question, inspect


def write_csv(path: Path, header: Sequence[str] | None, rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([*([header] if header else []), *rows])


def write_images(
    folder: Path, names: Iterable[str], size: tuple[int, int] = (8, 8), colour: object = (200, 30, 30)
) -> None:
    """Write images of one colour; a number makes them grey. `size` is (width, height)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(folder / name)  # type: ignore[arg-type]  # int or tuple


def pixel_rows(
    rows: int, pixels: int, labels: Sequence[object] = (), *, last: bool = False
) -> list[list[object]]:
    """Return rows of random pixels, with the labels in turn first or last."""
    drawn: list[list[object]] = np.random.default_rng(0).integers(0, 256, (rows, pixels)).tolist()
    if not labels:
        return drawn
    marks = [labels[row % len(labels)] for row in range(rows)]
    pairs = zip(marks, drawn, strict=True)
    return [[*row, mark] if last else [mark, *row] for mark, row in pairs]


def conclude(
    folder: Path, slug: str = "unknown", *, answer: str | None = None, wanted: str | None = None
) -> Conclusions:
    def ask(question: Question) -> str | None:
        assert answer is None or answer in [choice.word for choice in question.choices]
        return answer

    return inspect(folder, slug, ask, wanted)


def values(found: Conclusions) -> dict[str, object]:
    """Return the concluded keys, without the name of their section."""
    return {one.key.partition(".")[2]: one.value for one in found.settings}


def lines(found: Conclusions) -> dict[str, str]:
    return {line.topic: line.text for line in found.lines}
