"""Decode image files into arrays on disk."""

import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from kit import config
from kit.cores import cores
from kit.errors import UserError
from kit.files import atomic

MOST_PIXELS = 89_478_485
"""Pixels of an image file; more may be an attempt to fill the memory. It is Pillow's limit."""
_CHUNK = 16
"""Images per task of a thread: fewer would cost time, more would delay progress and Ctrl-C."""
_PROGRESS_SECONDS = 0.2
_WIDE = {"I", "F"}
_BACKGROUND = 255
"""What transparent pixels show."""

Pixels = NDArray[np.uint8]
Change = Callable[[Image.Image], Image.Image]
Fault = tuple[Path, str]
"""A broken image, and what is wrong with it."""


class BrokenImageError(Exception):
    """An image file that cannot be decoded; the message says why."""


def decode_files(
    parts: Sequence[tuple[Sequence[Path], Path]],
    image: config.Image,
    *,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    broken: Path | None = None,
) -> None:
    """Decode image files into .npy files, each with a (files, height, width, channels) uint8 array.

    The memory it takes does not depend on the number of files. All files are tried, broken ones too.

    Args:
        parts: image files, one per row, and the .npy file that they become; this is absent after an error.
        image: height, width, channels and fit.
        workers: number of threads; None: one per core. Pillow decodes and resizes without Python's lock.
        on_progress: receives the number of finished and of all images, several times per second.
        broken: file that lists the broken images; removed if there are none; None: no list.

    Raises:
        UserError: some images are broken (the first one, and how many), or the disk is full.
    """
    total = sum(len(files) for files, _ in parts)
    progress = _Progress(total, on_progress)
    faults = list[Fault]()
    try:
        with _strict():
            for files, out in parts:
                faults += _write(files, out, image, workers or cores(), progress)
        if faults:
            raise _all_faults(faults, total, broken)
        if broken is not None:
            with suppress(OSError):
                broken.unlink(missing_ok=True)
    except BaseException:
        for _, out in parts:
            out.unlink(missing_ok=True)
        raise


@dataclass
class _Progress:
    total: int
    report: Callable[[int, int], None]
    done: int = 0
    reported: float = 0.0

    def step(self) -> None:
        self.done += 1
        if time.monotonic() - self.reported >= _PROGRESS_SECONDS or self.done == self.total:
            self.report(self.done, self.total)
            self.reported = time.monotonic()


def _write(
    files: Sequence[Path], out: Path, image: config.Image, workers: int, progress: _Progress
) -> list[Fault]:
    """Write the array of files; a broken image is black. Return the faults."""
    shape = (len(files), *shape_of(image), image.channels)
    blank, faults = np.zeros(shape[1:], np.uint8), list[Fault]()
    try:
        # Not a memory map: its pages would count as memory of this process.
        with out.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for path, pixels in _decoded(files, image, workers):
                if isinstance(pixels, str):
                    faults.append((path, pixels))
                file.write(blank.data if isinstance(pixels, str) else pixels.data)
                progress.step()
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror or error}", where=str(out)) from error
    return faults


def shape_of(image: config.Image) -> tuple[int, int]:
    """Return height and width of decoded images."""
    return (image.size, image.size) if isinstance(image.size, int) else image.size


def decode_file(path: Path, image: config.Image, change: Change = lambda same: same) -> Pixels:
    """Return one image file as (height, width, channels) uint8.

    Args:
        path: of the file.
        image: height, width, channels and fit.
        change: is applied before the image is made to fit, in mode L or RGB.

    Raises:
        BrokenImageError: it cannot be decoded.
    """
    with _strict():
        return _pixels(path, image, change)


@contextmanager
def _strict() -> Iterator[None]:
    """Make Pillow refuse what is too large, and keep its other warnings from the terminal."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
        yield


def _decoded(files: Sequence[Path], image: config.Image, workers: int) -> Iterator[tuple[Path, Pixels | str]]:
    """Yield each file, in order, with its pixels or its fault."""
    pool = ThreadPoolExecutor(workers)
    waiting = deque[Future[list[tuple[Path, Pixels | str]]]]()
    try:
        for start in range(0, len(files), _CHUNK):
            waiting.append(pool.submit(_chunk, files[start : start + _CHUNK], image))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _chunk(files: Sequence[Path], image: config.Image) -> list[tuple[Path, Pixels | str]]:
    return [(path, _pixels_or_fault(path, image)) for path in files]


def _pixels_or_fault(path: Path, image: config.Image) -> Pixels | str:
    try:
        return _pixels(path, image)
    except BrokenImageError as error:
        return str(error)


def _pixels(path: Path, image: config.Image, change: Change = lambda same: same) -> Pixels:
    height, width = shape_of(image)
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            # A jpeg is decoded at 1/2, 1/4 or 1/8 of its size, which is never smaller than the result.
            opened.draft(None, (max(height, width), max(height, width)))
            ImageOps.exif_transpose(opened, in_place=True)
            plain = _plain(opened, "L" if image.channels == 1 else "RGB")
            fitted = _fitted(change(plain), width, height, image.fit)
            return np.asarray(fitted).reshape(height, width, image.channels)
    except BrokenImageError:
        raise
    # The decoders of broken files raise errors of any type.
    except Exception as error:
        raise BrokenImageError(_fault(path, error)) from error


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """Return the image in mode L or RGB; 16 bits are scaled to 8, transparent pixels become white."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray(((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8))
    if image.mode in _WIDE:
        raise BrokenImageError("it has 32 bits per channel, expected 8 or 16")
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, (_BACKGROUND,) * 4)
        image = Image.alpha_composite(opaque, image.convert("RGBA"))
    return image.convert(mode)


def _fitted(image: Image.Image, width: int, height: int, fit: str) -> Image.Image:
    if image.size == (width, height):
        return image
    if fit == "stretch":
        return _resized(image, width, height)
    factor = min(width / image.width, height / image.height)
    inner = _resized(image, max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    framed = Image.new(image.mode, (width, height))
    framed.paste(inner, ((width - inner.width) // 2, (height - inner.height) // 2))
    return framed


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    # With a gap of 3, the fast first step changes no pixel visibly (Pillow's documentation).
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _fault(path: Path, error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has too many pixels, expected at most {MOST_PIXELS:,}"
    if path.is_symlink() and not path.exists():
        return "it is a link to a file that does not exist"
    if isinstance(error, OSError) and error.errno:
        return f"cannot be read: {error.strerror}"
    if path.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return f"not an image, it starts with {path.open('rb').read(8)!r}"
    return f"the image is truncated or damaged ({error})"


def _all_faults(faults: Sequence[Fault], total: int, broken: Path | None) -> UserError:
    path, fault = faults[0]
    hint = "replace it, or remove it from the data"
    if broken is not None:
        # Without the list, the message still has the first one and the number.
        with suppress(OSError), atomic(broken) as file:
            file.write("".join(f"{path}: {fault}\n" for path, fault in faults).encode(errors="replace"))
            hint = f"{broken} lists all of them" if len(faults) > 1 else hint
    more = f"; {len(faults):,} of {total:,} images are broken" if len(faults) > 1 else ""
    return UserError(f"{fault}{more}", where=str(path), hint=hint)
