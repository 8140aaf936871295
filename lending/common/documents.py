"""Files that people bring: a JPEG, a PNG or a PDF that is whole and nothing else besides, by its content alone.

Nothing of a picture is kept but its pixels: it is read, turned as its camera said, and written anew as a JPEG. So where
and with what it was taken, previews, and whatever was hidden behind or inside it stay outside.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image, ImageOps

from lending.common.errors import Invalid

JPEG, PNG, PDF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-"
END_OF_PDF = b"%%EOF"
ZIP_END = b"PK\x05\x06"  # a zip, and so a Java program, is read from its end
MARKUP = re.compile(rb"<\s*(script|html|svg|\?php|!doctype)", re.IGNORECASE)
TAIL = 66_000  # a zip's end record stands in the last 64 KB
ACTIVE = re.compile(
    rb"/(JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA|SubmitForm|ImportData|GoToE|GoToR)(?![A-Za-z0-9_.-])"
)
LOCKED = re.compile(rb"/Encrypt(?![A-Za-z0-9_.-])")
ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")  # a name may be written so, letter by letter
STREAM = re.compile(rb"stream\r?\n")
MAX_STREAMS = 20_000  # a page has a few
PIECE = 65_536  # bytes of it at a time
MAX_UNPACKED = 64 * 1024 * 1024  # of all streams of one PDF

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000  # a telephone's camera takes 12 to 25 million
LONGEST_SIDE = 3000  # pixels of what is kept: small print on a document stays readable
QUALITY = 88
MAX_SCANS = 64  # a progressive JPEG has about ten; each costs a pass over all its pixels
BROKEN = (OSError, SyntaxError, ValueError, IndexError, KeyError, EOFError, struct.error, zlib.error, MemoryError)


class Unreadable(ValueError):
    """The text says why, for whoever sent it."""


class UnreadableFile(Invalid):
    code, title = "unreadable_file", "The file must be a whole JPEG, PNG or PDF of at most 8 MB"


@dataclass(frozen=True)
class Clean:
    """A file as it is kept. `ending`: jpg or pdf; `size`: width and height of a picture in pixels."""

    content: bytes = field(repr=False)
    ending: str
    size: tuple[int, int] | None = None


def cleaned(files: Mapping[str, bytes]) -> dict[str, Clean]:
    """Every file by its name, as it may be kept. Raises UnreadableFile with all that are wrong."""
    found, wrong = {}, {}
    for name, content in files.items():
        try:
            found[name] = clean(content)
        except Unreadable as error:
            wrong[name] = str(error)
    if wrong:
        raise UnreadableFile(fields=wrong)
    return found


def clean(content: bytes) -> Clean:
    """Raises Unreadable: empty, too large, another type, cut off, damaged, several files in one, or a picture of more
    than MAX_PIXELS.
    """
    if len(content) > MAX_FILE_BYTES:
        raise Unreadable("larger than 8 MB")
    kind = ending(content)
    if kind != "pdf":
        return _made_anew(content, "JPEG" if kind == "jpg" else "PNG")
    _check_pdf(content)
    return Clean(content, kind)


def _check_pdf(content: bytes) -> None:
    """Raises Unreadable for one that runs, sends, opens or carries something, be it said in a packed part, and for one
    that is locked, so that nobody can tell. Its bytes stay as they are: a bank's seal is over them.
    """
    if LOCKED.search(_plain(content)):
        raise Unreadable("a PDF with a password")
    if any(ACTIVE.search(_plain(part)) for part in (content, *_unpacked(content))):
        raise Unreadable("a PDF that does something")


def _plain(part: bytes) -> bytes:
    return ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), part) if b"#" in part else part


def _unpacked(content: bytes) -> Iterator[bytes]:
    """The structure that lies in packed streams. Raises Unreadable where that is more than anybody needs."""
    left, whole = MAX_UNPACKED, memoryview(content)
    for count, found in enumerate(STREAM.finditer(content)):
        if count >= MAX_STREAMS:
            raise Unreadable("damaged")
        part = _inflated(whole[found.end() :], left)
        left -= len(part)
        if left <= 0:
            raise Unreadable("a PDF that unpacks to more than 64 MB")
        yield part


def _inflated(packed: memoryview, most: int) -> bytes:
    """As much of it as can be unpacked, `most` bytes at most: nothing of a picture, or of text in clear."""
    unpacker, parts = zlib.decompressobj(), bytearray()
    for start in range(0, len(packed), PIECE):
        try:
            parts += unpacker.decompress(packed[start : start + PIECE], most - len(parts))
        except zlib.error:
            break
        if unpacker.eof or len(parts) >= most:
            break
    return bytes(parts)


def _made_anew(content: bytes, kind: str) -> Clean:
    if kind == "JPEG" and content.count(b"\xff\xda") > MAX_SCANS:
        raise Unreadable("damaged")
    try:
        with Image.open(BytesIO(content), formats=[kind]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Unreadable("more than 40 million pixels")
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is read smaller, not whole
            pixels = _upright(picture)
    except Image.DecompressionBombError:
        raise Unreadable("more than 40 million pixels") from None
    except Unreadable:
        raise
    except BROKEN:
        raise Unreadable("damaged") from None
    pixels.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    made = BytesIO()
    pixels.save(made, "JPEG", quality=QUALITY, optimize=True)
    return Clean(made.getvalue(), "jpg", pixels.size)


def _upright(picture: Image.Image) -> Image.Image:
    """Its pixels in RGB, on white where it is transparent, turned as it is to be seen; nothing else of it."""
    turned = ImageOps.exif_transpose(picture)
    if turned.mode.startswith("I"):  # sixteen bits of grey
        turned = turned.point(lambda value: value / 256).convert("L")
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        turned = turned.convert("RGBA")
        white = Image.new("RGBA", turned.size, "white")
        turned = Image.alpha_composite(white, turned)
    rgb = turned.convert("RGB")
    return Image.frombytes("RGB", rgb.size, rgb.tobytes())


def ending(content: bytes) -> str:
    """jpg, png or pdf. Raises Unreadable: empty, another type, cut off, or a second file behind the first."""
    if not content:
        raise Unreadable("empty")
    if content.startswith(JPEG):
        kind, end = "jpg", _end_of_jpeg(content)
    elif content.startswith(PNG):
        kind, end = "png", _end_of_png(content)
    elif content.startswith(PDF):
        kind, end = "pdf", content.rfind(END_OF_PDF, max(0, len(content) - 2048))
        end = end + len(END_OF_PDF) if end >= 0 else -1
    else:
        raise Unreadable("not a JPEG, PNG or PDF")
    if end < 0:
        raise Unreadable("cut off")
    behind = content[end:]
    if ZIP_END in behind[-TAIL:] or MARKUP.search(behind):
        raise Unreadable("more than one file in one")
    return kind


def _end_of_jpeg(content: bytes) -> int:
    """Behind the end marker; -1 where it never comes. Cameras may add notes of their own there."""
    place = 2
    while place + 4 <= len(content):
        if content[place] != 0xFF:
            return -1
        marker = content[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == 0xDA:  # pixels follow, to the next marker that is not part of them
            end = content.find(b"\xff\xd9", place)
            return end + 2 if end >= 0 else -1
    return -1


def _end_of_png(content: bytes) -> int:
    """Behind the last chunk; -1 where a chunk is cut off or damaged."""
    place = len(PNG)
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        body = content[place + 4 : place + 8 + length]
        check = content[place + 8 + length : place + 12 + length]
        if len(check) < 4 or int.from_bytes(check, "big") != zlib.crc32(body):
            return -1
        place += 12 + length
        if body[:4] == b"IEND":
            return place
    return -1
