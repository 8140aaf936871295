"""A drawdown is asked of named funders only, in order, one at a time, and never while money may be out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from funding import queries, services
from funding.models import Allocation, Funder, Guarantor, HeadroomDay, HeadroomGuarantor, Payout, Programme, Routing
from funding.providers.base import FunderAnswer
from funding.services import headroom
from funding.services.routing import NotRouting, PayoutUnresolved
from lending import queries as told
from lending.models import Drawdown
from lending.services import drawdowns as lending
from tests.conftest import Clock
from tests.factories import drawdowns, loans
from tests.factories.borrowers import consent
from tests.factories.configuration import configure
from users.rules.levels import LoanHistory
from users.services import consents, levels, tags


def reserved(programme: str) -> int:
    row = HeadroomDay.objects.filter(programme=programme).first()
    return row.reserved_cents if row else 0


def settle(allocation: Allocation, state: str, at: datetime) -> str:
    answer = FunderAnswer(state, reason="hy_policy")  # type: ignore[arg-type]
    return services.settle_allocation(allocation_id=allocation.pk, answer=answer, at=at)


def latest(drawdown_id: int) -> Allocation:
    return Allocation.objects.filter(drawdown_id=drawdown_id).latest("id")


class TestCandidates:
    def asked(self, at: datetime, **change: object) -> list[str]:
        ask = {
            "product_code": "LINE",
            "channel_code": "OWN",
            "grade": "B",
            "amount_cents": 1_000_000,
            "months": 12,
            "province": "ZJ",
            "birth_date": date(1990, 6, 15),
        }
        return [c.programme_code for c in queries.candidates(**(ask | change), at=at)]  # type: ignore[arg-type]

    def test_names_the_switched_on_programmes_in_order(self, at: datetime) -> None:
        assert self.asked(at) == ["LJB-G", "HYF-D", "QTX-O"]
        assert self.asked(at, province="JS") == ["HYF-D", "QTX-O"]
        assert self.asked(at, channel_code="CARDMATE") == ["LJB-G", "QTX-O"]
        assert self.asked(at, product_code="BIZ") == ["QTX-O"]
        assert self.asked(at, grade="E") == []

    def test_names_a_guarantor_beside_the_bank(self, at: datetime) -> None:
        first, *others = queries.candidates(
            product_code="LINE",
            channel_code="OWN",
            grade="B",
            amount_cents=1_000_000,
            months=12,
            province="ZJ",
            birth_date=date(1990, 6, 15),
            at=at,
        )
        assert (first.funder_code, first.guarantor_code, first.legal_name) == ("LJB", "AHG", "Linjiang City Bank")
        assert [c.funder_code for c in others] == ["HYF", "QTX"]


class TestAllocate:
    def test_reserves_with_the_first_named_funder_and_explains_every_programme(self, at: datetime) -> None:
        drawdown_id = drawdowns.routing(at)
        allocation_id = services.allocate(drawdown_id=drawdown_id, at=at)
        drawdown, allocation = Drawdown.objects.get(pk=drawdown_id), Allocation.objects.get(pk=allocation_id)
        assert (drawdown.status, drawdown.funder_code, drawdown.mode) == ("FUNDER_PENDING", "HYF", "direct")
        assert (allocation.state, allocation.recipient, allocation.consent_id) == (
            "RESERVED",
            "HYF",
            drawdown.consent_id,
        )
        assert reserved("HYF-D") == drawdown.amount_cents
        explained = {row["programme"]: row for row in queries.allocations_of(drawdown_id)[0].explanation}
        assert {code: row["outcome"] for code, row in explained.items()} == {
            "LJB-G": "not named by the borrower",
            "HYF-D": "reserved",
            "QTX-O": "not needed",
            "NHT-T": "not eligible",
        }
        unmet = [r["rule"] for r in explained["NHT-T"]["rules"] if not r["passed"]]
        assert unmet == ["enabled", "routed"]
        assert explained["HYF-D"]["headroom"]["free_today_cents"] == 40_000_000

    def test_falls_to_the_next_named_funder_where_the_first_is_full(self, at: datetime) -> None:
        Programme.objects.filter(pk="HYF-D").update(cap_day_cents=999_999)
        drawdown_id = drawdowns.routing(at)
        services.allocate(drawdown_id=drawdown_id, at=at)
        assert latest(drawdown_id).recipient == "QTX"
        outcomes = [row["outcome"] for row in latest(drawdown_id).routing.explanation]
        assert outcomes == ["not named by the borrower", "no headroom", "reserved", "not eligible"]

    def test_passes_over_a_programme_that_takes_no_such_tag_or_level(self, at: datetime) -> None:
        Programme.objects.filter(pk="QTX-O").update(levels_only=["V2"])
        first, second = drawdowns.routing(at), drawdowns.routing(at)
        for drawdown_id in (first, second):
            user_id = Drawdown.objects.get(pk=drawdown_id).user_id
            tags.put(user_id=user_id, tag="hardship", source="decision:1 x", expires_at=at + timedelta(1), at=at)
        levels.recompute(user_id=user_id, history=LoanHistory(on_time_instalments=3), at=at)
        for drawdown_id in (first, second):
            services.allocate(drawdown_id=drawdown_id, at=at)
        assert Drawdown.objects.get(pk=first).status == "NO_FUNDER"
        assert latest(second).recipient == "QTX"
        unmet = {
            row["programme"]: [rule["rule"] for rule in row["rules"] if not rule["passed"]]
            for row in Routing.objects.get(drawdown=first).explanation
        }
        assert (unmet["HYF-D"], unmet["QTX-O"]) == (["tags"], ["level"])
        asked = {
            "product_code": "LINE", "channel_code": "OWN", "grade": "B", "amount_cents": 1_000_000, "months": 12,
            "province": "JS", "birth_date": date(1990, 6, 15),
        }  # fmt: skip
        named = [queries.candidates(**asked, user_id=user, at=at) for user in (None, user_id)]
        assert [[row.programme_code for row in rows] for rows in named] == [["HYF-D"], ["QTX-O"]]
        assert [row.programme_code for row in queries.candidates(**asked, user_id=user_id, at=at + timedelta(1))] == [
            "HYF-D",
            "QTX-O",
        ]  # the tag has run out

    def test_asks_nobody_whom_the_borrower_did_not_name(self, at: datetime) -> None:
        drawdown_id = drawdowns.routing(at, candidates=["QTX"])
        services.allocate(drawdown_id=drawdown_id, at=at)
        assert latest(drawdown_id).recipient == "QTX"

    def test_without_a_funder_says_so_and_keeps_the_explanation(self, at: datetime) -> None:
        Programme.objects.update(cap_day_cents=1)
        drawdown_id = drawdowns.routing(at)
        assert services.allocate(drawdown_id=drawdown_id, at=at) is None
        drawdown = Drawdown.objects.get(pk=drawdown_id)
        assert (drawdown.status, drawdown.reasons) == ("NO_FUNDER", ["M01"])
        assert [row["outcome"] for row in Routing.objects.get(drawdown=drawdown_id).explanation].count(
            "no headroom"
        ) == 2

    def test_refuses_a_drawdown_that_is_not_routing(self, at: datetime) -> None:
        allocation = drawdowns.asking(at)
        with pytest.raises(NotRouting):
            services.allocate(drawdown_id=allocation.drawdown_id, at=at)
        assert Allocation.objects.count() == 1

    def test_asks_again_after_the_approval_ran_out(self, at: datetime) -> None:
        first = drawdowns.signing(at)
        lending.approval_ran_out(drawdown_id=first.drawdown_id, at=at)
        services.allocate(drawdown_id=first.drawdown_id, at=at)
        first.refresh_from_db()
        assert (first.state, first.release_cause) == ("RELEASED", "approval_ran_out")
        assert latest(first.drawdown_id).recipient == "HYF"
        assert reserved("HYF-D") == first.amount_cents

    def test_a_funder_s_day_ends_at_its_cut_off(self, at: datetime) -> None:
        late = at.replace(hour=23, minute=30)
        services.allocate(drawdown_id=drawdowns.routing(late), at=late)
        assert HeadroomDay.objects.get(programme="HYF-D").business_date == date(2026, 3, 3)

    def test_says_when_the_funder_pays_and_how_much_of_every_cap_is_free(self, at: datetime) -> None:
        late = at.replace(hour=23, minute=30)
        services.allocate(drawdown_id=drawdowns.routing(late), at=late)
        rows = {row["programme"]: row for row in Routing.objects.get().explanation}
        timing = {r["rule"]: (r["passed"], r["value"], r["bound"]) for r in rows["HYF-D"]["rules"] if not r["blocks"]}
        assert timing == {
            "hours": (False, "23:30", "00:30-23:00"),
            "calendar": (True, "2026-03-02", "all days"),
            "cut_off": (False, "23:30", "23:00 of 2026-03-03"),
            "pays_from": (False, "2026-03-03 00:30", "now"),
        }
        assert rows["HYF-D"]["headroom"] == {
            "cap_today_cents": 40_000_000, "free_today_cents": 40_000_000,
            "cap_month_cents": 800_000_000, "free_month_cents": 800_000_000,
            "cap_outstanding_cents": 6_000_000_000, "free_outstanding_cents": 6_000_000_000,
            "cap_borrower_cents": 5_000_000, "free_borrower_cents": 5_000_000,
        }  # fmt: skip
        assert rows["LJB-G"]["headroom"]["free_guarantor_cents"] == 3_000_000_000
        assert {r["rule"]: r["value"] for r in rows["NHT-T"]["rules"]}["pays_from"] == "2026-03-03 09:00"

    def test_a_channel_s_share_of_the_funder_s_month_is_bounded(self, at: datetime) -> None:
        Funder.objects.filter(pk="HYF").update(shares_from_cents=2_000_000, channels_exempt=[])
        asked = [drawdowns.asking(at).recipient for _ in range(3)]
        assert asked == ["HYF", "HYF", "QTX"]  # a third from the one channel would be all of the month
        explanation = Routing.objects.latest("pk").explanation[1]
        assert [r["rule"] for r in explanation["rules"] if not r["passed"]] == ["channel_share", "province_share"]

    def test_keeps_to_the_cap_per_borrower(self, at: datetime) -> None:
        Programme.objects.filter(pk="HYF-D").update(per_borrower_cents=1_500_000)
        drawdown_id = drawdowns.routing(at, amount_cents=1_520_000, grade="A")
        services.allocate(drawdown_id=drawdown_id, at=at)
        assert latest(drawdown_id).recipient == "QTX"


class TestGuarantee:
    def test_asks_the_bank_first_and_holds_its_guarantor_s_balance(self, at: datetime) -> None:
        allocation = drawdowns.asking(at, candidates=["LJB", "HYF", "QTX"])
        drawdown = Drawdown.objects.get(pk=allocation.drawdown_id)
        assert (allocation.recipient, drawdown.guarantor_code) == ("LJB", "AHG")
        assert (drawdown.annual_rate, drawdown.guarantee_rate) == (Decimal("0.1440"), Decimal("0.0480"))
        assert HeadroomGuarantor.objects.get().reserved_cents == allocation.amount_cents
        settle(allocation, "refused", at)
        assert HeadroomGuarantor.objects.get().reserved_cents == 0
        services.allocate(drawdown_id=drawdown.pk, at=at)
        assert latest(drawdown.pk).recipient == "HYF"
        drawdown = Drawdown.objects.get(pk=drawdown.pk)
        assert (drawdown.guarantor_code, drawdown.guarantee_rate) == ("", 0)

    def test_goes_on_to_the_next_where_the_guarantor_s_balance_is_full(self, at: datetime) -> None:
        Guarantor.objects.update(net_capital_cents=100_000)
        assert [drawdowns.asking(at, candidates=["LJB", "HYF"]).recipient for _ in range(2)] == ["LJB", "HYF"]
        unmet = [r["rule"] for r in Routing.objects.latest("pk").explanation[0]["rules"] if not r["passed"]]
        assert unmet == ["guarantor"]

    def test_asks_no_bank_whose_guarantor_the_borrower_did_not_name(self, at: datetime) -> None:
        Programme.objects.filter(pk="HYF-D").update(guarantor="AHG")
        drawdown_id = drawdowns.routing(at)
        services.allocate(drawdown_id=drawdown_id, at=at)
        assert latest(drawdown_id).recipient == "QTX"
        assert latest(drawdown_id).routing.explanation[1]["outcome"] == "guarantor not named"

    def test_database_lets_nothing_go_to_a_guarantor_who_is_not_named(self, at: datetime) -> None:
        named, other = drawdowns.asking(at, candidates=["LJB"]), drawdowns.asking(at)
        later, bank = at + timedelta(minutes=2), ("LJB", "HYF")
        bare = {code: consent(named.user_id, code, later, bank) for code in ("funder_share", "funder_bureau")}
        for field, code in (("consent_id", "funder_share"), ("bureau_consent_id", "funder_bureau")):
            with pytest.raises(IntegrityError, match="does not name AHG"), transaction.atomic():
                Allocation.objects.filter(pk=named.pk).update(**{field: bare[code]}, leased_until=at)
        Allocation.objects.filter(pk=other.pk).update(leased_until=at)  # one without a guarantor asks for none

    def test_the_borrower_sees_both_who_have_their_data(self, at: datetime) -> None:
        allocation = drawdowns.asking(at, candidates=["LJB"])
        assert [row.recipient for row in queries.shares_of(allocation.user_id)] == ["LJB", "AHG"]


class TestFallback:
    def test_a_refusal_releases_and_goes_to_the_next_named_funder(self, at: datetime) -> None:
        first = drawdowns.asking(at)
        assert settle(first, "refused", at) == "applied"
        assert (reserved("HYF-D"), Drawdown.objects.get(pk=first.drawdown_id).status) == (0, "ROUTING")
        services.allocate(drawdown_id=first.drawdown_id, at=at)
        second = latest(first.drawdown_id)
        assert (second.recipient, [row["outcome"] for row in second.routing.explanation][1]) == ("QTX", "asked before")

    def test_after_the_last_refusal_the_reason_is_the_funder_s(self, at: datetime) -> None:
        first = drawdowns.asking(at, candidates=["HYF"])
        settle(first, "refused", at)
        services.allocate(drawdown_id=first.drawdown_id, at=at)
        drawdown = Drawdown.objects.get(pk=first.drawdown_id)
        assert (drawdown.status, drawdown.reasons) == ("NO_FUNDER", ["M02"])
        [said] = told.explained(told.drawdown(drawdown.pk))
        name = told.party("HYF")
        assert said.text_en == f"Our funding partner {name.legal_name} did not approve this loan."
        assert said.text_zh == f"合作资金方{name.legal_name_zh}未通过本次申请。"

    def test_a_refusal_is_no_news_once_another_funder_has_it(self, at: datetime) -> None:
        first = drawdowns.asking(at)
        settle(first, "refused", at)
        services.allocate(drawdown_id=first.drawdown_id, at=at)
        assert told.drawdown(first.drawdown_id).reasons == ("M02",)
        assert told.explained(told.drawdown(first.drawdown_id)) == ()

    def test_who_has_not_refused_is_waited_for(self, at: datetime) -> None:
        Programme.objects.filter(pk="QTX-O").update(cap_day_cents=1)
        first = drawdowns.asking(at)
        settle(first, "refused", at)
        services.allocate(drawdown_id=first.drawdown_id, at=at)
        drawdown = Drawdown.objects.get(pk=first.drawdown_id)
        assert (drawdown.status, drawdown.reasons) == ("NO_FUNDER", ["M01"])

    def test_never_while_a_payout_may_have_gone_out(self, at: datetime) -> None:
        allocation = drawdowns.signed(at)
        payout_id = services.start_payout(drawdown_id=allocation.drawdown_id, at=at)
        Payout.objects.filter(pk=payout_id).update(state="UNKNOWN")
        with pytest.raises(PayoutUnresolved):
            services.release(drawdown_id=allocation.drawdown_id, at=at)
        fields = [f for f in Allocation._meta.concrete_fields if not f.primary_key]
        copy = Allocation(**{f.attname: getattr(allocation, f.attname) for f in fields} | {"key": "second"})
        with pytest.raises(IntegrityError, match="payout_unresolved"), transaction.atomic():
            copy.save()

    def test_a_late_answer_changes_nothing(self, at: datetime) -> None:
        allocation = drawdowns.asking(at)
        lending.cancel(drawdown_id=allocation.drawdown_id, by="user:1", at=at)
        assert services.release(drawdown_id=allocation.drawdown_id, at=at)
        assert not services.release(drawdown_id=allocation.drawdown_id, at=at)
        assert settle(allocation, "accepted", at) == "late"
        allocation.refresh_from_db()
        assert (allocation.state, reserved("HYF-D")) == ("RELEASED", 0)
        assert Drawdown.objects.get(pk=allocation.drawdown_id).status == "CANCELLED"

    def test_an_answer_between_cancelling_and_release_frees_the_money(self, at: datetime) -> None:
        allocation = drawdowns.asking(at)
        lending.cancel(drawdown_id=allocation.drawdown_id, by="user:1", at=at)
        settle(allocation, "accepted", at)
        allocation.refresh_from_db()
        assert (allocation.state, allocation.release_cause, reserved("HYF-D")) == ("RELEASED", "closed", 0)

    def test_half_an_hour_without_an_answer_is_a_no(self, at: datetime) -> None:
        allocation = drawdowns.asking(at)
        settle(allocation, "pending", at)
        Allocation.objects.update(not_before=at + timedelta(days=1))
        assert services.run_due(now=at + timedelta(minutes=29)) == 0
        assert services.run_due(now=at + timedelta(minutes=30)) == 1
        allocation.refresh_from_db()
        assert (allocation.state, allocation.release_cause) == ("RELEASED", "no_answer")
        assert allocation.withdraw_due  # the funder is told that it is no longer needed
        services.allocate(drawdown_id=allocation.drawdown_id, at=at + timedelta(minutes=30))
        assert latest(allocation.drawdown_id).recipient == "QTX"


class TestConsent:
    def withdraw(self, allocation: Allocation, at: datetime) -> None:
        consent = allocation.consent
        consents.withdraw(user_id=consent.user_id, consent_id=consent.pk, by=f"user:{consent.user_id}", at=at)

    def test_nothing_leaves_once_the_consent_is_withdrawn(self, at: datetime) -> None:
        allocation = drawdowns.asking(at)
        self.withdraw(allocation, at)
        assert services.run_allocation(allocation_id=allocation.pk, now=at)  # there is no wire to leave by in this test
        allocation.refresh_from_db()
        assert (allocation.state, allocation.release_cause, allocation.attempts) == ("RELEASED", "no_consent", 0)
        assert reserved("HYF-D") == 0
        services.allocate(drawdown_id=allocation.drawdown_id, at=at)
        outcomes = [r["outcome"] for r in Routing.objects.filter(drawdown=allocation.drawdown_id)[0].explanation]
        assert outcomes == ["not named by the borrower", "asked before", "consent withdrawn", "not eligible"]

    def test_database_refuses_to_claim_under_a_withdrawn_consent(self, at: datetime) -> None:
        allocation = drawdowns.asking(at)
        self.withdraw(allocation, at)
        with pytest.raises(IntegrityError, match="consent_not_live"), transaction.atomic():
            Allocation.objects.filter(pk=allocation.pk).update(leased_until=at + timedelta(seconds=30))

    def test_database_refuses_another_s_consent_and_an_unnamed_recipient(self, at: datetime) -> None:
        mine, other = drawdowns.asking(at, candidates=["QTX"]), drawdowns.asking(at)
        for change in ({"consent": other.consent}, {"bureau_consent": other.bureau_consent}):
            with pytest.raises(IntegrityError, match="consent_not_live"), transaction.atomic():
                Allocation.objects.filter(pk=mine.pk).update(**change, leased_until=at)
        with pytest.raises(IntegrityError, match="allocation_mismatch"), transaction.atomic():
            Allocation.objects.filter(pk=mine.pk).update(recipient="HYF")

    def test_database_refuses_a_second_live_allocation(self, at: datetime) -> None:
        allocation = drawdowns.asking(at)
        change = {
            "key": "second",
            "routing_id": Routing.objects.create(drawdown_id=allocation.drawdown_id, explanation=[], at=at).pk,
            "reservation_id": headroom.reserve(
                programme_code="HYF-D",
                drawdown_id=allocation.drawdown_id,
                amount_cents=allocation.amount_cents,
                day=at.date(),
                at=at,
            ),
        }
        fields = [f for f in Allocation._meta.concrete_fields if not f.primary_key]
        copy = Allocation(**{f.attname: getattr(allocation, f.attname) for f in fields} | change)
        with pytest.raises(IntegrityError, match="one_live_allocation"), transaction.atomic():
            copy.save()


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_drawdowns_at_the_same_moment_share_the_last_headroom(self, clock: Clock) -> None:
        at = clock.at
        configure(at, apps=("lending", "users", "funding"))
        Programme.objects.filter(pk="HYF-D").update(cap_day_cents=3_500_000)
        with transaction.atomic():
            ids = [drawdowns.routing(at) for _ in range(8)]

        def one(drawdown_id: int) -> None:
            try:
                with transaction.atomic():
                    services.allocate(drawdown_id=drawdown_id, at=at)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, ids))
        funders = list(Allocation.objects.order_by("recipient").values_list("recipient", flat=True))
        assert funders == ["HYF"] * 3 + ["QTX"] * 5
        assert (reserved("HYF-D"), reserved("QTX-O")) == (3_000_000, 5_000_000)

    def test_drawdowns_at_the_same_moment_keep_to_the_shares_of_the_month(self, clock: Clock) -> None:
        at = clock.at
        configure(at, apps=("lending", "users", "funding"))
        Funder.objects.filter(pk="HYF").update(shares_from_cents=2_000_000, channels_exempt=[])
        with transaction.atomic():
            ids = [drawdowns.routing(at) for _ in range(8)]
        barrier = Barrier(8)

        def one(drawdown_id: int) -> None:
            try:
                barrier.wait()
                with transaction.atomic():
                    services.allocate(drawdown_id=drawdown_id, at=at)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, ids))
        funders = list(Allocation.objects.order_by("recipient").values_list("recipient", flat=True))
        assert funders == ["HYF"] * 2 + ["QTX"] * 6  # as one after the other
        assert (reserved("HYF-D"), reserved("QTX-O")) == (2_000_000, 6_000_000)

    def test_a_borrower_with_two_grants_stays_under_the_cap_per_borrower(self, clock: Clock) -> None:
        at = clock.at
        configure(at, apps=("lending", "users", "funding"))
        Programme.objects.filter(pk="HYF-D").update(per_borrower_cents=1_500_000)
        with transaction.atomic():
            who = loans.taker(at)
            grants = [loans.granted(at, who, product_code=code) for code in ("LINE", "ONCE")]
            ids = [loans.requested(at, who, grant_id) for grant_id in grants]
            for pk in ids:
                lending.record_check(drawdown_id=pk, outcome="approve", reasons=(), decision_id=None, at=at)
        barrier = Barrier(2)

        def one(drawdown_id: int) -> None:
            try:
                barrier.wait()
                with transaction.atomic():
                    services.allocate(drawdown_id=drawdown_id, at=at)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, ids))
        assert sorted(Allocation.objects.values_list("recipient", flat=True)) == ["HYF", "QTX"]


def test_a_payment_answer_never_settles_an_allocation(at: datetime) -> None:
    allocation = drawdowns.asking(at)
    outcome = services.handle_callback(
        provider="payment",
        event_id="e1",
        payload={"type": "payout.succeeded", "data": {"key": allocation.key, "status": "succeeded", "amount_cents": 1}},
        at=at,
    )
    assert outcome == "unknown_key"
