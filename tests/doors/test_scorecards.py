"""Building scorecards and writing on them without a script: every button is a form, nothing typed is lost."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from lending.management.commands.bootstrap import DEMO_PASSWORD
from risk.models import BuildState, Dataset, Draft, ScorecardBuild
from risk.services import builds, datasets, drafts
from tests.conftest import Clock
from tests.factories.configuration import bootstrap

SETTINGS = {
    "variables": ["months", "checking"],
    "held_out_percent": 25,
    "max_bins": 5,
    "min_percent": 5,
    "monotone": "on",
    "pdo": 40,
    "anchor_score": 600,
    "anchor_odds": 20,
    "bad_percent": "",
}
BINS: list[dict[str, Any]] = [
    {"variable": "months", "type": "int", "edges": [9, 15, 21], "groups": [], "unknown": False},
    {
        "variable": "checking",
        "type": "text",
        "edges": [],
        "groups": [["overdrawn"], ["low", "high"], ["none"]],
        "unknown": False,
    },
]


@pytest.fixture
def configured(db: None, clock: Clock) -> None:
    bootstrap()


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password=DEMO_PASSWORD)
    return client


@pytest.fixture
def lin(configured: None) -> Client:
    return signed_in("analyst.lin")


@pytest.fixture
def german(configured: None, clock: Clock) -> Dataset:
    return datasets.from_sample(by="system", at=clock.at)


def asked(client: Client, dataset: Dataset, **settings: Any) -> Any:
    place = f"{reverse('admin:risk_build_new')}?dataset={dataset.pk}&scenario=credit"
    return client.post(place, SETTINGS | settings)


def done(client: Client, dataset: Dataset, clock: Clock) -> ScorecardBuild:
    """Asked for at the page, and run as a worker runs it, the bins given."""
    asked(client, dataset)
    row = ScorecardBuild.objects.get()
    row.start()
    row.save()
    run = builds._Run(row, clock.at)
    run.close(binnings=BINS, result=builds.modelling.fit(builds._rows(row), BINS, row.settings))
    row.refresh_from_db()
    return row


def page(row: ScorecardBuild) -> str:
    return reverse("admin:risk_scorecardbuild_change", args=[row.pk])


class TestBuild:
    def test_is_asked_for_watched_and_cancelled(self, lin: Client, german: Dataset) -> None:
        assert "age_years" not in lin.get(f"{reverse('admin:risk_build_new')}?dataset={german.pk}").content.decode()
        answer = asked(lin, german)
        row = ScorecardBuild.objects.get()
        assert (answer["Location"], row.state, row.settings["monotone"]) == (page(row), "pending", True)
        waiting = lin.get(page(row))
        assert (waiting["Refresh"], "Waits for a worker" in waiting.content.decode()) == ("2", True)
        lin.post(reverse("admin:risk_build_cancel", args=[row.pk]))
        row.refresh_from_db()
        assert row.state == BuildState.CANCELLED
        assert "Refresh" not in lin.get(page(row))

    def test_is_refused_by_name(self, lin: Client, german: Dataset) -> None:
        assert "Choose" in asked(lin, german, held_out_percent=3).content.decode()
        assert "from 10 to 50" in asked(lin, german, held_out_percent=3).content.decode()
        assert not ScorecardBuild.objects.exists()

    def test_shows_figures_charts_and_bins_that_can_be_changed(
        self, lin: Client, german: Dataset, clock: Clock
    ) -> None:
        row = done(lin, german, clock)
        shown = lin.get(page(row)).content.decode()
        assert row.result is not None
        assert f"{row.result['figures']['held_out']['auc']:.4f}" in shown
        assert shown.count('<svg class="risk-chart"') == 4 + len(BINS)
        place = reverse("admin:risk_build_adjust", args=[row.pk])
        answer = lin.post(place, {"revision": 1, "variable": "months", "act": "merge:0"})
        assert answer["Location"] == f"{page(row)}#months"
        row.refresh_from_db()
        assert row.binnings[0]["edges"] == [15, 21]
        stale = lin.post(place, {"revision": 1, "variable": "months", "act": "merge:0"})
        assert (stale.status_code, "changed these bins meanwhile" in stale.content.decode()) == (422, True)
        wrong = lin.post(place, {"revision": 2, "variable": "months", "act": "split:0", "value": "99"})
        assert "does not lie inside" in wrong.content.decode()

    def test_is_read_and_not_touched_by_an_auditor(self, lin: Client, german: Dataset, clock: Clock) -> None:
        row = done(lin, german, clock)
        auditor = signed_in("audit.xu")
        shown = auditor.get(page(row))
        assert (shown.status_code, "Merge" in shown.content.decode()) == (200, False)
        for name in ("adjust", "cancel", "draft"):
            assert auditor.post(reverse(f"admin:risk_build_{name}", args=[row.pk])).status_code == 403
        assert auditor.get(reverse("admin:risk_build_new")).status_code == 403


class TestEditor:
    @pytest.fixture
    def draft(self, lin: Client, german: Dataset, clock: Clock) -> Draft:
        row = done(lin, german, clock)
        lin.post(reverse("admin:risk_build_draft", args=[row.pk]), {"key": "score_two"})
        return Draft.objects.get(key="score_two")

    def fields(self, client: Client, draft: Draft) -> dict[str, str]:
        """What the form holds, as a browser sends it."""
        shown = client.get(reverse("admin:risk_draft_card", args=[draft.pk])).context
        found = {name: str(shown["card"][name]) for name in ("base_points", "pdo", "anchor_score", "anchor_odds")}
        found |= {"missing": shown["card"]["missing"], "revision": str(shown["revision"])}
        for block in shown["blocks"]:
            found |= {f"{block['name']}-{part}": block[part] for part in ("variable", "reason", "coefficient", "seen")}
            for bin_ in block["bins"]:
                found |= {f"{bin_['name']}-{part}": bin_[part] for part in ("points", "lost", "woe")}
                parts = ("from", "to") if bin_["is_span"] else ("values",)
                found |= {f"{bin_['name']}-{part}": bin_[part] for part in parts} if not bin_["unknown"] else {}
                found |= {f"{bin_['name']}-unknown": "1"} if bin_["unknown"] else {}
        return found

    def send(self, client: Client, draft: Draft, act: str, **changes: str) -> Any:
        body = self.fields(client, draft) | changes | {"act": act}
        return client.post(reverse("admin:risk_draft_card", args=[draft.pk]), body)

    def test_saved_untouched_is_the_same_card(self, lin: Client, draft: Draft) -> None:
        before = draft.authored
        assert self.send(lin, draft, "save").status_code == 302
        draft.refresh_from_db()
        assert (draft.authored, draft.revision) == (before, 3)

    def test_adds_and_removes_without_saving(self, lin: Client, draft: Draft) -> None:
        for act, blocks, bins in (
            ("add_block", 3, 4),
            ("remove_block:1", 1, 4),
            ("add_bin:0", 2, 5),
            ("add_unknown:0", 2, 5),
            ("remove_bin:0.0", 2, 3),
        ):
            shown = self.send(lin, draft, act).context
            assert (len(shown["blocks"]), len(shown["blocks"][0]["bins"])) == (blocks, bins), act
        draft.refresh_from_db()
        assert draft.revision == 2

    def test_keeps_what_is_wrong_and_names_it(self, lin: Client, draft: Draft) -> None:
        answer = self.send(lin, draft, "save", **{"b0-bin0-to": "soon", "b1-bin0-points": "many", "pdo": "0"})
        assert answer.status_code == 302
        shown = lin.get(answer["Location"])
        assert {problem[2] for problem in shown.context["problems"]} >= {"wrong_type", "not_whole", "out_of_bounds"}
        assert 'value="soon"' in shown.content.decode()
        assert 'value="many"' in shown.content.decode()

    def test_scores_an_applicant_through_the_engine(self, lin: Client, draft: Draft) -> None:
        card = draft.authored
        said = self.send(lin, draft, "try", **{"try-months": "12", "try-checking": "low"}).context["said"]
        points = {block["variable"]: [bin_["points"] for bin_ in block["bins"]] for block in card["blocks"]}
        assert said["score"] == card["base_points"] + points["months"][1] + points["checking"][1]
        unknown = self.send(lin, draft, "try", **{"try-months": "12"}).context["said"]
        assert (unknown["complete"], unknown["missing"]) == (False, ["checking"])

    def test_scales_the_points_anew(self, lin: Client, draft: Draft) -> None:
        was = draft.authored["blocks"][0]["bins"][0]["points"]
        card = self.send(lin, draft, "scale", pdo="80").context["card"]
        assert card["blocks"][0]["bins"][0]["points"] in (2 * was - 1, 2 * was, 2 * was + 1)
        assert "numbers above nought" in self.send(lin, draft, "scale", pdo="many").content.decode()

    def test_tells_who_saved_meanwhile_and_loses_nothing(self, lin: Client, draft: Draft, clock: Clock) -> None:
        with transaction.atomic():
            drafts.save(draft_id=draft.pk, revision=2, authored=draft.authored, by="system", at=clock.at)
        answer = self.send(lin, draft, "save", revision="2", base_points="321")
        assert answer.status_code == 409
        assert "Somebody saved meanwhile" in answer.content.decode()
        assert 'value="321"' in answer.content.decode()
        body = {"revision": "2", "their_revision": "3", "base_points": "321"}
        assert self.send(lin, draft, "save_over", **body).status_code == 302
        draft.refresh_from_db()
        assert (draft.authored["base_points"], draft.revision) == (321, 4)

    def test_is_read_and_not_saved_by_an_auditor(self, draft: Draft) -> None:
        auditor = signed_in("audit.xu")
        assert "cannot be changed" in auditor.get(reverse("admin:risk_draft_card", args=[draft.pk])).content.decode()
        assert self.send(auditor, draft, "save").status_code == 422
        draft.refresh_from_db()
        assert draft.revision == 2
        assert signed_in("service.tang").get(reverse("admin:risk_draft_card", args=[draft.pk])).status_code == 403

    @pytest.mark.parametrize("act", ["remove_bin:9.9", "add_bin:x", "remove_block:", "melt", "add_bin:99", ""])
    def test_survives_buttons_that_are_none(self, lin: Client, draft: Draft, act: str) -> None:
        assert self.send(lin, draft, act).status_code == 200
