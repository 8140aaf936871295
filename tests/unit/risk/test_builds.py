"""Building a scorecard: a process of its own proposes, people adjust, a draft comes of it; web never pays for it."""

import ast
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from risk.models import BuildState, Dataset, ScorecardBuild
from risk.providers import binner
from risk.rules.scorecard import faults
from risk.rules.strategy import catalogue
from risk.services import builds, datasets
from tests.factories.staff import officer
from tests.house.source import ROOT, product
from users.services import accounts
from users.services.acts import NotAllowed

NAMES = ["checking", "months", "savings", "credit_history", "verified_income_cents"]
SETTINGS: dict[str, Any] = {
    "variables": NAMES,
    "held_out_percent": 25,
    "max_bins": 5,
    "min_percent": 5,
    "monotone": True,
    "pdo": 40,
    "anchor_score": 600,
    "anchor_odds": 20,
    "bad_percent": 4,
}
needs_optbinning = pytest.mark.skipif(not binner.is_installed(), reason="optbinning is not installed: make modelling")


@pytest.fixture
def german(configured: None, at: datetime) -> Dataset:
    return datasets.from_sample(by="system", at=at)


def start(dataset: Dataset, at: datetime, **settings: Any) -> int:
    return builds.start(
        dataset_id=dataset.pk, scenario="credit", title="", settings=SETTINGS | settings, by=officer(at), at=at
    )


def done(dataset: Dataset, at: datetime) -> ScorecardBuild:
    """As a worker leaves it, the bins proposed by hand, so that no test of adjusting waits for the library."""
    row = ScorecardBuild.objects.get(pk=start(dataset, at, variables=["months", "checking"]))
    row.start()
    row.save()
    run = builds._Run(row, at)
    binnings = [
        {"variable": "months", "type": "int", "edges": [9, 15, 21], "groups": [], "unknown": False},
        {
            "variable": "checking",
            "type": "text",
            "edges": [],
            "groups": [["overdrawn"], ["low", "high"], ["none"]],
            "unknown": False,
        },
    ]
    result = builds.modelling.fit(builds._rows(row), binnings, row.settings)
    run.close(binnings=binnings, result=result)
    row.refresh_from_db()
    return row


class TestStart:
    @pytest.mark.parametrize(
        ("settings", "field"),
        [
            ({"variables": []}, "variables"),
            ({"variables": ["age_years"]}, "variables"),
            ({"variables": ["months", "months"]}, "variables"),
            ({"variables": ["product_terms"]}, "variables"),
            ({"held_out_percent": 5}, "held_out_percent"),
            ({"max_bins": "5"}, "max_bins"),
            ({"bad_percent": 99}, "bad_percent"),
        ],
    )
    def test_refuses_by_name(self, german: Dataset, at: datetime, settings: dict[str, Any], field: str) -> None:
        with pytest.raises(builds.CannotBuild) as refused:
            start(german, at, **settings)
        assert list(refused.value.fields) == [field]

    def test_refuses_a_dataset_without_outcomes(self, configured: None, at: datetime) -> None:
        bare = datasets.import_csv(name="x", content=b"months\n12\n", by="system", at=at)
        with pytest.raises(builds.CannotBuild, match="no outcomes"):
            start(bare, at, variables=["months"])

    def test_refuses_who_may_not_write(self, german: Dataset, at: datetime) -> None:
        by = f"staff:{accounts.make_staff(username='nobody', password='long enough for anybody', at=at)}"
        with pytest.raises(NotAllowed):
            builds.start(dataset_id=german.pk, scenario="credit", title="", settings=SETTINGS, by=by, at=at)


@pytest.mark.usefixtures("transactional_db")
class TestRun:
    @needs_optbinning
    def test_ends_with_bins_figures_and_no_library_in_this_process(self, german: Dataset, at: datetime) -> None:
        with transaction.atomic():
            build_id = start(german, at)
        builds.run_build(build_id=build_id, now=at)
        row = ScorecardBuild.objects.get(pk=build_id)
        assert (row.state, row.progress, row.error) == (BuildState.DONE, 100, "")
        assert row.result is not None
        assert [block["variable"] for block in row.result["blocks"]] == NAMES
        assert row.result["figures"]["held_out"]["auc"] > 0.7
        assert all(2 <= len(block["bins"]) <= 6 for block in row.result["blocks"][:4])
        assert not {"optbinning", "ortools", "sklearn", "pandas"} & set(sys.modules)

    def test_says_how_to_install_what_is_missing(
        self, german: Dataset, at: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(binner, "find_spec", lambda name: None)  # as on a machine without it
        with transaction.atomic():
            build_id = start(german, at)
        builds.run_build(build_id=build_id, now=at)
        row = ScorecardBuild.objects.get(pk=build_id)
        assert (row.state, row.error) == (BuildState.FAILED, binner.ADVICE)

    def test_fails_by_name_with_too_few_rows(self, configured: None, at: datetime) -> None:
        rows = b"months,bad\n" + b"12,1\n24,0\n" * 30
        with transaction.atomic():
            few = datasets.import_csv(name="few", content=rows, by="system", at=at)
            build_id = start(few, at, variables=["months"])
        builds.run_build(build_id=build_id, now=at)
        row = ScorecardBuild.objects.get(pk=build_id)
        assert row.state == BuildState.FAILED
        assert "at least 20 of each" in row.error

    def test_is_nobody_elses_while_leased_and_everybodys_after(self, german: Dataset, at: datetime) -> None:
        with transaction.atomic():
            build_id = start(german, at)
            ScorecardBuild.objects.filter(pk=build_id).update(leased_until=at + timedelta(seconds=60))
        assert builds.nudge_due(now=at) == 0
        builds.run_build(build_id=build_id, now=at)
        assert ScorecardBuild.objects.get(pk=build_id).state == BuildState.PENDING
        assert builds.nudge_due(now=at + timedelta(seconds=61)) == 1

    def test_a_cancelled_one_stays_cancelled(self, german: Dataset, at: datetime) -> None:
        with transaction.atomic():
            build_id = start(german, at)
            row = ScorecardBuild.objects.get(pk=build_id)
            row.start()
            row.save()
        run = builds._Run(row, at)
        assert run.step(10) is True
        with transaction.atomic():
            builds.cancel(build_id=build_id, by=officer(at), at=at)
        assert run.step(20) is False
        with transaction.atomic():
            run.close(error="too late")
        row.refresh_from_db()
        assert (row.state, row.progress, row.error) == (BuildState.CANCELLED, 10, "")


class TestAdjust:
    def adjust(self, row: ScorecardBuild, at: datetime, act: str, **how: Any) -> ScorecardBuild:
        wanted = {"variable": "months"} | how
        return builds.adjust(build_id=row.pk, revision=row.revision, act=act, by=officer(at), **wanted)

    def test_computes_every_figure_again(self, german: Dataset, at: datetime) -> None:
        row = done(german, at)
        merged = self.adjust(row, at, "merge", number=0)
        assert merged.result is not None
        assert [bin_["label"] for bin_ in merged.result["blocks"][0]["bins"]] == ["< 15", "15 to < 21", ">= 21"]
        assert merged.result["blocks"][0]["iv"] < row.result["blocks"][0]["iv"]  # type: ignore[index]
        assert merged.result["figures"] != row.result["figures"]  # type: ignore[index]
        back = self.adjust(merged, at, "reset")
        assert (back.result, back.revision) == (row.result, row.revision + 2)

    def test_drops_a_variable_but_not_the_last(self, german: Dataset, at: datetime) -> None:
        row = self.adjust(done(german, at), at, "drop")
        with pytest.raises(builds.CannotAdjust, match="last variable"):
            self.adjust(row, at, "drop", variable="checking")

    def test_refuses_bins_that_somebody_changed_meanwhile(self, german: Dataset, at: datetime) -> None:
        row = done(german, at)
        self.adjust(row, at, "merge", number=0)
        with pytest.raises(builds.ChangedMeanwhile):
            self.adjust(row, at, "merge", number=0)

    @pytest.mark.parametrize("how", [{"act": "melt"}, {"act": "split", "value": "x"}, {"act": "merge", "number": 9}])
    def test_refuses_what_makes_no_bins(self, german: Dataset, at: datetime, how: dict[str, Any]) -> None:
        with pytest.raises(builds.CannotAdjust):
            self.adjust(done(german, at), at, **how)


class TestSaveAsDraft:
    def test_makes_a_card_with_the_reasons_of_the_released_one(self, german: Dataset, at: datetime) -> None:
        row = done(german, at)
        draft = builds.save_as_draft(build_id=row.pk, key="score_new", title="", by=officer(at), at=at)
        assert [block["reason"] for block in draft.authored["blocks"]] == ["S02", "S01"]
        assert list(faults(draft.authored, catalogue())) == []
        assert draft.authored["built"]["dataset"] == german.name

    def test_needs_a_result(self, german: Dataset, at: datetime) -> None:
        with pytest.raises(builds.NotDone):
            builds.save_as_draft(build_id=start(german, at), key="score_new", title="", by=officer(at), at=at)


class TestTheLibrary:
    def test_is_imported_by_one_program_alone(self) -> None:
        heavy = {"optbinning", "ortools", "sklearn", "pandas", "scipy"}
        found = {
            module.place
            for module in product()
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            and heavy & {(node.module if isinstance(node, ast.ImportFrom) else name.name) for name in node.names}
        }
        assert found == {"risk/providers/binner_program.py"}

    def test_is_in_no_web_process(self) -> None:
        code = (
            "import sys, lending.asgi, lending.wsgi; from django.urls import reverse; reverse('admin:index'); "
            "sys.exit(bool({'optbinning', 'ortools', 'sklearn', 'pandas', 'scipy'} & set(sys.modules)))"
        )
        assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
