"""Damaged arrays of a run are refused by name, whatever NumPy raises for them."""

import io
from pathlib import Path

import numpy as np
import pytest

from kit import images
from kit.errors import UserError
from kit.members import Member
from kit.run_folder import Run

MEMBER = Member("cnn", 0, 0)


def stored(header: bytes) -> bytes:
    """Return a .npy file with this header and no values."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


ARRAYS = {
    "empty": b"",
    "no brackets": stored(b"{'descr': '|i1', 'fortran_order': False, 'shape': (2,\n"),
    "indented": stored(b"\n  {'descr': '|i1', 'fortran_order': False, 'shape': (0, 0)}\n"),
    "objects": stored(b"{'descr': '|O', 'fortran_order': False, 'shape': (0, 0)}\n"),
    "far too large": stored(b"{'descr': '|i1', 'fortran_order': False, 'shape': (99999999, 99999999)}\n"),
    "zip without a directory": b"PK\x03\x04",
}


@pytest.mark.parametrize("content", ARRAYS.values(), ids=ARRAYS.keys())
def test_a_damaged_array_is_named(content: bytes, tmp_path: Path) -> None:
    run = Run(tmp_path)
    for path in (run.folds_path, run.member_path(MEMBER), run.images_path):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"folds\.npy: missing or damaged"):
        run.read_folds()
    with pytest.raises(UserError, match=r"cnn-f0-s0\.npz: missing or damaged"):
        run.read_member(MEMBER)
    with pytest.raises(UserError, match=r"images\.npz: missing or damaged"):
        images.read(run.images_path)
    assert not run.has(MEMBER)


@pytest.mark.parametrize("array", [np.zeros(3, np.int8), np.zeros((2, 3), np.float32)])
def test_folds_are_a_table_of_small_integers(
    array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]", tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    run = Run(tmp_path)
    run.folds_path.write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match=r"folds\.npy: missing or damaged"):
        run.read_folds()
