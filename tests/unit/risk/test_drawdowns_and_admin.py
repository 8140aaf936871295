"""The drawdown scenario decides again; the back office shows decisions replayed."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from lending.services import drawdowns, grants
from risk import queries, services
from risk.models import Assessment, DataPull, Decision, Release
from tests.factories.borrowers import consent
from tests.factories.drawdowns import card
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply
from users import queries as users
from users.models import Check
from users.services import lists

Ask = Callable[..., int]


class TestDrawdownCheck:
    @pytest.fixture
    def ask(self, apply: Apply, at: datetime, sandbox: SandboxClient) -> Ask:
        """A drawdown of a granted row, `days` later, its card checked or not; the assessment's id."""

        def start(*, days: int = 0, card_state: str = "passed") -> int:
            first = assessment_of(apply(3), at)
            later = at + timedelta(days=days)
            grant_id = grants.open(application_id=first.application_id, at=at)
            card_id = card(first.user_id, at)
            check = Check.objects.get(card_id=card_id)
            getattr(check, card_state)()
            check.checked_at = at
            check.save()
            named = ("HYF",)
            drawdown_id = drawdowns.confirm(
                grant_id=grant_id,
                amount_cents=1_000_000,
                months=12,
                method="equal_instalment",
                card_id=card_id,
                purpose="education",
                consent_id=consent(first.user_id, "funder_share", later, named),
                bureau_consent_id=consent(first.user_id, "funder_bureau", later, named),
                candidates=named,
                by=f"user:{first.user_id}",
                at=later,
            )
            return services.start_drawdown_check(drawdown_id=drawdown_id, at=later)

        return start

    def test_decides_on_fresh_answers_without_buying_them_again(self, ask: Ask, at: datetime) -> None:
        done = assessment_of(ask(), at)
        assert done.drawdown is not None
        assert (done.drawdown.status, done.outcome) == ("ROUTING", "approve")
        pull = DataPull.objects.get(assessment=done)
        assert (pull.source_code, pull.price_cents, pull.reused_from is not None) == ("multi_lender", 0, True)

    def test_asks_again_where_the_answer_is_stale(self, ask: Ask, at: datetime, sandbox: SandboxClient) -> None:
        done = assessment_of(ask(days=8), at + timedelta(days=8))
        pull = DataPull.objects.get(assessment=done)
        assert (pull.price_cents, pull.reused_from) == (120, None)
        assert len(sandbox.calls("multi_lender")) == 2

    def test_declines_a_black_listed_borrower(self, ask: Ask, at: datetime) -> None:
        assessment_id = ask()
        person = users.person(Assessment.objects.get(pk=assessment_id).user_id)
        lists.add(kind="grey", subject="phone", value=person.phone, reason="shared phone", by="system", at=at)
        done = assessment_of(assessment_id, at)
        assert done.drawdown is not None
        assert (done.drawdown.status, done.drawdown.reasons) == ("DECLINED", ["F02"])

    def test_a_late_check_changes_nothing(self, ask: Ask, at: datetime) -> None:
        assessment_id = ask()
        row = Assessment.objects.get(pk=assessment_id)
        drawdowns.cancel(drawdown_id=row.drawdown_id or 0, by=f"user:{row.user_id}", at=at)
        done = assessment_of(assessment_id, at)
        assert done.drawdown is not None
        assert (done.drawdown.status, done.state) == ("CANCELLED", "done")


def assessment_of(assessment_id: int, at: datetime) -> Assessment:
    """Run, and read again."""
    services.run_assessment(assessment_id=assessment_id, now=at)
    return Assessment.objects.select_related("application", "drawdown").get(pk=assessment_id)


class TestAdmin:
    @pytest.fixture
    def desk(self, apply: Apply, at: datetime, sandbox: SandboxClient, client: Client) -> Client:
        services.run_assessment(assessment_id=apply(11), now=at)
        client.force_login(get_user_model().objects.create_superuser("root", "x" * 12, created_at=at))
        return client

    @pytest.mark.parametrize("table", ["variable", "scenario", "release", "assessment", "datapull", "decision"])
    def test_every_table_has_a_list(self, desk: Client, table: str) -> None:
        assert desk.get(f"/admin/risk/{table}/").status_code == 200

    def test_a_decision_is_replayed_when_it_is_looked_at(self, desk: Client) -> None:
        row = Decision.objects.latest("pk")
        page = desk.get(f"/admin/risk/decision/{row.pk}/change/").content.decode()
        assert "same bytes" in page
        assert "race of the replay" in page

    def test_a_raw_answer_is_never_shown(self, desk: Client) -> None:
        row = DataPull.objects.get(source_code="bankflow")
        page = desk.get(f"/admin/risk/datapull/{row.pk}/change/").content.decode()
        assert str(row.payload["data"]["net_income_cents"]) not in page
        for model in (Assessment, Release):
            found = model.objects.latest("pk")
            assert desk.get(f"/admin/risk/{model.__name__.lower()}/{found.pk}/change/").status_code == 200

    def test_replays_those_chosen_in_the_list(self, desk: Client) -> None:
        chosen = list(Decision.objects.values_list("pk", flat=True))
        body = {"action": "replay", "_selected_action": chosen}
        page = desk.post("/admin/risk/decision/", body, follow=True).content.decode()
        assert f"{len(chosen)} replayed, the same bytes each." in page

    def test_nothing_can_be_added_or_deleted(self, desk: Client) -> None:
        row = Decision.objects.latest("pk")
        assert desk.get("/admin/risk/decision/add/").status_code == 403
        assert desk.post(f"/admin/risk/decision/{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert queries.decision(row.pk).id == row.pk
