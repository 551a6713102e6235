import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kit import arrays
from kit.arrays import load_array, opened_arrays

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def npy(array: np.ndarray, **changed: object) -> bytes:
    """Return the bytes of a .npy file; `changed` replaces parts of its header."""
    header = {
        "descr": np.lib.format.dtype_to_descr(array.dtype),
        "fortran_order": False,
        "shape": array.shape,
    }
    raw = io.BytesIO()
    np.lib.format.write_array_header_1_0(raw, {**header, **changed})
    return raw.getvalue() + array.tobytes()


def npz(**entries: bytes) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(f"{name}.npy", content)
    return raw.getvalue()


def opened(content: bytes) -> dict[str, np.ndarray]:
    with opened_arrays(content) as file:
        return dict(file)


def test_arrays_are_what_numpy_wrote(tmp_path: Path) -> None:
    raw = io.BytesIO()
    np.savez_compressed(raw, a=VALUES, b=np.empty((0, 3)))
    found = opened(raw.getvalue())
    np.testing.assert_array_equal(found["a"], VALUES)
    assert found["b"].shape == (0, 3)
    np.save(tmp_path / "a.npy", np.asfortranarray(VALUES))
    np.testing.assert_array_equal(load_array(tmp_path / "a.npy"), VALUES)


@pytest.mark.parametrize("shape", [(10**12,), (10**9, 10**9), (3, 5), (2, 4), (2**62, 4)], ids=str)
def test_a_header_that_declares_another_size(tmp_path: Path, shape: tuple[int, ...]) -> None:
    (tmp_path / "a.npy").write_bytes(npy(VALUES, shape=shape))
    with pytest.raises(ValueError, match=r"it declares [\d,]+ bytes of an array and has 48$"):
        load_array(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="it declares"):
        opened(npz(a=npy(VALUES, shape=shape)))


def test_an_array_of_python_objects(tmp_path: Path) -> None:
    raw = io.BytesIO()
    np.save(raw, np.array([{}, None], object), allow_pickle=True)
    (tmp_path / "a.npy").write_bytes(raw.getvalue())
    with pytest.raises(ValueError, match="it holds Python objects, which kit does not load"):
        load_array(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="it holds Python objects, which kit does not load"):
        opened(npz(a=raw.getvalue()))


def test_a_decompression_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = np.zeros(1 << 20, np.uint8)
    assert opened(npz(a=npy(zeros)))["a"].shape == zeros.shape
    monkeypatch.setattr(arrays, "LITTLE", 1 << 20)
    with pytest.raises(ValueError, match=r"it unpacks to 1,048,704 bytes, expected at most 1,048,576"):
        opened(npz(a=npy(zeros)))


@pytest.mark.parametrize("content", [b"", b"no array", b"\x80\x04N.", b"\x93NUMPY\x09\x00"])
def test_what_is_no_array(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"array|magic|EOF"):
        load_array(tmp_path / "a.npy")
    with pytest.raises(ValueError, match=r"array|magic|EOF"):
        opened(npz(a=content))


def test_an_entry_that_is_no_array() -> None:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as file:
        file.writestr("history", b"{}")
    with pytest.raises(ValueError, match="magic"):
        opened(raw.getvalue())
