"""Any bytes in place of a run's arrays and tables: an error names the file, and what is read is finite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit import images
from kit.images import Images
from kit.members import Member
from kit.run_folder import Run
from tests.fuzz.searching import accepted, damaged, examples, search

TOKENS = (
    *(
        b"\0",
        b"\xff",
        b"again",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"\x93NUMPY",
        b"'descr': '|O'",
        b"<f8",
        b"<f4",
        b"|O",
    ),
    *(
        b"(2,)",
        b"(-1,)",
        b"(99999999999,)",
        b"True",
        b"\x7f\xc0\0\0",
        b'{"version": 2',
        b"[" * 5000,
        b"nan",
        b",",
    ),
    *(b"\n", b'"', b"1e999", b"-1", b"9" * 400, b"9" * 5000, b"\xef\xbb\xbf", b"row,label", b"\r"),
)


@pytest.fixture
def run(example: Callable[..., Any]) -> Run:
    written: Run = example().write()
    image = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    written.write_images(Images({3: image}, {1: image}))
    return written


def search_file(path: Path, read: Callable[[], object], check: Callable[[Any], None], examples: int) -> None:
    """Damage one file of the run; check what is read from it."""
    valid, files = path.read_bytes(), sorted(path.parent.iterdir())

    def one(raw: bytes) -> None:
        path.write_bytes(raw)
        found = accepted(read, str(path))
        assert path.read_bytes() == raw
        assert sorted(path.parent.iterdir()) == files
        if found is not None:
            check(found)

    search(one, damaged([valid], TOKENS), examples)


@examples
def test_a_member(run: Run, examples: int) -> None:
    member = Member("cnn", 0, 0)
    good = run.read_member(member)

    def check(found: Any) -> None:
        assert run.has(member)
        assert np.array_equal(found.val_rows, good.val_rows)
        assert np.array_equal(found.val_probs, good.val_probs)
        assert np.array_equal(found.test_probs, good.test_probs)
        assert found.history == good.history

    search_file(run.member_path(member), lambda: run.read_member(member), check, examples)


@examples
def test_the_folds(run: Run, examples: int) -> None:
    def check(found: Any) -> None:
        assert found.dtype == np.int8
        assert found.ndim == 2

    search_file(run.folds_path, run.read_folds, check, examples // 5)


@examples
def test_the_images(run: Run, examples: int) -> None:
    def check(found: Any) -> None:
        for row, image in [*found.train.items(), *found.test.items()]:
            assert type(row) is int
            assert (image.dtype, image.ndim) == (np.uint8, 3)

    search_file(run.images_path, lambda: images.read(run.images_path), check, examples // 5)


@examples
def test_the_oof_table(run: Run, examples: int) -> None:
    def check(found: Any) -> None:
        assert found.probs.shape == (len(found.labels), len(found.names))
        assert np.isfinite(found.probs).all()
        assert len({*found.names}) == len(found.names)
        assert found.probs.min() >= 0

    search_file(run.oof_path, run.read_oof, check, examples // 5)
