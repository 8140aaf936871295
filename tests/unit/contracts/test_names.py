"""A name that was accepted where it was entered comes out of the contract as it went in."""

import io

import pytest
from pypdf import PdfReader

from contracts.models import Kind
from lending.common.text import UnusableText
from tests.factories.borrowers import borrower
from tests.factories.words import PRINTABLE, SEEN
from tests.unit.contracts.conftest import RARE_NAMES, Desk


@pytest.mark.parametrize("name", [*PRINTABLE, *RARE_NAMES])
def test_a_name_is_printed_as_it_was_entered(desk: Desk, name: str) -> None:
    pdf = desk.pdf(desk.rendered(name=name), Kind.LOAN_AGREEMENT)
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    assert name.replace(" ", "") in "".join(text.split())


@pytest.mark.parametrize("name", SEEN)
def test_a_name_no_font_has_never_gets_that_far(desk: Desk, name: str) -> None:
    with pytest.raises(UnusableText) as refused:
        borrower(desk.clock.at, name=name)
    assert set(refused.value.fields) == {"name"}
