"""Drafts and the register in the back office: every page leads on, back, and to where the work goes next."""

from collections import Counter
from datetime import datetime

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import reverse

from lending.management.commands.bootstrap import DEMO_PASSWORD
from risk import services
from risk.models import Draft, Experiment, Release
from risk.services.releases import Scope
from tests.conftest import Clock
from tests.factories.configuration import bootstrap
from tests.factories.strategies import stricter_admission
from users.models import User

FORMS = {"flow": "editor", "table": "editor", "rule_set": "rules", "scorecard": "card"}


@pytest.fixture
def lin(db: None, clock: Clock) -> Client:
    bootstrap()
    client = Client()
    assert client.login(username="analyst.lin", password=DEMO_PASSWORD)
    return client


def page(client: Client, name: str, *args: object) -> str:
    return client.get(reverse(f"admin:{name}", args=args)).content.decode()


@transaction.atomic
def begun(form: str, at: datetime) -> Draft:
    by = f"staff:{User.objects.get(username='analyst.lin').pk}"
    return services.begin_draft(key=f"a_{form}", scenario="credit", form=form, title="A draft", by=by, at=at)


class TestAddresses:
    def test_no_two_pages_share_a_name(self) -> None:
        """A button whose name is that of the page it leads to leads to itself."""
        names = Counter(each.name for part in admin.site.urls[0] for each in getattr(part, "url_patterns", [part]))
        assert [name for name, count in names.items() if name and count > 1] == []

    def test_buttons_lead_to_their_forms(self, lin: Client, clock: Clock) -> None:
        release = Release.objects.get(key="credit")
        with transaction.atomic():
            experiment: Experiment = services.start_experiment(
                release_id=stricter_admission(clock.at).pk,
                scope=Scope("admission"),
                share_bp=1000,
                name="stricter",
                kind="challenger",
                reason="whether it earns more",
                by=f"staff:{User.objects.get(username='analyst.lin').pk}",
                at=clock.at,
            )
        for button, args, form in (
            ("risk_draft_to_begin", [], "risk_draft_begin"),
            ("risk_release_to_fork", [release.pk], "risk_release_fork"),
            ("risk_experiment_to_share", [experiment.pk], "risk_experiment_ramp"),
        ):
            shown = lin.get(reverse(f"admin:{button}", args=args), follow=True)
            assert shown.redirect_chain == [(reverse(f"admin:{form}", args=args), 302)]
            assert b'method="post"' in shown.content


class TestDraft:
    @pytest.mark.parametrize("form", FORMS)
    def test_each_page_leads_to_the_others(self, lin: Client, clock: Clock, form: str) -> None:
        draft = begun(form, clock.at)
        ways = {name: reverse(f"admin:risk_draft_{name}", args=[draft.pk]) for name in (FORMS[form], "tests", "change")}
        for name in (FORMS[form], "tests"):
            shown = page(lin, f"risk_draft_{name}", draft.pk)
            assert [other for other in ways if other != name and ways[other] not in shown] == [], name

    def test_a_flow_is_backtested_from_its_page_and_the_backtest_leads_back(self, lin: Client, clock: Clock) -> None:
        shown = page(lin, "risk_draft_change", begun("flow", clock.at).pk)
        draft = Draft.objects.get()
        assert f"{reverse('admin:risk_backtest_new')}?draft={draft.pk}" in shown
        form = lin.get(reverse("admin:risk_backtest_new"), {"draft": draft.pk}).content.decode()
        assert f'value="draft:{draft.pk}" selected' in form

    def test_a_decline_without_a_reason_leads_to_its_node(self, lin: Client, clock: Clock) -> None:
        draft = begun("table", clock.at)
        draft.authored["nodes"][1]["id"] = "a/b"
        for edge in draft.authored["edges"]:
            edge |= {name: "a/b" for name in ("sourceId", "targetId") if edge[name] == "table"}
        draft.authored["nodes"][1]["content"] |= {
            "inputs": [{"id": "i", "name": "months", "field": "months"}],
            "outputs": [{"id": "o", "name": "outcome", "field": "outcome"}],
            "rules": [{"_id": "1", "i": "> 12", "o": "'decline'"}, {"_id": "2", "i": "", "o": "'approve'"}],
        }
        with transaction.atomic():
            services.save_draft(
                draft_id=draft.pk, revision=1, authored=draft.authored, by=draft.updated_by, at=clock.at
            )
        shown = page(lin, "risk_draft_change", draft.pk)
        assert "row 1 declines without a reason." in shown
        address = reverse("admin:risk_draft_place", args=["a_table.json", "a/b"])
        assert f'href="{address}"' in shown
        editor = reverse("admin:risk_draft_editor", args=[draft.pk])
        assert lin.get(address).headers["Location"] == f"{editor}#node=a%2Fb"
        released = reverse("admin:risk_release_drawing", args=[Release.objects.get(key="credit").pk])
        assert lin.get(reverse("admin:risk_draft_place", args=["credit.json", "grade"])).headers["Location"] == (
            f"{released}#node=grade"
        )

    def test_a_scorecard_is_not_offered_to_be_backtested(self, lin: Client, clock: Clock) -> None:
        shown = page(lin, "risk_draft_change", begun("scorecard", clock.at).pk)
        assert reverse("admin:risk_backtest_new") not in shown
        assert "backtest the flow that asks it" in shown


class TestRegister:
    def test_rolls_back_what_serves_and_had_something_before_it(self, lin: Client, clock: Clock) -> None:
        by = f"staff:{User.objects.get(username='analyst.lin').pk}"
        with transaction.atomic():
            narrow = services.bind(
                scope=Scope("admission", product_code="BIZ"),
                release=stricter_admission(clock.at),
                by=by,
                reason="stricter",
                at=clock.at,
            )
        shown = page(lin, "risk_scenario_change", narrow.scenario_id)
        offered = reverse("admin:risk_binding_act", args=["roll_back"])
        assert shown.count(offered) == 1
        assert f"{offered}?ids={narrow.pk}" in shown
