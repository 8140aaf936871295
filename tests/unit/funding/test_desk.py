"""The funders' desk: what it sees of the money, what it asks, follows up and routes anew."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funding import queries, services
from funding.models import Allocation, Payout, Programme
from funding.providers.base import FunderAnswer, PaymentAnswer
from funding.queries import board
from funding.services import configuration, desk
from funding.services.routing import PayoutUnresolved
from lending.common.errors import DomainError, NotFound
from lending.models import Drawdown, Event
from lending.services import drawdowns as lending
from tests.factories import drawdowns
from tests.factories.staff import officer
from users.models import StaffAct, User
from users.services import accounts, acts

AMOUNT = 1_000_000
WHY = "the funder called us"


def ordered(at: datetime) -> Payout:
    allocation = drawdowns.signed(at)
    return Payout.objects.get(pk=services.start_payout(drawdown_id=allocation.drawdown_id, at=at))


def returned(at: datetime) -> Payout:
    payout = ordered(at)
    services.settle_payout(payout_id=payout.pk, answer=PaymentAnswer("returned", moved_cents=AMOUNT), at=at)
    return payout


def reroute(drawdown_id: int, at: datetime, **said: Any) -> None:
    with transaction.atomic():
        services.reroute(drawdown_id=drawdown_id, **{"reason": WHY, "by": officer(at), "at": at} | said)


def drawn(drawdown_id: int) -> Drawdown:
    return Drawdown.objects.get(pk=drawdown_id)


class TestSwitchProgramme:
    def switch(self, at: datetime, *, on: bool, code: str = "LJB-G", **said: Any) -> None:
        with transaction.atomic():
            services.switch_programme(programme_code=code, on=on, **{"reason": WHY, "by": officer(at), "at": at} | said)

    def test_off_offers_it_nothing_more_and_what_it_has_goes_on(self, at: datetime) -> None:
        held = drawdowns.asking(at, candidates=["LJB", "HYF"])
        self.switch(at, on=False)
        services.settle_allocation(allocation_id=held.pk, answer=FunderAnswer("accepted"), at=at)
        assert drawn(held.drawdown_id).status == "SIGNING"
        assert drawdowns.asking(at, candidates=["LJB", "HYF"]).recipient == "HYF"
        self.switch(at, on=True)
        assert drawdowns.asking(at, candidates=["LJB", "HYF"]).recipient == "LJB"
        kept = StaffAct.objects.filter(act="switch_programme", subject="programme:LJB-G")
        assert list(kept.values_list("reason", flat=True)) == [WHY, WHY]

    def test_the_configuration_loaded_again_leaves_the_switch(self, at: datetime) -> None:
        self.switch(at, on=False)
        configuration.load(at=at)
        assert not Programme.objects.get(pk="LJB-G").enabled

    def test_is_refused_by_name(self, at: datetime) -> None:
        nobody = f"staff:{accounts.make_staff(username='nobody', password='long enough for anybody', at=at)}"
        for said, error in (
            ({"on": True}, desk.SwitchedAlready),
            ({"on": True, "code": "NHT-T"}, desk.NotCapped),
            ({"on": False, "code": "X"}, NotFound),
            ({"on": False, "reason": "no"}, acts.ReasonRequired),
            ({"on": False, "by": nobody}, acts.NotAllowed),
        ):
            with pytest.raises(error):
                self.switch(at, **said)  # type: ignore[arg-type]
        assert not StaffAct.objects.filter(act="switch_programme").exists()


class TestReroute:
    def test_leaves_a_funder_that_was_asked_for_the_next_and_tells_it_so(self, at: datetime) -> None:
        first = drawdowns.asking(at)
        Allocation.objects.filter(pk=first.pk).update(state="SUBMITTED")
        reroute(first.drawdown_id, at)
        first.refresh_from_db()
        assert (first.state, first.release_cause, first.withdraw_due) == ("RELEASED", "rerouted", True)
        assert (drawn(first.drawdown_id).status, drawn(first.drawdown_id).funder_code) == ("ROUTING", "")
        services.allocate(drawdown_id=first.drawdown_id, at=at)
        assert Allocation.objects.latest("pk").recipient == "QTX"  # not the one it was taken from
        event = Event.objects.filter(drawdown=first.drawdown_id, target="ROUTING").latest("pk")
        assert (event.actor, event.reason) == (officer(at), "rerouted")
        assert StaffAct.objects.get(act="reroute_drawdown").subject == f"drawdown:{first.drawdown_id}"
        day = {row.code: row.today.used_cents for row in board.board(at).programmes}
        assert (day["HYF-D"], day["QTX-O"]) == (0, AMOUNT)

    def test_before_the_signature_leaves_no_funder_and_no_set_behind(self, at: datetime) -> None:
        allocation = drawdowns.signing(at)
        reroute(allocation.drawdown_id, at)
        row = drawn(allocation.drawdown_id)
        assert (row.status, row.funder_code, row.contract_set_sha256, row.approval_expires_at) == (
            "ROUTING",
            "",
            "",
            None,
        )
        late = services.settle_allocation(allocation_id=allocation.pk, answer=FunderAnswer("accepted"), at=at)
        assert (late, drawn(row.pk).status) == ("late", "ROUTING")

    def test_without_a_funder_looks_anew(self, at: datetime) -> None:
        Programme.objects.update(enabled=False)
        drawdown_id = drawdowns.routing(at)
        assert services.allocate(drawdown_id=drawdown_id, at=at) is None
        Programme.objects.filter(pk="QTX-O").update(enabled=True)
        reroute(drawdown_id, at)
        services.allocate(drawdown_id=drawdown_id, at=at)
        assert (drawn(drawdown_id).status, drawn(drawdown_id).funder_code) == ("FUNDER_PENDING", "QTX")
        nobody, found = queries.routings_of(drawdown_id)
        assert (nobody.programme_code, found.programme_code) == ("", "QTX-O")
        office = Client()
        who = accounts.make_staff(username="first", password="demo-only-2026", is_superuser=True, at=at)
        office.force_login(User.objects.get(pk=who))
        page = office.get(reverse("admin:lending_drawdown_change", args=[drawdown_id])).content.decode()
        assert reverse("admin:funding_routing_change", args=[nobody.id]) in page

    def test_with_nobody_left_says_that_no_money_is_there(self, at: datetime) -> None:
        drawdown_id = drawdowns.asking(at, candidates=("HYF",)).drawdown_id
        reroute(drawdown_id, at)
        assert services.allocate(drawdown_id=drawdown_id, at=at) is None
        assert (drawn(drawdown_id).status, drawn(drawdown_id).reasons) == ("NO_FUNDER", ["M01"])

    def test_is_refused_from_the_signature_on_and_before_there_is_a_verdict(self, at: datetime) -> None:
        payout = ordered(at)
        made = {
            drawdowns.requested(at): desk.NotReroutable,
            drawdowns.signed(at).drawdown_id: desk.NotReroutable,
            payout.drawdown_id: desk.NotReroutable,
            10**9: NotFound,
        }
        for drawdown_id, refused in made.items():
            with pytest.raises(refused):
                reroute(drawdown_id, at)
        assert not StaffAct.objects.filter(act="reroute_drawdown").exists()

    def test_is_refused_while_a_payout_may_have_gone_out(self, at: datetime) -> None:
        payout = ordered(at)
        lending.payout_failed(drawdown_id=payout.drawdown_id, fault="card", reasons=["M03"], at=at)
        lending.approval_ran_out(drawdown_id=payout.drawdown_id, at=at)
        lending.no_funder(drawdown_id=payout.drawdown_id, reasons=["M01"], at=at)  # and the order is still open
        with pytest.raises(PayoutUnresolved):
            reroute(payout.drawdown_id, at)
        assert drawn(payout.drawdown_id).status == "NO_FUNDER"
        assert not StaffAct.objects.exists()

    def test_needs_the_permission_and_a_reason(self, at: datetime) -> None:
        nobody = f"staff:{accounts.make_staff(username='nobody', password='long enough for anybody', at=at)}"
        drawdown_id = drawdowns.asking(at).drawdown_id
        for said, refused in (({"by": nobody}, acts.NotAllowed), ({"reason": "no"}, acts.ReasonRequired)):
            with pytest.raises(refused):
                reroute(drawdown_id, at, **said)
        assert drawn(drawdown_id).status == "FUNDER_PENDING"


class TestAskNow:
    def test_brings_the_question_forward_and_never_sends_again(self, at: datetime) -> None:
        payout = ordered(at)
        later = at + timedelta(hours=1)
        Payout.objects.filter(pk=payout.pk).update(state="UNKNOWN", sent_at=at, not_before=later)
        services.ask_payout(payout_id=payout.pk, reason=WHY, by=officer(at), at=at)
        payout.refresh_from_db()
        assert (payout.state, payout.not_before) == ("UNKNOWN", None)
        assert StaffAct.objects.get().act == "ask_payout"

    @pytest.mark.parametrize("state", ["DUE", "PAID"])
    def test_is_refused_where_nothing_is_to_be_asked(self, at: datetime, state: str) -> None:
        payout = ordered(at)
        if state == "PAID":
            services.settle_payout(payout_id=payout.pk, answer=PaymentAnswer("succeeded", moved_cents=AMOUNT), at=at)
        with pytest.raises(desk.NothingToAsk):
            services.ask_payout(payout_id=payout.pk, reason=WHY, by=officer(at), at=at)
        assert not StaffAct.objects.exists()


class TestFollowUp:
    def test_takes_what_came_back_out_of_the_queue_once(self, at: datetime) -> None:
        payouts = [returned(at), returned(at)]
        assert board.returned_payouts() == 2
        said: dict[str, Any] = {"payout_id": payouts[0].pk, "reason": "another card is coming", "by": officer(at)}
        services.follow_up(**said, at=at)
        assert [row.pk for row in board.returned_open()] == [payouts[1].pk]
        with pytest.raises(desk.FollowedUpAlready):
            services.follow_up(**said, at=at)
        one = Payout.objects.filter(pk=payouts[0].pk)
        for change in ({"followed_up_at": None}, {"followed_up_at": at + timedelta(days=1)}, {"reference": "x"}):
            with pytest.raises(IntegrityError, match="it stays so"), transaction.atomic():
                one.update(**change)

    def test_is_for_what_came_back(self, at: datetime) -> None:
        for payout_id in (ordered(at).pk, 10**9):
            with pytest.raises(DomainError) as caught:
                services.follow_up(payout_id=payout_id, reason=WHY, by=officer(at), at=at)
            assert caught.value.code in ("not_returned", "not_found")


class TestBoard:
    def test_shows_every_programme_also_untouched_and_switched_off(self, at: datetime) -> None:
        rows = {row.code: row for row in board.board(at).programmes}
        assert list(rows) == ["LJB-G", "HYF-D", "QTX-O", "NHT-T"]
        hyf = rows["HYF-D"]
        assert (hyf.today, hyf.month.percent, hyf.is_open) == (board.Room(40_000_000, 0), 0, True)
        assert rows["LJB-G"].guarantor == board.Room(3_000_000_000, 0)
        assert rows["NHT-T"].today.free_cents == 0

    def test_counts_what_is_asked_owed_waits_and_is_held(self, at: datetime) -> None:
        paid = ordered(at)
        services.settle_payout(payout_id=paid.pk, answer=PaymentAnswer("succeeded", moved_cents=AMOUNT), at=at)
        drawdowns.asking(at)
        late = at.replace(hour=23, minute=10)
        allocation = drawdowns.signed(at)
        services.start_payout(drawdown_id=allocation.drawdown_id, at=late)
        Programme.objects.update(enabled=False)
        services.allocate(drawdown_id=drawdowns.routing(at), at=at)
        Programme.objects.filter(pk="HYF-D").update(enabled=True)
        hyf = next(row for row in board.board(at).programmes if row.code == "HYF-D")
        assert (hyf.today.used_cents, hyf.outstanding.used_cents) == (2 * AMOUNT, 3 * AMOUNT)
        assert (hyf.asked, hyf.waiting) == (board.Waits(1, AMOUNT), board.Waits(1, AMOUNT))
        assert hyf.held == board.Waits(1, AMOUNT)

    def test_of_a_closed_funder_says_when_it_opens_and_on_which_day(self, at: datetime) -> None:
        night = at.replace(hour=23, minute=10)
        hyf = next(row for row in board.board(night).programmes if row.code == "HYF-D")
        assert (hyf.is_open, hyf.opens_at) == (False, (at + timedelta(days=1)).replace(hour=0, minute=30))
        assert hyf.day == (at + timedelta(days=1)).date()

    def test_costs_the_same_however_many_wait(self, at: datetime) -> None:
        with CaptureQueriesContext(connection) as empty:
            board.board(at)
        for _ in range(3):
            drawdowns.asking(at)
        with CaptureQueriesContext(connection) as full:
            board.board(at)
        assert len(full) == len(empty) <= 14
