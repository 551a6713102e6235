"""What reading a damaged file may raise."""

import lzma
import struct
import zlib
from tokenize import TokenError
from zipfile import BadZipFile

ARRAY_ERRORS = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError),
    *(MemoryError, SyntaxError, TokenError, BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)
"""Of a .npy or .npz file: NumPy parses its header as Python, and believes the sizes in it."""
