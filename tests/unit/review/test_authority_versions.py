"""The authority matrix changes by two people, cases follow it and their amount, and nobody decides above it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.test import Client

from lending.common.errors import Invalid
from lending.rules.terms import Terms
from lending.services import supplements
from review import queries, services, tasks
from review.models import AuthorityRule, AuthorityVersion, Case, CaseAction
from review.rules.authority import OverAuthority, Rule, cell_choices, differences, faults, levels, words
from review.services import authority, gate, placing
from tests.factories.authority import draft_matrix, matrix
from tests.unit.review.conftest import Desk
from users.services.acts import NotAllowed

PAGE = "/admin/review/authorityversion/"


def by(desk: Desk, who: str) -> str:
    return f"staff:{desk.staff[who]}"


def drafted(desk: Desk, who: str = "sun", **changes: tuple[int | None, int | None]) -> AuthorityVersion:
    return AuthorityVersion.objects.get(number=draft_matrix(by=by(desk, who), at=desk.clock.at, **changes))


def approve(desk: Desk, version: AuthorityVersion, who: str = "qian") -> None:
    with transaction.atomic():
        authority.approve(version.pk, reason="agreed in committee", by=by(desk, who), at=desk.clock.at)


class TestWords:
    def test_every_cell_reads_back(self) -> None:
        for word in cell_choices():
            assert words(*levels(word)) == word

    def test_a_matrix_has_a_cell_for_every_amount_and_allows_nothing_beyond_a_refusal(self) -> None:
        whole = [Rule(100, column, 1, 2) for column in ("A_B", "C", "D", "exception")]
        assert faults(whole) == {}
        assert faults([]) == {"bands": "at least one"}
        assert faults(whole[1:]) == {"A_B": "a cell for every amount"}
        gap = [Rule(50, rule.column, None, None) for rule in whole]
        assert faults([*whole, *gap])["C"] == "refused for less, allowed for more"

    def test_differences_are_told_by_cell(self) -> None:
        assert differences(
            [Rule(100, "C", 1, 2), Rule(100, "D", 1, 2)], [Rule(100, "C", 2, 3), Rule(200, "D", 1, None)]
        ) == (
            ("C", 100, "R1 + R2", "R2 + R3"),
            ("D", 100, "R1 + R2", "-"),
            ("D", 200, "-", "R1 alone"),
        )


class TestTwoPeople:
    def test_one_drafts_another_approves_and_the_old_stays(self, desk: Desk) -> None:
        before = placing.authority_rules()
        version = drafted(desk)
        assert placing.authority_rules() == before
        approve(desk, version)
        assert placing.authority_rules()[0] == before[0] + 1
        assert set(placing.authority_rules(before[0])[1]) == set(before[1])

    def test_nobody_approves_their_own(self, desk: Desk) -> None:
        version = drafted(desk)
        with pytest.raises(authority.SamePerson):
            approve(desk, version, "sun")
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE review_authorityversion SET state = 'approved', decided_by = drafted_by, decided_at = now()"
                " WHERE id = %s",
                [version.pk],
            )

    @pytest.mark.parametrize("who", ["chen", "zhao", "lin"])
    def test_only_leads_and_the_credit_manager(self, desk: Desk, who: str) -> None:
        with pytest.raises(NotAllowed):
            drafted(desk, who)
        version = drafted(desk)
        with pytest.raises(NotAllowed):
            approve(desk, version, who)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE review_authorityrule SET final_level = 1, initial_level = 1 WHERE version = 1",
            "DELETE FROM review_authorityrule WHERE version = 1",
            "UPDATE review_authorityversion SET reason = 'x' WHERE number = 1",
            "DELETE FROM review_authorityversion WHERE number = 1",
        ],
    )
    def test_what_was_in_force_is_never_edited(self, desk: Desk, statement: str) -> None:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    def test_a_version_is_decided_once(self, desk: Desk) -> None:
        version = drafted(desk)
        authority.discard(version.pk, reason="a slip of mine", by=by(desk, "sun"), at=desk.clock.at)
        with pytest.raises(authority.NotADraft):
            approve(desk, version)
        assert placing.authority_rules()[0] == 1
        assert drafted(desk).number == 3

    def test_an_earlier_draft_never_overtakes_what_is_in_force(self, desk: Desk) -> None:
        first, second = drafted(desk), drafted(desk, C_20000=(3, 4))
        approve(desk, second)
        with pytest.raises(authority.OutOfDate):
            approve(desk, first)
        assert placing.authority_rules()[0] == second.number

    def test_refuses_a_hole_and_a_copy(self, desk: Desk) -> None:
        for cells in (matrix()[1:], matrix()):
            with pytest.raises(Invalid):
                authority.draft(cells=cells, reason="as a test", by=by(desk, "sun"), at=desk.clock.at)
        assert not AuthorityRule.objects.filter(version__gt=1).exists()


class TestOpenCases:
    def test_are_shown_before_and_follow_after(self, desk: Desk) -> None:
        waiting, other = desk.at_final(), desk.open(grade="A")
        version = drafted(desk)
        seen = queries.authority_version(version.pk)
        assert seen is not None
        assert [(row.case_id, row.before, row.after) for row in seen.moved] == [(waiting, 2, 3)]
        assert seen.differences == (("C", 2_000_000, "R1 + R2", "R2 + R3"),)
        tasks.sweep()
        assert desk.row(waiting).level_needed == 2
        approve(desk, version)
        tasks.sweep()
        assert (desk.row(waiting).level_needed, desk.row(other).level_needed) == (3, 1)
        assert set(Case.objects.values_list("routed_under", flat=True)) == {2}
        moved = CaseAction.objects.get(action="reroute")
        assert (moved.case_id, moved.actor, moved.changes) == (waiting, "system", {"level_needed": [2, 3]})
        assert desk.claim("zhao") is None

    def test_a_holder_who_no_longer_suffices_gives_it_back_and_cannot_decide(self, desk: Desk) -> None:
        case_id = desk.in_final()
        approve(desk, drafted(desk))
        with pytest.raises(OverAuthority):
            desk.decide(case_id, "zhao")
        tasks.sweep()
        case = desk.row(case_id)
        assert (case.status, case.claimed_by_id, case.level_needed) == ("WAITING_FINAL", None, 3)
        with pytest.raises(gate.CaseMoved):
            desk.decide(case_id, "zhao")

    def test_what_was_handed_up_stays_up(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.act("escalate", case_id, "zhao", reasons=["X02"])
        approve(desk, drafted(desk, A_B_5000=(1, 2)))
        tasks.sweep()
        assert desk.row(case_id).level_needed == 3


class TestAnotherAmount:
    def test_goes_where_the_amount_belongs(self, desk: Desk) -> None:
        case_id = desk.in_final("sun", amount_cents=3_000_000)
        before = desk.row(case_id)
        assert (before.queue.code, before.level_needed) == ("FIN-LRG", 3)
        assert desk.act("change_amount", case_id, "sun", amount_cents=1_500_000, reasons=["U01"])
        lower = desk.row(case_id)
        assert (lower.queue.code, lower.level_needed, lower.status) == ("FIN-STD", 2, "IN_FINAL")
        assert lower.due_at <= before.due_at
        assert [row.action for row in queries.actions_of(case_id)][-2:] == ["amount", "reroute"]

    def test_and_away_from_who_lacks_the_authority_for_it(self, desk: Desk) -> None:
        case_id = desk.in_final("sun", amount_cents=3_000_000)
        desk.act("change_amount", case_id, "sun", amount_cents=1_500_000, reasons=["U01"])
        desk.act("release_lease", case_id, "sun", reasons=["L01"])
        assert desk.claim("zhao") == case_id
        assert not desk.act("change_amount", case_id, "zhao", amount_cents=3_000_000, reasons=["U02"])
        case = desk.row(case_id)
        assert (case.status, case.queue.code, case.level_needed) == ("WAITING_FINAL", "FIN-LRG", 3)
        assert desk.claim("zhao") is None
        assert desk.claim("qian") == case_id

    def test_is_what_is_decided_then(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.act("change_amount", case_id, "zhao", amount_cents=700_000, reasons=["U01"])
        desk.decide(case_id, "zhao")
        assert desk.application(case_id).decided_cents == 700_000

    @pytest.mark.parametrize("amount_cents", [0, -1, 1_000_000, 1_000_001])
    def test_refuses_more_than_the_offer_nothing_and_the_same(self, desk: Desk, amount_cents: int) -> None:
        case_id = desk.in_final()
        with pytest.raises(Invalid):
            desk.act("change_amount", case_id, "zhao", amount_cents=amount_cents, reasons=["U01"])
        assert desk.row(case_id).proposed_cents is None

    def test_the_borrower_s_supplement_may_change_it(self, desk: Desk) -> None:
        case_id = desk.in_final("sun", amount_cents=3_000_000)
        application = desk.application(case_id)
        desk.act("request_supplement", case_id, "sun", items=[("amount", "多少？")], reasons=["Q07"])
        who = f"user:{application.user_id}"
        for wrong in ("many", "1.5", "90000000"):
            with pytest.raises(Invalid), transaction.atomic():
                _answer(application.pk, wrong, who, desk)
        _answer(application.pk, "15000", who, desk)
        services.open_or_resume_case(application_id=application.pk, at=desk.clock.at)
        case = desk.row(case_id)
        assert (case.application.asked_cents, case.amount_cents) == (1_500_000, 1_500_000)
        assert (case.queue.code, case.level_needed, case.status) == ("FIN-STD", 2, "WAITING_FINAL")


def _answer(application_id: int, amount: str, who: str, desk: Desk) -> None:
    supplements.answer(application_id=application_id, texts={"amount": amount}, files={}, by=who, at=desk.clock.at)


class TestNobodyAboveTheirAuthority:
    """30,000 yuan of grade C: R1 + R3. zhao is R2."""

    def brought(self, desk: Desk) -> int:
        """In zhao's hands by a lower proposal, at which R2 would do."""
        case_id = desk.in_final("sun", amount_cents=3_000_000)
        desk.act("change_amount", case_id, "sun", amount_cents=1_500_000, reasons=["U01"])
        desk.act("release_lease", case_id, "sun", reasons=["L01"])
        assert desk.claim("zhao") == case_id
        return case_id

    def through_the_service(self, desk: Desk, case_id: int) -> None:
        offer = desk.application(case_id)
        terms = Terms(3_000_000, 12, offer.decided_rate, offer.method)
        with pytest.raises(OverAuthority):
            desk.decide(case_id, "zhao", terms=terms)

    def through_the_admin(self, desk: Desk, case_id: int) -> None:
        client = Client()
        client.force_login(get_user_model().objects.get(pk=desk.staff["zhao"]))
        address = f"/admin/review/case/{case_id}/act/decide/"
        body = {"outcome": "approve", "reasons": ["V01"], "amount": "30000", "months": "12", "note": ""}
        answer = client.post(address, body)
        assert answer.status_code == 200
        assert "This approval needs R3" in answer.content.decode()

    def by_raising_the_row(self, desk: Desk, case_id: int) -> None:
        """What is on the case is not what is believed: the matrix is asked about what is given."""
        Case.objects.filter(pk=case_id).update(level_needed=1, proposed_cents=3_000_000)
        with pytest.raises(OverAuthority):
            desk.decide(case_id, "zhao")

    def by_another_s_case(self, desk: Desk, case_id: int) -> None:
        for who in ("sun", "qian", "chen"):
            with pytest.raises((gate.NotYourCase, gate.NotAReviewer)):
                desk.decide(case_id, who)

    @pytest.mark.parametrize(
        "attempt", ["through_the_service", "through_the_admin", "by_raising_the_row", "by_another_s_case"]
    )
    def test_through_any_door(self, desk: Desk, attempt: str) -> None:
        case_id = self.brought(desk)
        tried: Callable[[Desk, int], Any] = getattr(self, attempt)
        tried(desk, case_id)
        application = desk.application(case_id)
        assert (application.status, desk.row(case_id).status) == ("REFERRED", "IN_FINAL")


class TestPages:
    def test_a_lead_drafts_on_a_form_and_the_manager_reads_what_it_changes(self, desk: Desk) -> None:
        case_id = desk.at_final()
        lead, manager = Client(), Client()
        lead.force_login(get_user_model().objects.get(pk=desk.staff["sun"]))
        manager.force_login(get_user_model().objects.get(pk=desk.staff["qian"]))
        form = lead.get(f"{PAGE}draft/").context["form"]
        body = {
            name: "" if form.get_initial_for_field(field, name) is None else form.get_initial_for_field(field, name)
            for name, field in form.fields.items()
        }
        assert body["cell_1_C"] == "R1 + R2"
        assert body["band_1"] == Decimal(20_000)
        unchanged = lead.post(f"{PAGE}draft/", body | {"reason": "nothing at all"})
        assert "Nothing differs" in unchanged.content.decode()
        assert lead.post(f"{PAGE}draft/", body | {"reason": "losses in C", "cell_1_C": "R2 + R3"}).status_code == 302
        version = AuthorityVersion.objects.get(state="draft")
        shown = manager.get(f"{PAGE}{version.pk}/change/").content.decode()
        assert "R1 + R2 → <strong>R2 + R3</strong>" in shown
        assert f"#{case_id}" in shown
        ask = f"{PAGE}act/approve/?ids={version.pk}"
        assert manager.post(ask, {"reason": "agreed in committee"}).status_code == 302
        version.refresh_from_db()
        assert (version.state, version.decided_by) == ("approved", by(desk, "qian"))
        assert lead.get(PAGE).status_code == 200

    def test_a_reviewer_gets_no_form(self, desk: Desk) -> None:
        client = Client()
        client.force_login(get_user_model().objects.get(pk=desk.staff["chen"]))
        assert client.get(f"{PAGE}draft/").status_code == 403
