"""One borrower on one screen: what was asked, decided and owed, with whom they share things, tags, the story."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction
from playwright.sync_api import BrowserContext

from lending.management.demo.borrower import Borrower
from lending.models import Loan
from tests.browser.conftest import work
from tests.browser.office_side import OfficeDesk
from tests.browser.test_office_journeys import APPROVED_ROW, to_signing
from tests.conftest import Clock
from tests.factories.borrowers import IP, consent
from tests.factories.borrowers import borrower as another
from users.models import Contact, Device, Profile, Tag, User
from users.services import contacts, devices
from users.services.contacts import NewContact

pytestmark = pytest.mark.browser


@transaction.atomic
def sharing(user_id: int, clock: Clock) -> list[int]:
    """Six others: two on the same device, one of whom names this borrower, three at the same home, one a contact."""
    others = [another(clock.at, name=name) for name in ("钱一一", "孙二", "李三三", "周四", "吴五五", "郑六")]
    device = Device.objects.filter(user_id=user_id).latest("last_seen_at")
    for other in others[:2]:
        consent(other, "device", clock.at)
        devices.see(user_id=other, fingerprint=device.fingerprint, platform="web", ip=IP, at=clock.at)
    own = User.objects.get(pk=user_id).phone or ""
    contacts.replace(user_id=others[0], contacts=[NewContact("friend", "王建国", own)], at=clock.at)
    Profile.objects.filter(user_id__in=[user_id, *others[2:5]]).update(address_index="a" * 64)
    named = Contact.objects.filter(user_id=user_id).earliest("pk")
    known = User.objects.get(pk=others[5])
    named.phone, named.phone_index = known.phone or "", known.phone_index or ""
    named.save()
    return others


def test_lead_reads_a_borrower_and_those_around_them_and_tags(
    borrower: Callable[[int], Borrower],
    platform: str,
    new_context: Callable[..., BrowserContext],
    clock: Clock,
    tmp_path: Path,
) -> None:
    person = borrower(APPROVED_ROW)
    drawdown_id = to_signing(person)
    person.sign(drawdown_id)
    loan = person.loan(person.await_drawdown(drawdown_id, "PAID"))
    person.repay(loan["id"], loan["next_due"]["open_cents"])
    work()
    user_id = Loan.objects.get().user_id
    others = sharing(user_id, clock)

    lead = OfficeDesk(new_context(), platform, "lead.sun", tmp_path)
    lead.open(f"lending/customer/{user_id}/change/")
    network = lead.panel("Network")
    for words in ("D1 Device", "H1 Home", "names it as a contact", "it is their own number"):
        assert words in network
    nodes = lead.page.locator("svg.office-network a")
    assert nodes.count() == len(others)
    assert person.person.phone not in lead.page.inner_text("body")
    asked = lead.panel("Data asked")
    assert "bureau" in asked
    assert "¥3.50" in asked
    assert "approve" in lead.panel("Decisions").lower()
    story = lead.panel("Timeline")
    for words in ("repayment", "consent given", "asked bureau", "check id2", "credit", "device"):
        assert words in story
    lead.look("customer-1440")

    lead.follow("Put a tag on")
    lead.page.select_option("select[name=tag]", "watch")
    lead.page.fill("input[name=until]", "2026-05-01")
    lead.give_reason("Shares a phone with two others")
    assert Tag.objects.get(tag="watch").user_id == user_id
    tags = lead.panel("Level and tags")
    for words in ("watch", "Shares a phone with two others", "Review lead Sun"):
        assert words in tags
    lead.page.locator("svg.office-network a").first.click()
    lead.page.wait_for_load_state()
    assert f"/customer/{others[1]}/" in lead.page.url or f"/customer/{others[0]}/" in lead.page.url

    narrow = OfficeDesk(new_context(width=375), platform, "lead.sun", tmp_path)
    narrow.open(f"lending/customer/{user_id}/change/")
    narrow.look("customer-375")
    clerk = OfficeDesk(new_context(), platform, "service.tang", tmp_path)
    clerk.open(f"lending/customer/{user_id}/change/")
    seen = clerk.panel("Network")
    assert "Not shown to you: Device, Phone" in seen
    assert "D1" not in seen
    assert clerk.page.locator("section[aria-label='Decisions'], section[aria-label='Data asked']").count() == 0
