"""What is kept of a file that somebody brings: a picture's pixels and nothing else, or a whole PDF."""

import random
import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lending.common import documents
from tests.factories.pictures import chunk, photo, picture

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def packed(structure: bytes) -> bytes:
    """A PDF whose structure lies in an object stream."""
    stream = b"2 0 obj<</Type/ObjStm/Filter/FlateDecode>>stream\n" + zlib.compress(structure) + b"\nendstream endobj\n"
    return PDF.replace(b"trailer", stream + b"trailer")


SECRET = b"taken at home"


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def png(image: Image.Image, **options: object) -> bytes:
    made = BytesIO()
    image.save(made, "PNG", **options)
    return made.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that unfolds to width times height pixels."""
    row = zlib.compressobj()
    body = b"".join(row.compress(bytes((width + 7) // 8 + 1)) for _ in range(height)) + row.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def told(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"  # where it was taken
    exif.get_ifd(0x8825)[2] = (30.0, 15.0, 9.0)
    return exif


class TestAPicture:
    def test_keeps_no_word_of_where_and_with_what_it_was_taken(self) -> None:
        sent = photo(exif=told(1), comment=SECRET)
        assert sent.count(SECRET) == 2
        assert opened(sent).getexif().get_ifd(0x8825)
        kept = documents.clean(sent)
        found = opened(kept.content)
        assert (kept.ending, found.format, SECRET in kept.content) == ("jpg", "JPEG", False)
        assert (dict(found.getexif()), found.info.keys() & {"exif", "comment", "icc_profile", "xmp"}) == ({}, set())

    def test_is_turned_as_its_camera_said(self) -> None:
        assert documents.clean(photo(size=(320, 240), exif=told(6))).size == (240, 320)

    def test_loses_what_a_png_says_beside_it(self) -> None:
        said = PngInfo()
        said.add_text("Location", SECRET.decode())
        kept = documents.clean(png(Image.new("RGB", (40, 40)), pnginfo=said))
        assert SECRET not in kept.content
        assert kept.ending == "jpg"

    def test_loses_what_hangs_behind_it(self) -> None:
        assert SECRET not in documents.clean(photo() + SECRET).content

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    def test_of_any_mode_is_read_and_is_white_where_it_is_transparent(self, mode: str) -> None:
        kept = opened(documents.clean(png(Image.new(mode, (8, 8)))).content)
        assert kept.mode == "RGB"
        lightest = min(kept.getpixel((4, 4)))  # type: ignore[type-var,arg-type]
        assert lightest == (255 if mode in ("LA", "RGBA") else 0)

    def test_of_ink_is_read(self) -> None:
        made = BytesIO()
        Image.new("CMYK", (8, 8)).save(made, "JPEG")
        assert opened(documents.clean(made.getvalue()).content).mode == "RGB"

    def test_that_is_large_is_kept_smaller(self) -> None:
        assert documents.clean(photo(size=(3200, 800))).size == (3000, 750)


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "empty"),
            (b"GIF89a" + bytes(20), "not a JPEG, PNG or PDF"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG, PNG or PDF"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "not a JPEG, PNG or PDF"),
            (photo()[:-200], "cut off"),
            (photo()[:300] + b"\xff\xd9", "cut off"),
            (picture()[:-6], "cut off"),
            (photo().replace(b"\xff\xc0", b"\xff\xfe"), "damaged"),
            (picture().replace(b"IHDR", b"IHDR", 1)[:8] + chunk(b"IHDR", bytes(13)) + chunk(b"IEND", b""), "damaged"),
            (photo()[:-2] + b"\xff\xda\0\x03\0" * 100 + b"\xff\xd9", "damaged"),
            (bomb(9000, 9000), "more than 40 million pixels"),
            (bomb(30000, 30000), "more than 40 million pixels"),
            (photo() + b"PK\x05\x06" + bytes(18), "more than one file in one"),
            (picture() + b"<script>", "more than one file in one"),
            (PDF[:-10], "cut off"),
            (PDF.replace(b"/Type", b"/JavaScript (app.alert(1)) /Type"), "a PDF that does something"),
            (PDF.replace(b"/Type", b"/J#61vaScript (app.alert(1)) /Type"), "a PDF that does something"),
            (PDF.replace(b"/Type", b"/S/SubmitForm /Type"), "a PDF that does something"),
            (packed(b"<</S/JavaScript/JS(app.alert(1))>>"), "a PDF that does something"),
            (packed(b"<</S/#4a#53(app.alert(1))>>"), "a PDF that does something"),
            (packed(b"<</Names<</EmbeddedFiles 3 0 R>>>>"), "a PDF that does something"),
            (PDF.replace(b"/Root", b"/Encrypt 2 0 R /Root"), "a PDF with a password"),
            (packed(random.Random(1).randbytes(200_000) + b"/JavaScript"), "a PDF that does something"),
            (PDF.replace(b"trailer", b"stream\n" * 20_001 + b"trailer"), "damaged"),
            (packed(bytes(70 * 1024 * 1024)), "a PDF that unpacks to more than 64 MB"),
            (photo() + bytes(documents.MAX_FILE_BYTES), "larger than 8 MB"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_says_why(self, content: bytes, why: str) -> None:
        with pytest.raises(documents.Unreadable, match=f"^{why}$"):
            documents.clean(content)

    def test_names_all_that_are_wrong(self) -> None:
        with pytest.raises(documents.UnreadableFile) as refused:
            documents.cleaned({"a": b"", "b": PDF, "c": b"MZ"})
        assert refused.value.fields == {"a": "empty", "c": "not a JPEG, PNG or PDF"}


class TestAPdf:
    def test_is_kept_as_it_came(self) -> None:
        assert (documents.clean(PDF).content, documents.clean(PDF).ending) == (PDF, "pdf")
        harmless = packed(b"<</Type/Page/OpenAction[1 0 R/Fit]/Title(JavaScript for beginners)>>")
        assert documents.clean(harmless).content == harmless
