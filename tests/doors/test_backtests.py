"""Backtests in the back office: started from a form, watched, cancelled, read, compared, downloaded for a reason."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from lending.management.commands.bootstrap import DEMO_PASSWORD
from risk.models import Backtest, BacktestState, Dataset, Draft, Release
from risk.services import backtest_runs, datasets, drafts
from tests.conftest import Clock
from tests.factories.configuration import bootstrap
from users.models import AccessLog, Notice, User


@pytest.fixture
def configured(db: None, clock: Clock) -> None:
    bootstrap()


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password=DEMO_PASSWORD)
    return client


@pytest.fixture
def analyst(configured: None) -> Client:
    return signed_in("analyst.lin")


@pytest.fixture
def rows(configured: None, clock: Clock) -> Dataset:
    by = f"staff:{User.objects.get(username='analyst.lin').pk}"
    with transaction.atomic():
        return datasets.from_sample(by=by, at=clock.at)


def release(key: str = "credit") -> Release:
    return Release.objects.filter(key=key).latest("version")


def post(client: Client, rows: Dataset | None, **changed: Any) -> Any:
    body = {"candidate": f"release:{release().pk}", "groups": ["sex", "age_band"], "baseline": "", "product_code": ""}
    body |= {"source": f"dataset:{rows.pk}" if rows else "decisions"}
    return client.post(reverse("admin:risk_backtest_new"), body | changed)


def page(name: str, row: Backtest) -> str:
    return reverse(f"admin:risk_backtest_{name}", args=[row.pk])


def text(answer: Any) -> str:
    return str(answer.content.decode())


def run(row: Backtest, clock: Clock) -> None:
    while backtest_runs.run_next(backtest_id=row.pk, now=clock.at):
        pass


class TestStart:
    def test_offers_what_can_be_tried_and_chooses_what_was_asked_for(self, analyst: Client, rows: Dataset) -> None:
        shown = text(analyst.get(reverse("admin:risk_backtest_new"), {"release": release().pk, "dataset": rows.pk}))
        assert f'value="release:{release().pk}" selected' in shown
        assert f'value="dataset:{rows.pk}" selected' in shown
        assert "credit_score" not in shown, "a scorecard decides nothing by itself"

    def test_of_a_draft_leads_to_its_page_with_progress(self, analyst: Client, rows: Dataset, clock: Clock) -> None:
        with transaction.atomic():
            draft = drafts.fork(release_id=release().pk, by="system", at=clock.at)
        answer = post(analyst, rows, candidate=f"draft:{draft.pk}")
        made = Backtest.objects.get()
        assert answer["Location"] == page("change", made)
        shown = text(analyst.get(answer["Location"]))
        assert f'data-progress="{page("progress", made)}"' in shown
        told = analyst.get(page("progress", made)).json()
        assert (told["done"], told["chunks"], told["over"]) == (0, 2, False)
        run(made, clock)
        told = analyst.get(page("progress", made)).json()
        assert (told["done"], told["over"], told["state"]) == (2, True, "done")

    def test_says_what_is_wrong_and_starts_nothing(self, analyst: Client, rows: Dataset, clock: Clock) -> None:
        answer = post(analyst, None, since="", until="2026-03-01")
        assert (answer.status_code, "Say which business days" in text(answer)) == (422, True)
        answer = post(analyst, None, since="2026-03-02", until="2026-03-01")
        assert "before the first" in text(answer)
        answer = post(analyst, None, since="2026-01-01", until="2026-03-01")
        assert "No decision of credit" in text(answer)
        answer = post(analyst, rows, candidate=f"release:{release('admission').pk}")
        assert "another scenario" in text(answer)
        assert not Backtest.objects.exists()

    def test_lists_what_is_wrong_with_a_draft(self, analyst: Client, rows: Dataset, clock: Clock) -> None:
        with transaction.atomic():
            draft = drafts.fork(release_id=release().pk, by="system", at=clock.at)
            Draft.objects.filter(pk=draft.pk).update(authored={"nodes": [], "edges": []})
        answer = post(analyst, rows, candidate=f"draft:{draft.pk}")
        assert (answer.status_code, "no_nodes" in text(answer)) == (422, True)


class TestRights:
    def test_an_auditor_reads_and_starts_cancels_and_downloads_nothing(
        self, analyst: Client, rows: Dataset, clock: Clock
    ) -> None:
        post(analyst, rows)
        made = Backtest.objects.get()
        auditor = signed_in("audit.xu")
        assert auditor.get(page("change", made)).status_code == 200
        assert "Cancel the backtest" not in text(auditor.get(page("change", made)))
        assert auditor.get(reverse("admin:risk_backtest_new")).status_code == 403
        assert post(auditor, rows).status_code == 403
        assert auditor.post(page("cancel", made)).status_code == 403
        assert auditor.post(page("rows", made), {"reason": "out of interest"}).status_code == 403
        assert Backtest.objects.get().state == BacktestState.PENDING

    def test_who_may_not_see_risk_sees_no_page_of_it(self, analyst: Client, rows: Dataset) -> None:
        post(analyst, rows)
        made = Backtest.objects.get()
        clerk = signed_in("funder.zhou")
        for name in ("change", "progress", "rows", "figures"):
            assert clerk.get(page(name, made)).status_code == 403, name


class TestPage:
    @pytest.fixture
    def done(self, analyst: Client, rows: Dataset, clock: Clock) -> Backtest:
        post(analyst, rows)
        made = Backtest.objects.latest("pk")
        run(made, clock)
        return made

    def test_shows_the_figures_and_closes_its_owners_notice(self, analyst: Client, done: Backtest) -> None:
        signed_in("analyst.he").get(page("change", done))
        assert Notice.objects.filter(kind="backtest_done", closed_at=None).exists()
        shown = text(analyst.get(page("change", done)))
        for words in ("55.2%", "0.792", "Approved before, not any more", "Nobody moves this way", "Four-fifths line"):
            assert words in shown, words
        assert not Notice.objects.filter(kind="backtest_done", closed_at=None).exists()
        assert "55.2% → 55.2%" in text(analyst.get(reverse("admin:risk_backtest_changelist")))

    def test_compares_with_another(self, analyst: Client, rows: Dataset, done: Backtest, clock: Clock) -> None:
        post(analyst, rows, candidate=f"release:{release('credit_rules').pk}")
        other = Backtest.objects.latest("pk")
        run(other, clock)
        shown = text(analyst.get(page("change", done), {"with": other.pk}))
        assert '<th scope="col" class="num">credit_rules v1</th>' in shown
        assert "different rows" not in shown
        assert analyst.get(page("change", done), {"with": "999999"}).status_code == 404

    def test_figures_are_a_file_without_rows(self, analyst: Client, done: Backtest) -> None:
        answer: Any = analyst.get(page("figures", done))
        told = b"".join(answer.streaming_content).decode()
        assert "rates.approve,0.552,0.552" in told
        assert "german-" not in told

    def test_rows_are_a_file_for_whoever_says_why(self, analyst: Client, done: Backtest) -> None:
        assert b"german-" not in analyst.get(page("rows", done)).content
        assert not AccessLog.objects.exists()
        answer: Any = analyst.post(page("rows", done), {"reason": "to look at who moves"})
        lines = b"".join(answer.streaming_content).decode().splitlines()
        assert len(lines) == 1001
        assert lines[0].startswith("ref,bad,group:sex,group:age_band,now_outcome")
        assert lines[1].startswith("german-0001,0,male,")
        assert AccessLog.objects.get().subject == f"backtest:{done.pk}"

    def test_a_cancelled_one_says_so_and_by_whom(self, analyst: Client, rows: Dataset) -> None:
        post(analyst, rows)
        made = Backtest.objects.get()
        answer = analyst.post(page("cancel", made), follow=True)
        assert "No further chunk is begun" in text(answer)
        assert "cancelled by" in text(answer)
        again = analyst.post(page("cancel", made), follow=True)
        assert "over already" in text(again)
