"""Searches, and what leaves us for a platform: to whom, under what, once. Platforms are played by the sandbox."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from lending import flow
from lending.common.errors import DomainError
from lending.models import Application, Loan
from lending.services import applications, drawdowns, grants
from tests.conftest import Clock
from tests.factories import loans as factory
from tests.factories.applications import judged
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from tests.factories.offers import chosen, consented, declined, offered
from tests.factories.staff import officer
from tests.sandbox_server import SandboxClient
from traffic import queries, services
from traffic.models import Lead, Offer, OfferSearch, Platform, PlatformCallback, PlatformDay, PlatformLine, Trigger
from traffic.providers.base import LeadAnswer
from traffic.services import leads
from traffic.services.leads import settle_lead
from users import queries as users
from users.models import Notice
from users.services import accounts, consents, lists, tags

SOON = timedelta(seconds=10)


def search(application_id: int, trigger: str, at: datetime) -> OfferSearch:
    return OfferSearch.objects.get(pk=services.match_offers(application_id=application_id, trigger=trigger, at=at))


def run(lead: Lead, at: datetime) -> Lead:
    services.run_lead(lead_id=lead.pk, now=at)
    lead.refresh_from_db()
    return lead


def phone(lead: Lead) -> str:
    return users.person(lead.user_id).phone


def told(sandbox: SandboxClient, lead: Lead, vendor: str = "bridge") -> list[str]:
    """Bodies of pushes about this lead."""
    bodies = [str(call["body"]) for call in sandbox.calls(vendor) if call["method"] == "POST"]
    return [body for body in bodies if lead.key in body and "order.query" not in body]


class TestSearch:
    def test_offers_by_place_with_its_cost_and_what_the_place_was_reckoned_of(self, at: datetime) -> None:
        found = search(declined(at), "declined", at)
        rows = list(Offer.objects.filter(search=found).order_by("place"))
        assert found.result == "BRIDGE SUNNY"
        # Of nobody's odds anything is known: the cheaper one first, though the other pays us more.
        assert [str(row.platform_id) for row in rows] == ["SUNNY", "BRIDGE"]
        assert rows[0].xirr < rows[1].xirr
        assert [row.commission_cents for row in rows] == [3_000, 15_000]
        assert rows[0].score["commission_counted"] is False
        assert rows[0].instalment_cents * 12 >= 1_000_000

    def test_is_one_a_day_for_each_application_and_trigger(self, at: datetime) -> None:
        application_id = declined(at)
        first = search(application_id, "declined", at)
        assert search(application_id, "declined", at + timedelta(hours=13)).pk == first.pk
        assert search(application_id, "own_page", at).pk != first.pk
        tomorrow = search(application_id, "declined", at + timedelta(hours=14))
        assert tomorrow.pk != first.pk
        states = dict(Offer.objects.order_by("pk").values_list("search_id", "state"))
        assert (states[first.pk], states[tomorrow.pk]) == ("closed", "open")
        with pytest.raises(IntegrityError, match="offer_search_once_a_day"), transaction.atomic():
            OfferSearch.objects.create(
                application_id=application_id,
                trigger="declined",
                considered=[],
                result="none",
                at=at,
                on_date=first.on_date,
            )

    def test_for_a_drawdown_without_a_funder_is_for_that_and_once_a_day(self, at: datetime) -> None:
        who = factory.taker(at)
        grant_id = factory.granted(at, who, grade="C", amount_cents=3_000_000, months=12)
        drawdown_id = factory.requested(at, who, grant_id, amount_cents=700_000)
        drawdowns.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=None, at=at)
        drawdowns.no_funder(drawdown_id=drawdown_id, reasons=["M01"], at=at)
        application_id = Application.objects.get(user_id=who.user_id).pk
        looks = [search(application_id, "no_funder", at + timedelta(hours=hours)) for hours in (0, 1, 24)]
        assert looks[0].pk == looks[1].pk != looks[2].pk
        assert looks[0].amount_cents == 700_000

    def test_for_more_than_was_granted_is_for_the_missing_part_alone(self, at: datetime) -> None:
        application_id = judged(at, "approve", grade="C", offer_cents=400_000, amount_cents=1_200_000, reasons=())
        grants.open(application_id=application_id, at=at)
        found = search(application_id, "asked_more_than_granted", at)
        assert found.amount_cents == 800_000
        assert set(Offer.objects.filter(search=found).values_list("amount_cents", flat=True)) == {800_000}
        assert search(application_id, "own_page", at).amount_cents == 800_000

    def test_counts_what_was_granted_and_may_still_be_drawn_as_to_be_carried(self, at: datetime) -> None:
        user_id = borrower(at, net_income_cents=300_000)  # 1,500 a month: 12 instalments of 918 and of 460 fit no more
        application_id = judged(
            at, "approve", grade="C", offer_cents=1_200_000, amount_cents=1_900_000, reasons=(), user_id=user_id
        )
        grants.open(application_id=application_id, at=at)
        found = search(application_id, "asked_more_than_granted", at)
        assert found.result == "none"
        failed = {
            row["platform"]: [one["rule"] for one in row["rules"] if not one["passed"]] for row in found.considered
        }
        assert failed == {"BRIDGE": ["affordable"], "SUNNY": ["affordable"]}

    @pytest.mark.parametrize("ground", ["list", "tag", "appeal", "refused", "owes"])
    def test_finds_nobody_for_who_is_excluded_whatever_set_it_off(self, at: datetime, ground: str) -> None:
        user_id = borrower(at)
        application_id = declined(at, user_id=user_id)
        match ground:
            case "list":
                person = users.person(user_id)
                lists.add(kind="black", subject="phone", value=person.phone, reason="forged", by="system", at=at)
            case "tag":
                tags.put(user_id=user_id, tag="hardship", source="rule", at=at)
            case "appeal":
                applications.appeal(application_id=application_id, reason="look again", by=f"user:{user_id}", at=at)
            case "refused":  # the other product, for fraud
                declined(at, user_id=user_id, product_code="BIZ", purpose="business", reasons=("F04",))
            case "owes":
                who = factory.taker(at)
                loan = factory.paid_out(at, who, factory.granted(at, who))
                Loan.objects.filter(pk=loan.pk).update(dpd=1)
                application_id = declined(at, user_id=who.user_id, product_code="BIZ", purpose="business")
        for trigger in Trigger.values:
            found = search(application_id, trigger, at)
            assert found.result == ("held" if ground == "appeal" else "excluded")
            assert found.excluded
        assert not Offer.objects.exists()

    def test_own_page_looks_for_what_the_latest_decided_application_left_open(self, at: datetime) -> None:
        user_id = borrower(at)
        with pytest.raises(DomainError, match="nothing"):
            services.look_for(user_id=user_id, at=at)
        application_id = declined(at, user_id=user_id)
        found = OfferSearch.objects.get(pk=services.look_for(user_id=user_id, at=at))
        assert (found.application_id, found.trigger, found.amount_cents) == (application_id, "own_page", 1_000_000)

    def test_own_page_has_nothing_to_look_for_where_all_was_granted(self, at: datetime) -> None:
        application_id = judged(at, "approve", grade="B", reasons=())
        user_id = Application.objects.get(pk=application_id).user_id
        with pytest.raises(services.NothingToLookFor):
            services.look_for(user_id=user_id, at=at)


class TestChoice:
    def test_speaks_for_a_place_and_the_price_of_the_lead(self, at: datetime) -> None:
        lead = chosen(at)
        platform = Platform.objects.get(pk="BRIDGE")
        assert (lead.state, lead.recipient, lead.held_cents) == ("CHOSEN", "BRIDGE", 15_000)
        assert (platform.held_cents, platform.balance_cents) == (15_000, 2_000_000)
        assert PlatformDay.objects.get().used == 1
        assert users.consent(lead.consent_id).recipients == ("BRIDGE",)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"cap_day": 0}, "platform_full"),
            ({"balance_cents": 14_999}, "platform_full"),
            ({"enabled": False}, "platform_full"),
        ],
    )
    def test_is_refused_where_the_platform_takes_nobody(self, at: datetime, change: dict[str, Any], code: str) -> None:
        offer = offered(at)
        consent_id = consented(offer, at)
        Platform.objects.filter(pk="BRIDGE").update(**change)
        with pytest.raises(DomainError) as caught, transaction.atomic():
            services.choose(user_id=offer.user_id, offer_id=offer.public_id, consent_id=consent_id, at=at)
        assert caught.value.code == code
        assert (Lead.objects.count(), PlatformDay.objects.count()) == (0, 0)
        assert Platform.objects.get(pk="BRIDGE").held_cents == 0

    def test_is_one_for_an_application_until_it_is_over_and_of_its_owner(self, at: datetime) -> None:
        lead = chosen(at)
        other = Offer.objects.get(application_id=lead.application_id, platform_id="SUNNY")
        with pytest.raises(DomainError) as caught:
            services.check_can_choose(user_id=lead.user_id, offer_id=other.public_id, at=at)
        assert caught.value.code == "another_chosen"
        with pytest.raises(DomainError) as caught:
            services.check_can_choose(user_id=borrower(at), offer_id=other.public_id, at=at)
        assert caught.value.code == "not_found"
        Lead.objects.filter(pk=lead.pk).update(state="SENT", sent_at=at)
        settle_lead(lead_id=lead.pk, answer=LeadAnswer("refused", reason="no"), at=at)
        assert services.check_can_choose(user_id=lead.user_id, offer_id=other.public_id, at=at) == "SUNNY"
        with pytest.raises(DomainError) as caught:
            services.check_can_choose(user_id=lead.user_id, offer_id=lead.offer.public_id, at=at)
        assert caught.value.code == "offer_gone"
        with pytest.raises(DomainError) as caught:
            services.check_can_choose(user_id=lead.user_id, offer_id=other.public_id, at=at + timedelta(days=7))
        assert caught.value.code == "offer_gone"

    def test_is_refused_to_who_is_excluded_since_without_a_word_why(self, at: datetime) -> None:
        offer = offered(at)
        tags.put(user_id=offer.user_id, tag="aml_possible", source="rule", at=at)
        with pytest.raises(DomainError) as caught:
            services.check_can_choose(user_id=offer.user_id, offer_id=offer.public_id, at=at)
        assert (caught.value.code, caught.value.data) == ("not_offered", {})

    @pytest.mark.parametrize("wrong", ["recipient", "other user", "withdrawn", "no distribution"])
    def test_needs_a_live_consent_that_names_the_platform(self, at: datetime, wrong: str) -> None:
        offer = offered(at)
        match wrong:
            case "recipient":
                consent_id = consented(offer, at, "SUNNY")
            case "other user":
                consent_id = consented(offered(at), at)
            case "withdrawn":
                consent_id = consented(offer, at)
                consents.withdraw(user_id=offer.user_id, consent_id=consent_id, by="user", at=at)
            case _:
                consent_id = users.live_consents(offer.user_id, at)[0].id
        with pytest.raises(IntegrityError, match=r"consent_not_live|lead_mismatch"), transaction.atomic():
            services.choose(user_id=offer.user_id, offer_id=offer.public_id, consent_id=consent_id, at=at)


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_no_more_are_taken_than_there_are_places_and_money_for(self, clock: Clock) -> None:
        configure(clock.at, apps=("lending", "users", "traffic"))
        with transaction.atomic():
            offers = [offered(clock.at) for _ in range(6)]
            pairs = [(offer, consented(offer, clock.at)) for offer in offers]
        Platform.objects.filter(pk="BRIDGE").update(cap_day=4, balance_cents=3 * 15_000 + 14_999)

        def one(pair: tuple[Offer, int]) -> bool:
            offer, consent_id = pair
            try:
                with transaction.atomic():
                    services.choose(user_id=offer.user_id, offer_id=offer.public_id, consent_id=consent_id, at=clock.at)
            except services.PlatformFull:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(one, pairs)) == 3
        platform = Platform.objects.get(pk="BRIDGE")
        assert (platform.held_cents, PlatformDay.objects.get().used, Lead.objects.count()) == (45_000, 3, 3)


# A lead's transactions are its own.
@pytest.fixture
def on_their_own(transactional_db: None, clock: Clock, sandbox: SandboxClient) -> datetime:
    configure(clock.at, apps=("lending", "users", "traffic"))
    for vendor in ("bridge", "sunny"):
        sandbox.control(vendor, decide_ms=[0, 0], settle_ms=[0, 0], approve_rate=1, returns_rate=0)
    return clock.at


def of_a_choice(at: datetime, code: str = "BRIDGE") -> Lead:
    with transaction.atomic():
        return chosen(at, code)


class TestRun:
    @pytest.mark.parametrize(("code", "vendor"), [("BRIDGE", "bridge"), ("SUNNY", "sunny")])
    def test_asks_blindly_first_and_then_tells_the_chosen_one_once(
        self, on_their_own: datetime, sandbox: SandboxClient, code: str, vendor: str
    ) -> None:
        at = on_their_own
        lead = of_a_choice(at, code)
        person = users.person(lead.user_id)
        assert run(lead, at).state == "READY"
        for call in sandbox.calls(vendor):
            assert person.phone not in str(call["body"])
        assert run(lead, at).state in ("SENT", "ACCEPTED", "PAID")
        [body] = told(sandbox, lead, vendor)
        assert person.phone in body
        assert person.id_number not in body  # the consent speaks of name, phone, amount and term
        other = {"bridge": "sunny", "sunny": "bridge"}[vendor]
        assert not told(sandbox, lead, other)
        time.sleep(0.05)
        assert run(lead, at + timedelta(hours=7)).state == ("PAID" if code == "BRIDGE" else "ACCEPTED")
        assert not services.run_lead(lead_id=lead.pk, now=at + timedelta(hours=7))
        assert len(told(sandbox, lead, vendor)) == 1
        [line] = PlatformLine.objects.filter(lead=lead)
        assert (line.reason, line.amount_cents) == (("paid_out", 15_000) if code == "BRIDGE" else ("lead", 3_000))

    def test_nothing_leaves_where_the_platform_knows_them_already(
        self, on_their_own: datetime, sandbox: SandboxClient
    ) -> None:
        at = on_their_own
        for code, vendor in (("BRIDGE", "bridge"), ("SUNNY", "sunny")):
            lead = of_a_choice(at, code)
            sandbox.control(vendor, force={phone(lead): "known"})
            assert run(lead, at).state == "ENDED"
            assert (lead.end, lead.held_cents) == ("known", 0)
            assert not told(sandbox, lead, vendor)
        assert not Platform.objects.exclude(held_cents=0).exists()
        assert not PlatformDay.objects.exclude(used=0).exists()

    @pytest.mark.parametrize("when", ["before the precheck", "before the push"])
    def test_a_consent_withdrawn_between_choice_and_push_stops_it(
        self, on_their_own: datetime, sandbox: SandboxClient, when: str
    ) -> None:
        at = on_their_own
        lead = of_a_choice(at)
        if when == "before the push":
            run(lead, at)
        with transaction.atomic():
            consents.withdraw(user_id=lead.user_id, consent_id=lead.consent_id, by="user:1", at=at)
        assert run(lead, at + SOON).state == "ENDED"
        assert (lead.end, Platform.objects.get(pk="BRIDGE").held_cents) == ("no_consent", 0)
        assert not told(sandbox, lead)

    def test_who_is_excluded_since_the_choice_is_not_told_of(
        self, on_their_own: datetime, sandbox: SandboxClient
    ) -> None:
        at = on_their_own
        lead = of_a_choice(at)
        run(lead, at)
        with transaction.atomic():
            applications.appeal(application_id=lead.application_id, reason="look again", by="user:1", at=at)
        assert run(lead, at + SOON).state == "ENDED"
        assert lead.end == "excluded"
        assert not told(sandbox, lead)

    @pytest.mark.parametrize(
        ("fault", "state", "pushes"),
        [
            ({"timeout_rate": 1, "hang_ms": 6_000}, "UNKNOWN", 1),  # it was done: found by its key
            ({"lost_rate": 1, "hang_ms": 6_000}, "UNKNOWN", 2),  # it was not: absent, and told again under its key
            ({"error_rate": 1}, "READY", 2),
            ({"malformed_rate": 1}, "UNKNOWN", 1),
        ],
        ids=["timeout", "lost", "error", "malformed"],
    )
    def test_is_told_again_only_where_the_platform_has_never_heard_of_it(
        self,
        on_their_own: datetime,
        sandbox: SandboxClient,
        monkeypatch: pytest.MonkeyPatch,
        fault: dict[str, Any],
        state: str,
        pushes: int,
    ) -> None:
        monkeypatch.setattr("traffic.providers.base.TIMEOUT_MS", 700)
        at = on_their_own
        lead = of_a_choice(at)
        run(lead, at)
        sandbox.control("bridge", **fault)
        assert run(lead, at + SOON).state == state
        sandbox.control("bridge", timeout_rate=0, lost_rate=0, error_rate=0, malformed_rate=0)
        for minutes in range(1, 5):
            if run(lead, at + timedelta(minutes=minutes)).state == "PAID":
                break
            time.sleep(0.05)
        assert lead.state == "PAID"
        bodies = told(sandbox, lead)
        assert (len(bodies), len(set(bodies))) == (pushes, 1)
        assert PlatformLine.objects.filter(lead=lead).count() == 1

    def test_who_does_not_answer_is_pointed_out_until_it_does(
        self, on_their_own: datetime, sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("traffic.providers.base.TIMEOUT_MS", 700)
        monkeypatch.setattr(leads, "ATTEMPTS_BEFORE_NOTICE", 4)
        at = on_their_own
        lead = of_a_choice(at)
        run(lead, at)
        sandbox.control("bridge", timeout_rate=1, hang_ms=6_000)
        assert run(lead, at + SOON).state == "UNKNOWN"
        sandbox.control("bridge", timeout_rate=0, error_rate=1)
        for minutes, raised in ((1, 0), (2, 1), (3, 1)):
            assert run(lead, at + timedelta(minutes=minutes)).state == "UNKNOWN"
            assert Notice.objects.filter(kind="lead_unknown", subject=f"lead:{lead.pk}").count() == raised
        sandbox.control("bridge", error_rate=0)
        run(lead, at + timedelta(minutes=9))
        notice = Notice.objects.get(kind="lead_unknown")
        assert (notice.closed_by, notice.times) == ("system", 2)

    def test_is_told_once_by_however_many_workers(self, on_their_own: datetime, sandbox: SandboxClient) -> None:
        at = on_their_own
        lead = of_a_choice(at)
        run(lead, at)

        def one(_: int) -> bool:
            try:
                return services.run_lead(lead_id=lead.pk, now=at + SOON)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(one, range(4))) == 1
        assert len(told(sandbox, lead)) == 1

    def test_a_platform_that_was_switched_off_is_told_of_nobody(
        self, on_their_own: datetime, sandbox: SandboxClient
    ) -> None:
        at = on_their_own
        lead = of_a_choice(at)
        run(lead, at)
        Platform.objects.filter(pk="BRIDGE").update(enabled=False)
        assert run(lead, at + SOON).state == "ENDED"
        assert not told(sandbox, lead)

    def test_what_a_platform_does_not_understand_ends_and_gives_back_what_it_held(
        self, on_their_own: datetime, sandbox: SandboxClient
    ) -> None:
        at = on_their_own
        lead = of_a_choice(at)
        run(lead, at)
        sandbox.control("bridge", error_rate=1, error_status=422)
        assert run(lead, at + SOON).state == "ENDED"
        assert (lead.end, Platform.objects.get(pk="BRIDGE").held_cents) == ("not_taken", 0)


def sent(at: datetime, code: str = "BRIDGE") -> Lead:
    lead = chosen(at, code)
    Lead.objects.filter(pk=lead.pk).update(state="SENT", sent_at=at)
    return lead


class TestSettle:
    @pytest.mark.parametrize(
        ("code", "said", "state", "amounts"),
        [
            ("BRIDGE", ["accepted"], "ACCEPTED", []),
            ("BRIDGE", ["accepted", "paid", "paid"], "PAID", [12_000]),
            ("BRIDGE", ["paid", "accepted"], "PAID", [12_000]),  # overtaken on the way
            ("BRIDGE", ["paid", "returned", "paid"], "RETURNED", [12_000, -12_000]),
            ("BRIDGE", ["returned", "paid"], "RETURNED", []),  # nets to nothing either way
            ("BRIDGE", ["refused", "paid"], "REFUSED", []),
            ("BRIDGE", ["paid", "refused"], "PAID", [12_000]),
            ("SUNNY", ["accepted", "accepted"], "ACCEPTED", [3_000]),
            ("SUNNY", ["accepted", "returned", "returned"], "RETURNED", [3_000, -3_000]),
            ("SUNNY", ["pending", "refused"], "REFUSED", []),
        ],
    )
    def test_each_word_counts_once_in_whatever_order(
        self, at: datetime, code: str, said: list[str], state: str, amounts: list[int]
    ) -> None:
        lead = sent(at, code)
        before = Platform.objects.get(pk=code).balance_cents
        for hours, word in enumerate(said):
            answer = LeadAnswer(word, paid_cents=800_000 if word == "paid" else 0)  # type: ignore[arg-type]
            settle_lead(lead_id=lead.pk, answer=answer, at=at + timedelta(hours=hours))
        lead.refresh_from_db()
        platform = Platform.objects.get(pk=code)
        assert lead.state == state
        assert list(PlatformLine.objects.order_by("pk").values_list("amount_cents", flat=True)) == amounts
        assert platform.balance_cents == before - sum(amounts)
        assert platform.held_cents == lead.held_cents == (15_000 if (code, state) == ("BRIDGE", "ACCEPTED") else 0)

    @pytest.mark.parametrize(("code", "days"), [("BRIDGE", 15), ("SUNNY", 7)])
    def test_what_comes_back_after_the_agreed_days_stays_earned(self, at: datetime, code: str, days: int) -> None:
        word = {"BRIDGE": "paid", "SUNNY": "accepted"}[code]
        for late, lines in ((0, 2), (1, 1)):
            lead = sent(at, code)
            settle_lead(lead_id=lead.pk, answer=LeadAnswer(word, paid_cents=800_000), at=at)  # type: ignore[arg-type]
            back = at + timedelta(days=days, seconds=late)
            settle_lead(lead_id=lead.pk, answer=LeadAnswer("returned"), at=back)
            assert PlatformLine.objects.filter(lead=lead).count() == lines

    def test_what_never_comes_to_a_loan_is_watched_for_a_month_and_holds_nothing_after(self, at: datetime) -> None:
        lead = sent(at)
        settle_lead(lead_id=lead.pk, answer=LeadAnswer("accepted"), at=at)
        settle_lead(lead_id=lead.pk, answer=LeadAnswer("accepted"), at=at + timedelta(days=29))
        lead.refresh_from_db()
        assert (lead.watched, lead.held_cents) == (True, 15_000)
        settle_lead(lead_id=lead.pk, answer=LeadAnswer("accepted"), at=at + timedelta(days=30))
        lead.refresh_from_db()
        assert (lead.watched, Platform.objects.get(pk="BRIDGE").held_cents) == (False, 0)
        settle_lead(lead_id=lead.pk, answer=LeadAnswer("paid", paid_cents=100_000), at=at + timedelta(days=31))
        assert PlatformLine.objects.get().amount_cents == 1_500

    def test_a_line_is_never_changed(self, at: datetime) -> None:
        lead = sent(at)
        settle_lead(lead_id=lead.pk, answer=LeadAnswer("paid", paid_cents=100_000), at=at)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            PlatformLine.objects.update(amount_cents=1)

    def test_odds_follow_what_a_platform_has_said_to_that_grade(self, at: datetime) -> None:
        for _ in range(6):
            settle_lead(lead_id=sent(at).pk, answer=LeadAnswer("accepted"), at=at)
            settle_lead(lead_id=sent(at, "SUNNY").pk, answer=LeadAnswer("refused"), at=at)
        rows = Offer.objects.filter(search=search(declined(at), "declined", at)).order_by("place")
        assert [(str(row.platform_id), str(row.odds)) for row in rows] == [("BRIDGE", "0.62"), ("SUNNY", "0.38")]


class TestErasure:
    def test_waits_for_what_is_under_way_and_empties_what_platforms_wrote(self, at: datetime) -> None:
        lead = sent(at)
        assert "work" in flow.erasing(user_id=lead.user_id, at=at).in_the_way
        assert queries.is_telling(lead.user_id)
        told = {"key": lead.key, "status": "approved", "continue_url": "https://bridge.example/?p=13900000001"}
        event = {"type": "lead.decided", "data": told}
        assert services.handle_callback(provider="bridge", event_id="e1", payload=event, at=at) == "applied"
        assert not queries.is_telling(lead.user_id)
        services.erase(user_id=lead.user_id)
        lead.refresh_from_db()
        assert (lead.answer, lead.link, lead.watched, lead.state) == (None, "", False, "ACCEPTED")
        assert PlatformCallback.objects.get().payload == {}
        assert not Offer.objects.filter(user_id=lead.user_id, state="open").exists()


class TestAskNow:
    def test_asks_at_once_with_a_reason_and_a_permission(self, at: datetime) -> None:
        lead = sent(at)
        Lead.objects.filter(pk=lead.pk).update(state="UNKNOWN", not_before=at + timedelta(hours=1))
        by = officer(at)
        stranger = f"staff:{accounts.make_staff(username='nobody', password='long enough for anybody', at=at)}"
        for wrong, code in (({"by": stranger}, "not_allowed"), ({"reason": "x"}, "reason_required")):
            with pytest.raises(DomainError) as caught:
                services.ask_lead(**{"lead_id": lead.pk, "reason": "they called", "by": by, "at": at} | wrong)
            assert caught.value.code == code
        services.ask_lead(lead_id=lead.pk, reason="they called", by=by, at=at)
        assert Lead.objects.get(pk=lead.pk).not_before is None
        settle_lead(lead_id=lead.pk, answer=LeadAnswer("refused"), at=at)
        with pytest.raises(DomainError) as caught:
            services.ask_lead(lead_id=lead.pk, reason="they called", by=by, at=at)
        assert caught.value.code == "nothing_to_ask"
