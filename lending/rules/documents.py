"""What a file is, by its content alone: a JPEG, a PNG or a PDF that is whole and nothing else besides."""

import re
import zlib

JPEG, PNG, PDF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-"
END_OF_PDF = b"%%EOF"
ZIP_END = b"PK\x05\x06"  # a zip, and so a Java program, is read from its end
MARKUP = re.compile(rb"<\s*(script|html|svg|\?php|!doctype)", re.IGNORECASE)
TAIL = 66_000  # a zip's end record stands in the last 64 KB


class Unreadable(ValueError):
    """The text says why, for whoever sent it."""


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
