"""What other platforms pay in advance: booked once, in balance and ledger alike, and used up by what leads earn."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from lending.common.errors import DomainError
from lending.models import Entry, Journal
from tests.factories.staff import officer
from tests.unit.traffic.test_leads import sent
from traffic import services
from traffic.models import Platform, PlatformLine, PlatformPayment
from traffic.providers.base import LeadAnswer
from traffic.services import configuration
from traffic.services.leads import settle_lead
from users.models import StaffAct

OPENING, OF_BRIDGE = 1_000_000, 2_000_000


def booked(account: str, code: str) -> int:
    """In the ledger, with this platform."""
    entries = Entry.objects.filter(account__kind=account, journal__party=code)
    return int(entries.aggregate(cents=Sum("amount_cents"))["cents"] or 0)


def pay(at: datetime, by: str, **changed: Any) -> int:
    asked = {"platform": "SUNNY", "amount_cents": 500_000, "reference": "HX 20260302 1", "reason": "for March"}
    return services.book_payment(**(asked | changed), by=by, at=at)


class TestPayment:
    def test_the_first_days_balance_is_a_payment_and_booked_no_second_time(self, at: datetime) -> None:
        for _ in range(2):
            assert booked("platform_prepaid", "SUNNY") == -OPENING
            assert PlatformPayment.objects.filter(platform="SUNNY", by="system").count() == 1
            configuration.load(at=at)
        assert Platform.objects.get(pk="SUNNY").balance_cents == OPENING

    def test_adds_to_the_balance_and_is_kept_with_its_journal_and_reason(self, at: datetime) -> None:
        by = officer(at)
        payment = PlatformPayment.objects.get(pk=pay(at, by, reference="  HX 20260302\t1 "))
        assert (payment.reference, payment.amount_cents, payment.by) == ("HX 20260302 1", 500_000, by)
        assert Platform.objects.get(pk="SUNNY").balance_cents == OPENING + 500_000
        assert booked("cash_in_transit", "SUNNY") == OPENING + 500_000
        assert StaffAct.objects.get(act="book_platform").reason == "for March"
        for change in ("UPDATE traffic_platformpayment SET amount_cents = 1", "DELETE FROM traffic_platformpayment"):
            with pytest.raises(DatabaseError, match="append_only"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(change)

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"amount_cents": 0}, "nothing_paid"),
            ({"amount_cents": -1}, "nothing_paid"),
            ({"amount_cents": 10**18}, "nothing_paid"),
            ({"reference": " \t"}, "nothing_paid"),
            ({"platform": "NOBODY"}, "not_found"),
            ({"reason": ""}, "reason_required"),
            ({"reference": "HX 1"}, "payment_booked"),
        ],
    )
    def test_bad_input_changes_nothing(self, at: datetime, changed: dict[str, Any], code: str) -> None:
        by = officer(at)
        pay(at, by, reference="HX 1")
        before = (PlatformPayment.objects.count(), Journal.objects.count())
        with pytest.raises(DomainError) as caught, transaction.atomic():
            pay(at, by, **changed)
        assert caught.value.code == code
        assert (PlatformPayment.objects.count(), Journal.objects.count()) == before
        assert Platform.objects.get(pk="SUNNY").balance_cents == OPENING + 500_000

    def test_balance_and_ledger_move_together_with_every_line(self, at: datetime) -> None:
        lead = sent(at)
        for state, when in (("paid", at), ("returned", at + timedelta(days=1))):
            settle_lead(lead_id=lead.pk, answer=LeadAnswer(state, paid_cents=lead.amount_cents), at=when)
            earned = PlatformLine.objects.filter(platform="BRIDGE").aggregate(cents=Sum("amount_cents"))["cents"]
            assert (earned > 0) == (state == "paid")
            assert booked("distribution_income", "BRIDGE") == -earned
            balance = Platform.objects.get(pk="BRIDGE").balance_cents
            assert booked("platform_prepaid", "BRIDGE") == -balance == earned - OF_BRIDGE


class TestSwitch:
    def test_is_staffs_and_no_configuration_undoes_it(self, at: datetime) -> None:
        by = officer(at)
        services.switch_platform(platform="SUNNY", on=False, reason="complaints", by=by, at=at)
        configuration.load(at=at)
        assert Platform.objects.get(pk="SUNNY").enabled is False
        with pytest.raises(DomainError, match="already"), transaction.atomic():
            services.switch_platform(platform="SUNNY", on=False, reason="complaints", by=by, at=at)
        assert StaffAct.objects.filter(act="switch_platform").count() == 1
