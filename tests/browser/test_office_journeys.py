"""A funder's operations clerk, an auditor and a customer-service clerk each finish a task, with what the pages say."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from funding.models import Payout
from lending.management.demo.borrower import Borrower
from lending.models import Application, Loan
from tests.browser.conftest import work
from tests.browser.office_side import OfficeDesk
from tests.conftest import Clock
from tests.sandbox_server import SandboxClient
from users.models import AccessLog, Notice, StaffAct, User

pytestmark = pytest.mark.browser
APPROVED_ROW, DECLINED_ROW = 34, 19
Sit = Callable[..., OfficeDesk]


@pytest.fixture
def office_desk(platform: str, new_context: Callable[..., BrowserContext], tmp_path: Path) -> Sit:
    """A member of staff signed in at a window of some width."""

    def sit(username: str, *, width: int = 1440) -> OfficeDesk:
        return OfficeDesk(new_context(width=width), platform, username, tmp_path)

    return sit


def ready(person: Borrower) -> dict[str, Any]:
    person.sign_in()
    person.fill_in()
    person.call("POST", "me/devices", json={"fingerprint": "a" * 32, "platform": "web"})
    verdict: dict[str, Any] = person.await_verdict(person.apply())
    return verdict


def to_signing(person: Borrower) -> str:
    drawdown_id = person.draw(ready(person)["grant_id"], person.bind_card())
    person.await_drawdown(drawdown_id, "SIGNING")
    return drawdown_id


class TestFunderOperations:
    def test_find_a_payout_through_its_notice_and_close_it_with_what_was_found(
        self, borrower: Callable[[int], Borrower], office_desk: Sit, sandbox: SandboxClient, clock: Clock
    ) -> None:
        person = borrower(APPROVED_ROW)
        drawdown_id = to_signing(person)
        sandbox.control("payment", error_rate=1.0, error_status=403)
        person.sign(drawdown_id)
        for _ in range(8):
            work()
            clock.move(seconds=5)
        payout = Payout.objects.get()
        assert payout.state == "UNKNOWN"

        clerk = office_desk("funder.zhou")
        assert "Notices, warning" in clerk.panel("What waits and what is late")
        clerk.look("dashboard")
        clerk.follow("Notices, warning")
        clerk.open_only_row()
        text = clerk.page.inner_text("#content-main")
        assert "Payout refused by the channel" in text
        assert "sent again by itself" in text  # what to do about it
        notice_page = clerk.page.url
        clerk.follow(f"payout {payout.pk}")
        text = clerk.page.inner_text("#content-main")
        for known in ("Unknown", payout.key, "403"):
            assert known.lower() in text.lower()

        sandbox.reset()
        person.await_drawdown(drawdown_id, "PAID")
        clerk.page.reload()
        assert "Paid" in clerk.page.inner_text("#content-main")
        clerk.page.goto(notice_page)
        clerk.follow("Close the notice")
        clerk.give_reason("The channel had locked our account; unlocked, the order went out under its key")
        text = clerk.page.inner_text("#content-main")
        assert "The channel had locked our account" in text
        assert "Funder operations Zhou" in text
        assert clerk.page.locator("a:has-text('Close the notice')").count() == 0
        notice, by = Notice.objects.get(kind="payout_refused"), User.objects.get(username="funder.zhou").pk
        assert (notice.closed_at, notice.closed_by) == (clock.at, f"staff:{by}")
        assert StaffAct.objects.filter(subject=f"notice:{notice.pk}", by=f"staff:{by}").count() == 1
        payout.refresh_from_db()
        assert payout.state == "PAID"


class TestAuditor:
    def test_says_why_on_which_data_and_who_looked_and_changes_nothing(
        self, borrower: Callable[[int], Borrower], office_desk: Sit, clock: Clock
    ) -> None:
        person = borrower(DECLINED_ROW)
        assert ready(person)["status"] == "DECLINED"
        application = Application.objects.get()
        looked = office_desk("service.tang")
        looked.open(f"lending/customer/{application.user_id}/revealed/")
        looked.give_reason("The borrower asked for a call about the decline")

        auditor = office_desk("audit.xu")
        auditor.follow("30 days")
        auditor.open("lending/application/?status__exact=DECLINED")
        auditor.open_only_row()
        asked = auditor.panel("Asked and decided")
        assert application.reasons
        assert [code for code in application.reasons if code not in asked] == []
        data = auditor.panel("Data")
        for source, consent in (("bureau", "bureau_query 1"), ("blacklist", "credit_query 1"), ("aml", "service 1")):
            assert source in data
            assert consent in data
        assert "¥3.50" in data
        decided = auditor.panel("Decisions")
        assert "DECLINE" in decided.upper()
        assert re.search(r"credit v1\s+[0-9a-f]{12}", decided)
        seen = auditor.panel("Who looked")
        assert "Customer service Tang" in seen
        assert "The borrower asked for a call about the decline" in seen
        auditor.look("application")

        assert auditor.page.locator("#content-main form button").count() == 0
        auditor.open(f"lending/customer/{application.user_id}/change/")
        assert auditor.page.locator("a:has-text('Show personal data')").count() == 0
        notice_kept = Notice.objects.create(
            kind="rare", subject="x:1", text="t", severity="info", raised_at=clock.at, last_at=clock.at
        )
        before = everything_of(application)
        for path in (
            f"users/notice/act/close/?ids={notice_kept.pk}",
            f"lending/customer/{application.user_id}/revealed/",
            f"lending/application/{application.pk}/change/",
            f"lending/application/{application.pk}/delete/",
        ):
            assert auditor.post(path) == 403, path
        assert everything_of(application) == before


def everything_of(application: Application) -> list[Any]:
    kept = Application.objects.filter(pk=application.pk).values()
    return [list(kept), AccessLog.objects.count(), StaffAct.objects.count(), list(Notice.objects.values())]


class TestCustomerService:
    @pytest.mark.parametrize("width", [1440, 375])
    def test_finds_a_caller_and_answers_what_is_owed_and_what_was_sent(
        self, borrower: Callable[[int], Borrower], office_desk: Sit, width: int
    ) -> None:
        person = borrower(APPROVED_ROW)
        drawdown_id = to_signing(person)
        person.sign(drawdown_id)
        person.await_drawdown(drawdown_id, "PAID")
        work()
        loan = Loan.objects.get()
        due = loan.instalments.earliest("number")

        clerk = office_desk("service.tang", width=width)
        clerk.look("dashboard")
        clerk.open("lending/customer/")
        clerk.search(person.person.phone)
        clerk.open_only_row()
        customer = clerk.page.url
        assert person.person.phone not in clerk.page.inner_text("body")
        clerk.look("customer")
        if width > 1000:
            clerk.follow("Show personal data")
        else:  # behind the menu of a narrow page
            clerk.open(f"lending/customer/{loan.user_id}/revealed/")
        clerk.give_reason("Caller names the last transaction, to be called back")
        assert person.person.phone in clerk.page.inner_text("#content")
        log = AccessLog.objects.get(subject=f"user:{loan.user_id}")
        assert (log.by, log.reason) == (
            f"staff:{User.objects.get(username='service.tang').pk}",
            "Caller names the last transaction, to be called back",
        )

        clerk.page.goto(customer)
        owed = clerk.panel("Money owed")
        assert "ACTIVE" in owed.upper()
        assert f"¥{due.open_cents / 100:,.2f} on {due.due_date}" in owed
        assert f"¥{loan.principal_cents / 100:,.2f}" in owed
        sent = clerk.panel("Messages sent")
        assert "application_granted" in sent
        assert "¥" in sent
        assert "PAID" in clerk.panel("Limits and drawdowns").upper()
