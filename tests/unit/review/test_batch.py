"""Many cases at once: only in the band that is allowed, each with its own result."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client

from review import queries, services
from review.models import Case, ChecklistItem, ChecklistTick
from review.services import gate
from tests.conftest import Clock
from tests.unit.review.conftest import Desk, set_up


class Committed(Desk):
    def open(self, *, ticked: bool = True, **verdict: Any) -> int:
        """`ticked`: what the checklist asks for was done by somebody before."""
        with transaction.atomic():
            case_id = super().open(**verdict)
            for item in ChecklistItem.objects.filter(queue=self.row(case_id).queue) if ticked else ():
                ChecklistTick.objects.create(
                    case_id=case_id, item=item, by_id=self.staff["wu"], ticked_at=self.clock.at
                )
            return case_id


@pytest.fixture
def desk(transactional_db: None, clock: Clock) -> Desk:
    """Each case has a durable transaction of its own."""
    with transaction.atomic():
        staff = set_up(clock.at)
    return Committed(staff, clock)


class TestBatch:
    def test_does_what_the_band_allows_and_says_why_not_of_the_rest(self, desk: Committed) -> None:
        inside = [desk.open(), desk.open()]
        large, good = desk.open(amount_cents=2_100_000), desk.open(grade="A")
        held, unread = desk.open(), desk.open(ticked=False)
        assert services.claim_next(by_id=desk.staff["wu"], at=desk.clock.at, only=held) == held
        chosen = [*inside, large, good, held, unread]
        lines = {line.case_id: line.why_not for line in queries.batch_of(chosen, "decline", desk.staff["chen"])}
        assert [lines[case_id] for case_id in inside] == ["", ""]
        assert lines[large] == "The amount is above the band."
        assert lines[good] == "Grade A is outside the band."
        assert lines[held] == "Somebody else holds it."
        assert lines[unread].startswith("Tick on the checklist first")
        results = services.run_batch(
            case_ids=chosen, action="decline", reasons=["S03"], note="", by_id=desk.staff["chen"], now=desk.clock.at
        )
        assert {row.case_id: row.refused for row in results} == lines
        assert set(Case.objects.filter(pk__in=inside).values_list("status", flat=True)) == {"WAITING_FINAL"}
        assert desk.row(large).status == desk.row(good).status == "WAITING_INITIAL"

    def test_one_that_is_refused_leaves_no_trace_and_stops_no_other(self, desk: Committed) -> None:
        first, second = desk.open(), desk.open()
        by_id, at = desk.staff["chen"], desk.clock.at
        values = {"action": "decline", "note": "", "by_id": by_id, "now": at}
        refused = services.run_batch(case_ids=[first, second], reasons=["ZZZ"], **values)  # type: ignore[arg-type]
        assert all(row.refused for row in refused)
        assert desk.row(first).status == "WAITING_INITIAL"
        done = services.run_batch(case_ids=[10**9, first, second], reasons=["S03"], **values)  # type: ignore[arg-type]
        assert [bool(row.refused) for row in done] == [True, False, False]

    def test_is_for_reviewers(self, desk: Committed) -> None:
        with pytest.raises(gate.NotAReviewer):
            services.run_batch(
                case_ids=[desk.open()],
                action="decline",
                reasons=["S03"],
                note="",
                by_id=desk.staff["lin"],
                now=desk.clock.at,
            )

    def test_shows_before_it_acts(self, desk: Committed) -> None:
        inside, outside = desk.open(), desk.open(grade="A")
        client = Client()
        client.force_login(get_user_model().objects.get(pk=desk.staff["chen"]))
        to_page = client.post("/admin/review/case/", {"action": "to_batch", "_selected_action": [inside, outside]})
        address = to_page["Location"]
        body = {"action": "decline", "reasons": ["S03"], "note": ""}
        shown = client.post(address, body).content.decode()
        assert "1 of 2 take part" in shown
        assert "Grade A is outside the band." in shown
        assert desk.row(inside).status == "WAITING_INITIAL"
        done = client.post(address, body | {"confirmed": "1"}).content.decode()
        assert "1 of 1 done" in done
        assert desk.row(inside).status == "WAITING_FINAL"
