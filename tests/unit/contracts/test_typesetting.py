"""What is printed is what was meant: rare names, figures, both languages. No database."""

import io
import json
import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fontTools.ttLib import TTFont
from pypdf import PdfReader

from contracts.models import Template
from contracts.providers import sealing, typefaces, typesetting
from contracts.rules.variables import MissingVariable
from contracts.services import configuration, rendering
from tests.unit.contracts.conftest import RARE_NAMES

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
STYLE = "p { margin: 0 }"


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def glyphs_of(pdf: bytes) -> dict[str, tuple[int, int]]:
    """Every character the fonts of the PDF map to: its glyph's id and number of contours in the embedded font."""
    found = {}
    for page in PdfReader(io.BytesIO(pdf)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            inside = font["/DescendantFonts"][0]["/FontDescriptor"]["/FontFile2"].get_data()
            face = TTFont(io.BytesIO(inside))
            mapped = re.findall(r"^<(\w+)> <(\w+)>$", font["/ToUnicode"].get_data().decode(), re.MULTILINE)
            for code, text in mapped:
                outline = face["glyf"][face.getGlyphName(int(code, 16))]
                found[bytes.fromhex(text).decode("utf-16-be")] = (int(code, 16), outline.numberOfContours)
    return found


def fonts_with_gaps(pdf: bytes) -> list[str]:
    """Fonts that a missing glyph was taken from: WeasyPrint gives them an encoding of their own."""
    page = PdfReader(io.BytesIO(pdf)).pages[0]
    fonts = page["/Resources"]["/Font"].values()  # type: ignore[index]
    return [font["/BaseFont"] for font in fonts if font["/Encoding"] != "/Identity-H"]


class TestRareNames:
    @pytest.mark.parametrize("name", RARE_NAMES)
    def test_are_drawn_and_can_be_copied_out(self, name: str) -> None:
        pdf = typesetting.pdf(html=f'<html lang="zh-Hans"><body><p>{name}</p></body></html>', style=STYLE)
        assert name in text_of(pdf)
        glyphs = glyphs_of(pdf)
        for char in name:
            glyph, contours = glyphs[char]
            assert glyph != 0, f"{char} is .notdef"
            assert contours != 0 or char == " ", f"{char} is empty"
        assert fonts_with_gaps(pdf) == []

    def test_a_gap_would_be_seen(self) -> None:
        pdf = typesetting.pdf(html="<p>王\U00031350</p>", style=STYLE)
        assert fonts_with_gaps(pdf) != []

    def test_a_character_in_no_font_is_refused_by_name(self) -> None:
        typefaces.check_settable("".join(RARE_NAMES))
        with pytest.raises(typefaces.UnsettableCharacter) as caught:
            typefaces.check_settable("王\U00031350")
        assert caught.value.data["characters"] == ["U+31350"]

    def test_every_character_of_the_ordinary_charset_is_there(self) -> None:
        everyday = (bytes([high, low]) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF))
        typefaces.check_settable("".join(pair.decode("gb2312", "ignore") for pair in everyday))

    def test_an_ordinary_document_uses_the_small_faces_only(self) -> None:
        pdf = typesetting.pdf(html="<p>王建国 ¥10,000.00</p><p>婷</p>", style=STYLE)
        (page,) = PdfReader(io.BytesIO(pdf)).pages
        fonts = [font["/BaseFont"] for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
        assert sorted(name.partition("+")[2] for name in fonts) == ["Contract", "Contract-B"]


class TestPage:
    @pytest.fixture
    def template(self) -> Template:
        return Template(
            title_zh="合同",
            title_en="Contract",
            version=1,
            source="<p>{{ name }}</p><p>{{ amount }} {{ amount.words }}</p>{% if plan.has_fee %}fee{% endif %}",
            style=STYLE,
            variables={"name": "text", "amount": "money"},
        )

    def test_escapes_what_a_borrower_typed(self, template: Template) -> None:
        page = rendering.html(template=template, values={"name": "<img src=x>", "amount": 100}, number="N")
        assert "&lt;img" in page
        assert "<img" not in page

    def test_a_missing_value_is_refused(self, template: Template) -> None:
        with pytest.raises(MissingVariable):
            rendering.html(template=template, values={"amount": 100}, number="N")

    def test_a_name_that_was_never_declared_is_refused(self, template: Template) -> None:
        template.source += "{{ another }}"
        with pytest.raises(MissingVariable) as caught:
            rendering.html(template=template, values={"name": "王", "amount": 100}, number="N")
        assert caught.value.data["variables"] == ["another"]

    @pytest.mark.parametrize(("guarantor", "said"), [("青担保", True), (None, False), ("", False)])
    def test_a_clause_is_there_where_its_optional_value_is(
        self, template: Template, guarantor: str | None, said: bool
    ) -> None:
        template.source = "{{ name }}{% if guarantor %}, guaranteed by {{ guarantor }}{% endif %}"
        template.variables = {"name": "text", "guarantor": "text?"}
        page = rendering.html(template=template, values={"name": "王", "guarantor": guarantor}, number="N")
        assert page == ("王, guaranteed by 青担保" if said else "王")

    def test_nothing_is_fetched(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret.png"
        secret.write_bytes(b"\x89PNG")
        before = typesetting.pdf(html="<p>x</p>", style=STYLE)
        after = typesetting.pdf(html=f'<p>x</p><img src="{secret.as_uri()}">', style=STYLE)
        assert b"/Image" not in after
        assert len(after) < len(before) + 500

    def test_threads_may_ask_at_once(self) -> None:
        made: dict[int, bytes] = {}

        def make(number: int) -> None:
            made[number] = typesetting.pdf(html=f"<p>第{number}号</p>", style=STYLE)

        threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [text_of(made[number]).strip() for number in range(8)] == [f"第{number}号" for number in range(8)]


class TestShippedPages:
    def test_every_variable_a_page_prints_is_in_the_table(self) -> None:
        table = json.loads((configuration.DATA / "contract_templates.json").read_text())
        head = {"number", "title_zh", "title_en", "version", "row"}
        for row in table["templates"]:
            page = configuration.source(row["page"])
            printed = set(re.findall(r"\{\{\s*(\w+)", page)) - head
            assert printed <= set(table["types"]), row["code"]
            assert "<!--" not in page
            assert "# include" not in page


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return typesetting.pdf(html="<p>合同 contract</p>", style=STYLE)


@pytest.fixture(scope="module")
def sealed(pdf: bytes) -> bytes:
    return sealing.seal(pdf, reason="LA-1", at=AT)


class TestSeal:
    def test_is_a_valid_pades_signature_over_the_whole_file(self, sealed: bytes) -> None:
        checked = sealing.check(sealed)
        assert (checked.valid, checked.sealed_at, checked.fault) == (True, AT, "")
        assert b"/ETSI.CAdES.detached" in sealed

    def test_leaves_the_signed_bytes_at_the_beginning(self, pdf: bytes, sealed: bytes) -> None:
        assert sealed.startswith(pdf)

    def test_a_changed_byte_is_found(self, pdf: bytes, sealed: bytes) -> None:
        for place in (200, len(pdf) // 2, len(pdf) - 40):
            damaged = bytearray(sealed)
            damaged[place] ^= 1
            assert not sealing.check(bytes(damaged)).valid, place

    def test_something_appended_is_found(self, sealed: bytes) -> None:
        appended = sealing.check(sealed + b"\n%more")
        assert (appended.valid, appended.fault) == (False, "altered")

    def test_another_key_is_found(self, pdf: bytes, sealed: bytes, settings: Any, tmp_path: Path) -> None:
        settings.SEAL_KEY_PEM = f"file:{tmp_path}/other/key.pem"
        settings.SEAL_CERT_PEM = f"file:{tmp_path}/other/certificate.pem"
        sealing._signer.cache_clear()
        forged = sealing.seal(pdf, reason="LA-1", at=AT)
        assert sealing.check(forged).valid
        settings.SEAL_KEY_PEM, settings.SEAL_CERT_PEM = _shipped(settings)
        sealing._signer.cache_clear()
        assert (sealing.check(forged).valid, sealing.check(forged).fault) == (False, "not_our_seal")
        assert sealing.check(sealed).valid

    def test_without_a_key_it_says_which_setting_is_missing(self, settings: Any, pdf: bytes) -> None:
        sealing._signer.cache_clear()
        settings.SEAL_KEY_PEM = ""
        with pytest.raises(sealing.SealNotConfigured, match="SEAL_KEY_PEM"):
            sealing.seal(pdf, reason="LA-1", at=AT)
        sealing._signer.cache_clear()

    def test_a_file_without_seal_is_said_to_be_so(self, pdf: bytes) -> None:
        assert sealing.check(pdf).fault == "not_sealed"
        assert not sealing.check(b"not a pdf").valid

    def test_the_key_is_kept_from_others(self) -> None:
        sealing._signer()
        key, _ = (Path(value.removeprefix("file:")) for value in _shipped(None))
        assert key.stat().st_mode & 0o077 == 0


def _shipped(_: Any) -> tuple[str, str]:
    from lending.settings import test

    return test.SEAL_KEY_PEM, test.SEAL_CERT_PEM  # type: ignore[attr-defined]
