"""Many cases at once: only in the band that is allowed, each with its own result."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client

from lending.common.errors import DomainError, Invalid
from review import queries, services
from review.models import BatchChange, BatchRule, Case, CaseAction, ChecklistItem, ChecklistTick
from review.services import batch_rules, configuration, gate
from tests.conftest import Clock
from tests.factories.authority import draft_batch
from tests.unit.review.conftest import Desk, set_up
from users.services import acts


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

    def test_takes_what_nobody_ticked_only_where_two_people_waived_it(self, desk: Committed) -> None:
        case_id = desk.open(ticked=False)
        values = {"action": "decline", "reasons": ["S03"], "note": "", "by_id": desk.staff["chen"]}
        first, second = (f"staff:{desk.staff[who]}" for who in ("sun", "qian"))
        with transaction.atomic():
            change = draft_batch("initial", "decline", by=first, at=desk.clock.at)
        (line,) = queries.batch_of([case_id], "decline", desk.staff["chen"])
        assert line.why_not.startswith("Tick on the checklist first")
        with pytest.raises(batch_rules.SamePerson), transaction.atomic():
            batch_rules.approve(change, reason="my own", by=first, at=desk.clock.at)
        with pytest.raises(batch_rules.BeingChanged), transaction.atomic():
            draft_batch("initial", "decline", by=second, at=desk.clock.at)
        with transaction.atomic():
            batch_rules.approve(change, reason="plain cases", by=second, at=desk.clock.at)
        with pytest.raises(batch_rules.NotADraft), transaction.atomic():
            batch_rules.discard(change, reason="too late", by=second, at=desk.clock.at)
        (line,) = queries.batch_of([case_id], "decline", desk.staff["chen"])
        assert line.why_not == ""
        (result,) = services.run_batch(case_ids=[case_id], now=desk.clock.at, **values)  # type: ignore[arg-type]
        assert result.refused == ""
        said = CaseAction.objects.get(case_id=case_id, action="recommend")
        assert said.changes["checklist"] == "waived"
        with transaction.atomic():
            configuration.load(at=desk.clock.at)
        assert BatchRule.objects.get(stage="initial", action="decline").checklist == "waived", "no file takes it back"

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"checklist": "perhaps"}, Invalid),
            ({"grades": ["Z"]}, Invalid),
            ({"amount_to_cents": 0}, Invalid),
            ({"stage": "third"}, Invalid),
            ({"reason": "x"}, acts.ReasonRequired),
            ({"by": "wu"}, acts.NotAllowed),
        ],
    )
    def test_a_row_that_is_not_possible_is_refused(
        self, desk: Committed, wrong: dict[str, Any], error: type[DomainError]
    ) -> None:
        row: dict[str, Any] = {
            "stage": "initial",
            "action": "decline",
            "grades": ["C"],
            "amount_to_cents": 100,
            "checklist": "waived",
            "reason": "as a test",
            "by": "sun",
        } | wrong
        row["by"] = f"staff:{desk.staff[row['by']]}"
        with pytest.raises(error), transaction.atomic():
            batch_rules.draft(**row, at=desk.clock.at)
        assert not BatchChange.objects.exists()

    def test_is_changed_on_a_page_by_one_lead_and_put_in_force_by_another(self, desk: Committed) -> None:
        sun, qian = Client(), Client()
        sun.force_login(get_user_model().objects.get(pk=desk.staff["sun"]))
        qian.force_login(get_user_model().objects.get(pk=desk.staff["qian"]))
        row = {"stage": "final", "action": "decline", "grades": ["D"], "amount_to": "8000", "checklist": "waived"}
        assert sun.post("/admin/review/batchrule/draft/", row | {"reason": "few are left"}).status_code == 302
        pk = BatchChange.objects.get().pk
        for client in (sun, qian):
            client.post(f"/admin/review/batchchange/act/approve/?ids={pk}", {"reason": "agreed in the round"})
            if client is sun:
                assert BatchChange.objects.get().state == "draft"
        rule = BatchRule.objects.get(stage="final", action="decline")
        assert (rule.grades, rule.amount_to_cents, rule.checklist) == (["D"], 800_000, "waived")

    def test_shows_before_it_acts(self, desk: Committed) -> None:
        inside, outside, unread = desk.open(), desk.open(grade="A"), desk.open(ticked=False)
        client = Client()
        client.force_login(get_user_model().objects.get(pk=desk.staff["chen"]))
        to_page = client.post(
            "/admin/review/case/", {"action": "to_batch", "_selected_action": [inside, outside, unread]}
        )
        address = to_page["Location"]
        body = {"action": "decline", "reasons": ["S03"], "note": ""}
        shown = client.post(address, body).content.decode()
        assert "1 of 3 take part" in shown
        assert "Grade A is outside the band." in shown
        assert "Tick on the checklist first" in shown
        assert desk.row(inside).status == "WAITING_INITIAL"
        done = client.post(address, body | {"confirmed": "1"}).content.decode()
        assert "1 of 1 done" in done
        assert desk.row(inside).status == "WAITING_FINAL"
