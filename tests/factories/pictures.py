"""Files as people bring them."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image


def picture(grey: int = 128, side: int = 240) -> bytes:
    """A whole PNG, one plain shade of grey."""
    rows = (b"\0" + bytes([grey]) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def photo(grey: int = 128, size: tuple[int, int] = (320, 240), **options: Any) -> bytes:
    """A whole JPEG of one shade; `options` as Pillow's `save` takes them, such as `exif`."""
    made = BytesIO()
    Image.new("RGB", size, (grey, grey, grey)).save(made, "JPEG", **options)
    return made.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A piece of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
