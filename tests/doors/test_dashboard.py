"""The first page of the back office says what waits, is late and changed, to everybody what they may see."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from lending import overview
from lending.management.commands.bootstrap import DEMO_PASSWORD
from lending.models import Application, Drawdown, Event, Grant
from lending.services import applications
from review.services import open_or_resume_case
from tests.conftest import Clock
from tests.factories.applications import judged, submitted
from tests.factories.configuration import bootstrap
from tests.factories.drawdowns import routing, signed
from tests.factories.offers import chosen
from users.models import User
from users.services import access, notices

PANELS = ("Funnel", "What waits", "Headroom", "Spend on data", "What staff did")


@pytest.fixture
def configured(db: None, clock: Clock) -> None:
    bootstrap()


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password=DEMO_PASSWORD)
    return client


def shown(client: Client, **query: Any) -> Any:
    answer = client.get(reverse("admin:index"), query)
    assert answer.status_code == 200
    return answer


def everything(at: datetime) -> None:
    """A row for every panel and alarm that needs no vendor."""
    submitted(at)
    open_or_resume_case(application_id=judged(at, "refer", grade="C"), at=at)
    routing(at)
    signed(at)
    event = Event.objects.latest("pk")
    event.parked_at, event.attempts = at, 8
    event.save()
    notices.raise_notice(kind="payout_unknown", subject="payout:1", text="no answer", at=at)
    Grant.objects.filter(pk=Grant.objects.latest("pk").pk).update(valid_until=at + timedelta(days=3))


class TestFunnel:
    def test_counts_how_far_the_applications_of_a_period_have_come(self, configured: None, clock: Clock) -> None:
        submitted(clock.at)
        judged(clock.at, "decline", grade="C")
        routing(clock.at)
        clock.move(minutes=1)
        total = overview.funnel(days=1, at=clock.at).total
        assert (total.started, total.submitted, total.granted, total.drawn, total.paid) == (3, 3, 1, 1, 0)
        assert overview.funnel(days=1, at=clock.at).channels[0].channel == "OWN"

    def test_a_period_is_of_business_days_of_the_market(self, configured: None, clock: Clock) -> None:
        submitted(clock.at)
        tomorrow = clock.at + timedelta(days=1)
        assert overview.funnel(days=1, at=tomorrow).total.started == 0
        assert overview.funnel(days=1, at=tomorrow).before.started == 1
        assert overview.funnel(days=7, at=tomorrow).total.started == 1
        midnight = clock.at.replace(hour=0)
        Application.objects.update(created_at=midnight - timedelta(seconds=1))
        assert overview.funnel(days=1, at=clock.at).total.started == 0


class TestWhatWaits:
    def test_names_the_oldest_and_what_is_past_due(self, configured: None, clock: Clock) -> None:
        began = clock.at
        open_or_resume_case(application_id=judged(began, "refer", grade="C"), at=began)
        drawdown = Drawdown.objects.get(pk=routing(began))
        for passed, late in ((0, [0, 0]), (5, [1, 1])):
            found = overview.waiting(may=lambda label: True, at=began + timedelta(hours=passed))
            assert [row.late for row in found] == late
            assert {row.oldest_at for row in found} == {began}
        assert [row.query for row in found][1] == f"status__exact={drawdown.status}"

    def test_leads_to_the_rows_it_counts(self, configured: None, clock: Clock) -> None:
        everything(clock.at)
        desk = signed_in("admin")
        page = shown(desk)
        links = [(row.count, link) for row, link in page.context["waiting"]]
        links += [(alarm.count, link) for alarm, link in page.context["alarms"] if alarm.label != "risk.DataPull"]
        assert len(links) > 4
        for count, link in links:
            answer = desk.get(link)
            assert answer.status_code == 200, link
            assert answer.context["cl"].queryset.count() == count, link


class TestPage:
    def test_costs_the_same_empty_and_full(self, configured: None, clock: Clock) -> None:
        desk = signed_in("admin")
        shown(desk)
        costs = []
        for _ in range(3):
            with CaptureQueriesContext(connection) as queries:
                shown(desk, days=30)
            costs.append(len(queries))
            everything(clock.move(minutes=1))
        assert costs[1] == costs[2]
        assert costs[1] - costs[0] <= 1  # who did what is named at one go

    @pytest.mark.parametrize(
        ("username", "panels"),
        [
            ("admin", PANELS),
            ("audit.xu", PANELS),
            ("funder.zhou", ("Funnel", "What waits", "Headroom")),
            ("partner.wei", ("Funnel", "What waits")),
            ("initial.chen", ("Funnel", "What waits", "Spend on data")),
            ("service.tang", ("Funnel", "What waits")),
            ("analyst.lin", ("Funnel", "What waits", "Spend on data")),
        ],
    )
    def test_everybody_sees_the_panels_of_what_they_may_view(
        self, configured: None, username: str, panels: tuple[str, ...]
    ) -> None:
        text = shown(signed_in(username)).content.decode()
        assert tuple(name for name in PANELS if f'aria-label="{name}' in text) == panels

    def test_notices_are_counted_for_who_may_see_their_subject(self, configured: None, clock: Clock) -> None:
        notices.raise_notice(kind="payout_unknown", subject="payout:1", text="no answer", at=clock.at)
        seen = {}
        for username in ("funder.zhou", "partner.wei", "audit.xu"):
            titles = [alarm.title for alarm, _ in shown(signed_in(username)).context["alarms"]]
            seen[username] = "Notices, warning" in titles
        assert seen == {"funder.zhou": True, "partner.wei": False, "audit.xu": True}

    def test_a_period_that_is_not_offered_is_today(self, configured: None) -> None:
        assert [shown(signed_in("admin"), days=days).context["days"] for days in ("30", "31", "x")] == [30, 1, 1]


class TestPagesOverSeveralApps:
    def costs(self, desk: Client, drawdown: Drawdown) -> list[int]:
        found = []
        for name, pk in (("customer", drawdown.user_id), ("application", drawdown.grant.application_id)):
            with CaptureQueriesContext(connection) as queries:
                assert desk.get(reverse(f"admin:lending_{name}_change", args=[pk])).status_code == 200
            found.append(len(queries))
        return found

    def test_cost_the_same_with_one_row_of_everything_and_with_more(self, configured: None, clock: Clock) -> None:
        desk, clerk = signed_in("admin"), User.objects.get(username="service.tang")
        drawdown = Drawdown.objects.get(pk=signed(clock.at).drawdown_id)
        self.costs(desk, drawdown)
        few = self.costs(desk, drawdown)
        for _ in range(4):
            subject = f"user:{drawdown.user_id}"
            access.record(by=f"staff:{clerk.pk}", subject=subject, fields=["phone"], reason="a call back", at=clock.at)
        for event in list(Event.objects.filter(drawdown=drawdown)):
            event.pk, event.actor = None, f"staff:{clerk.pk}"
            event.save()
        many = self.costs(desk, drawdown)
        assert [more - less for more, less in zip(many, few, strict=True)] in ([0, 0], [2, 2])  # staff named at one go

    def test_a_clerk_sees_no_panel_of_what_is_not_theirs(self, configured: None, clock: Clock) -> None:
        drawdown = Drawdown.objects.get(pk=signed(clock.at).drawdown_id)
        clerk = signed_in("service.tang")
        page = clerk.get(reverse("admin:lending_customer_change", args=[drawdown.user_id])).context["page"]
        assert (page.list_hits, page.accesses, page.acts, page.tags) == (None, None, None, None)
        assert page.loans is not None
        page = clerk.get(reverse("admin:lending_application_change", args=[drawdown.grant.application_id])).context[
            "page"
        ]
        assert (page.pulls, page.decisions, page.cases, page.accesses) == (None, None, None, None)
        assert page.drawdowns[0].payouts == ()

    def test_an_application_tells_which_platforms_were_looked_for_and_what_came_of_it(
        self, configured: None, clock: Clock
    ) -> None:
        lead = chosen(clock.at)
        address = reverse("admin:lending_application_change", args=[lead.application_id])
        answer = signed_in("audit.xu").get(address)
        [look] = answer.context["page"].looks
        taken = [(offer.platform, offer.state, offer.lead_state) for offer in look.offers if offer.lead_id]
        assert taken == [("BRIDGE", "taken", "CHOSEN")]
        assert {offer.place for offer in look.offers} == set(range(1, len(look.offers) + 1))
        assert reverse("admin:traffic_lead_change", args=[lead.pk]) in answer.content.decode()
        assert signed_in("service.tang").get(address).context["page"].looks is None

    def test_an_amount_is_granted_only_where_it_was(self, configured: None, clock: Clock) -> None:
        desk = signed_in("audit.xu")
        for outcome, said in (("approve", True), ("refer", False)):
            pk = judged(clock.at, outcome, amount_cents=770_000)
            if outcome == "refer":
                applications.decline(application_id=pk, reasons=["S03"], by="system", at=clock.at)
            page = desk.get(reverse("admin:lending_application_change", args=[pk])).content.decode()
            assert ("<dt>Granted</dt><dd>¥7,700.00" in page) is said
            row = Application.objects.get(pk=pk)
            listed = site.get_model_admin(Application).decided(row)
            assert ("7,700.00" in listed) is said
