"""The catalogue in the back office: price from the register, use from the graphs, values for who may see decisions."""

import csv
import io
import json
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from risk import services
from risk.models import Release, Variable
from risk.queries import variables
from risk.rules.histogram import BARS, histogram
from risk.rules.strategy import catalogue
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply
from users.models import Source
from users.services import accounts, configuration


class TestHistogram:
    def test_few_numbers_stand_each_for_itself_in_order(self) -> None:
        found = histogram([3, 1, 1, None])
        assert [(bar.label, bar.count, round(bar.share)) for bar in found.bars] == [("1", 2, 67), ("3", 1, 33)]
        assert (found.total, found.unknown, found.unknown_share) == (4, 1, 25.0)

    @pytest.mark.parametrize("values", [range(1000), range(-500, 500, 7), [0] * 5 + [10**9 + n for n in range(40)]])
    def test_many_numbers_stand_in_equal_ranges_that_hold_all(self, values: Any) -> None:
        found = histogram(values)
        assert sum(bar.count for bar in found.bars) == len(list(values))
        assert len(found.bars) <= BARS + 1
        assert len({bar.high - bar.low for bar in found.bars if bar.high is not None and bar.low is not None}) == 1

    def test_words_stand_by_frequency_and_rare_ones_together(self) -> None:
        found = histogram([word for n in range(20) for word in [f"w{n}"] * (20 - n)])
        assert [bar.label for bar in found.bars][:2] == ["w0", "w1"]
        assert (len(found.bars), found.bars[-1].label) == (BARS, "9 others")
        assert sum(bar.count for bar in found.bars) == found.total

    def test_lists_count_what_they_hold(self) -> None:
        found = histogram([["grey"], ["grey", "black"], [], None])
        assert {bar.label: bar.count for bar in found.bars} == {"grey": 2, "black": 1, "(empty)": 1}
        assert [bar.label for bar in histogram([True, False, True]).bars] == ["yes", "no"]

    def test_of_nothing_is_empty(self) -> None:
        assert histogram([]).bars == histogram([None]).bars == ()


@pytest.fixture
def staffed(configured: None, at: datetime) -> None:
    configuration.load_groups()
    configuration.load_staff(at=at, password="demo-only-2026")


def desk(username: str = "analyst.lin") -> Client:
    client = Client()
    client.force_login(get_user_model().objects.get(username=username))
    return client


def page(name: str) -> str:
    return reverse("admin:risk_variable_change", args=[Variable.objects.get(name=name).pk])


class TestVariable:
    def test_costs_what_the_register_says_now(self, configured: None, at: datetime) -> None:
        Source.objects.filter(code="bureau").update(price_cents=999)
        found = variables.variable("credit_history", at)
        assert found.source is not None
        assert (found.source.price_cents, found.source.fresh_days, found.source.consent_code) == (
            999,
            30,
            "bureau_query",
        )
        own = variables.variable("open_loans", at)
        assert (own.source, own.own) == (None, "history with us")

    def test_is_in_use_by_the_releases_whose_graph_reads_it(self, configured: None, at: datetime) -> None:
        uses = {name: {use.key for use in variables.variable(name, at).in_force} for name in catalogue()}
        assert uses["device_borrowers_7d"] == {"antifraud"}
        assert uses["checking"] == {"credit_score"}
        assert "credit_rules" in uses["overdue_now_cents"]
        assert uses["address_borrowers_7d"] == set()

    def test_former_versions_read_it_without_being_in_force(self, configured: None, at: datetime) -> None:
        former = Release.objects.get(key="antifraud", version=1)
        former.pk, former.version, former.sha256 = None, 2, "another"
        former.graph = {"nodes": [], "edges": []}
        former.save()
        found = variables.variable("device_borrowers_7d", at)
        assert [(use.version, use.in_force) for use in found.uses] == [(1, True)]
        release = Release.objects.get(key="antifraud", version=1)
        release.pk, release.version, release.sha256 = None, 3, "a third"
        release.save()
        found = variables.variable("device_borrowers_7d", at)
        assert [(use.version, use.in_force) for use in found.uses] == [(1, True), (3, False)]
        assert [use.version for use in found.others] == [3]


class TestPages:
    def test_the_list_shows_price_and_use(self, staffed: None) -> None:
        text = desk().get(reverse("admin:risk_variable_changelist"), {"q": "credit_history"}).content.decode()
        assert "3.50" in text
        assert "credit_score v1" in text

    @pytest.mark.parametrize("term", ["device_borrowers", "同设备", "same device"])
    def test_is_searched_by_name_and_both_languages(self, staffed: None, term: str) -> None:
        found = desk().get(reverse("admin:risk_variable_changelist"), {"q": term}).context["cl"].queryset
        assert {row.name for row in found} >= {"device_borrowers_7d", "device_borrowers_30d"}
        assert found.count() < 5

    def test_is_filtered_by_use(self, staffed: None) -> None:
        address = reverse("admin:risk_variable_changelist")
        names = {
            use: {row.name for row in desk().get(address, {"use": use}).context["cl"].queryset} for use in ("yes", "no")
        }
        assert names["yes"] | names["no"] == set(catalogue())
        assert names["yes"] & names["no"] == set()
        assert "device_borrowers_7d" in names["yes"]
        assert "address_borrowers_7d" in names["no"]

    def test_goes_out_as_csv(self, staffed: None) -> None:
        answer = desk().get(reverse("admin:risk_variable_download"))
        rows = {row["name"]: row for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))}
        assert set(rows) == set(catalogue())
        row = rows["credit_history"]
        assert (row["price"], row["source"], row["may_be_unknown"], row["default"]) == ("3.50", "bureau", "yes", "")
        assert "credit_score:1" in row["releases_in_force"].split()

    def test_a_page_tells_where_from_what_it_costs_and_who_reads_it(self, staffed: None) -> None:
        text = desk().get(page("credit_history")).content.decode()
        for told in ("Credit report", "3.50", "30 days", "bureau_query", "bureau_b", "credit_score"):
            assert told in text, told
        assert "No decision has had it yet." in text

    def test_a_default_is_said_in_words(self, staffed: None) -> None:
        Variable.objects.filter(name="verified_income_cents").update(default=123_400)
        assert "1,234.00 stands in" in desk().get(page("verified_income_cents")).content.decode()

    def test_values_are_for_those_who_may_see_decisions(
        self, staffed: None, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        for row in (3, 11):
            services.run_assessment(assessment_id=apply(row), now=at)
        found = variables.spread("verified_income_cents")
        assert (found.total, found.unknown, len(found.bars)) == (2, 0, 2)
        assert variables.spread("device_accounts_7d").unknown_share == 100.0
        assert "The latest 2 decisions" in desk().get(page("verified_income_cents")).content.decode()
        user = get_user_model().objects.get(
            pk=accounts.make_staff(username="narrow", password="long enough for anybody", at=at)
        )
        user.user_permissions.add(Permission.objects.get(codename="view_variable"))
        text = desk("narrow").get(page("verified_income_cents")).content.decode()
        assert "Shown to those who may see decisions." in text
        assert "The latest 2 decisions" not in text

    def test_a_download_needs_a_session_and_the_permission(self, staffed: None) -> None:
        address = reverse("admin:risk_variable_download")
        assert Client().get(address).status_code == 302
        assert desk("service.tang").get(address).status_code == 403


def test_defaults_are_written_as_json() -> None:
    """The form of variables.csv."""
    from risk.rules.strategy import spec_of

    line = dict.fromkeys(("name", "type", "source", "path", "unit"), "x") | {"nullable": "yes", "default": "[1, 2]"}
    assert spec_of(line).default == json.loads("[1, 2]")
