"""Gaps and overlaps over all loans and days are shown before a template is approved or ended; none is made silently."""

from datetime import date, timedelta
from itertools import product

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings

from contracts.models import Template
from contracts.rules import coverage, resolver
from contracts.services import configuration, templates
from contracts.services import coverage as covered
from tests.conftest import Clock
from tests.unit.contracts.test_rules import selector, selectors
from users.models import StaffAct, User
from users.services import accounts, acts

AB = dict.fromkeys(coverage.DIMENSIONS, ("A", "B"))
KIND = "loan_agreement"
FIRST, LAST = date(2026, 1, 1), date(2026, 1, 12)


class TestPure:
    @given(selectors(1), selectors(2), selectors(3))
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_rows_say_what_choosing_would_find(
        self, one: resolver.Selector, two: resolver.Selector, other: resolver.Selector
    ) -> None:
        three = (one, two, other)
        rows = coverage.rows(three, kinds=[KIND], over=AB, first=FIRST, last=LAST)
        for values in product("AB", repeat=4):
            loan = dict(zip(coverage.DIMENSIONS, values, strict=True))
            (row,) = [
                row
                for row in rows
                if all(own is None or value in own for own, value in zip(row.where, values, strict=True))
            ]
            for number in range(12):
                on = FIRST + timedelta(days=number)
                (found,) = [span for span in row.stretches if span.first <= on <= (span.last or LAST)]
                assert found.names == tuple(sorted(o.name for o in three if o.fits(kind=KIND, on=on, **loan)))

    @given(selectors(1), selectors(2), selectors(3))
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_lost_is_what_was_there_and_is_not(
        self, one: resolver.Selector, two: resolver.Selector, other: resolver.Selector
    ) -> None:
        before, after = (one, two), (two, other)
        lost = coverage.lost(before, after, kinds=[KIND], over=AB, first=FIRST)
        for values in product("AB", repeat=4):
            loan = dict(zip(coverage.DIMENSIONS, values, strict=True))
            rows = [
                row
                for row in lost
                if all(own is None or value in own for own, value in zip(row.where, values, strict=True))
            ]
            for number in range(12):
                on = FIRST + timedelta(days=number)
                said = any(span.first <= on <= (span.last or on) for row in rows for span in row.stretches)
                had, has = (any(each.fits(kind=KIND, on=on, **loan) for each in of) for of in (before, after))
                assert said == (had and not has), (loan, on)

    def test_says_it_in_words(self) -> None:
        own = selector(1, mode="A", product="B")
        ended = selector(1, mode="A", product="B", valid_to=date(2026, 1, 5))
        later = selector(2, mode="A", product="B", funder="B", valid_from=date(2026, 1, 9))
        lost = coverage.lost([own], [ended, later], kinds=[KIND], over=AB, first=FIRST)
        assert coverage.said(lost) == (
            "loan_agreement of mode A, funder A, product B from 2026-01-06 on; "
            "loan_agreement of mode A, funder B, product B from 2026-01-06 to 2026-01-08"
        )
        assert coverage.said(coverage.lost([ended], [own], kinds=[KIND], over=AB, first=FIRST)) == ""


class Legal:
    def __init__(self, people: dict[str, int], clock: Clock) -> None:
        self.clock, self.author, self.approver = clock, people[configuration.AUTHOR], people[configuration.APPROVER]

    def draft(self, **changes: object) -> int:
        fields: dict[str, object] = {
            "code": "note",
            "kind": "note",
            "title_zh": "据",
            "title_en": "Note",
            "source": "<p>{{ amount }}</p>",
            "style": "",
            "declared": {"amount": "money"},
            "valid_from": self.clock.at.date() + timedelta(days=3),
            "author_id": self.author,
            "at": self.clock.at,
        }
        return templates.draft(**(fields | changes))  # type: ignore[arg-type]

    def approve(self, template_id: int, **how: object) -> None:
        how = {"by_id": self.approver, "reason": "read it twice", "at": self.clock.at} | how
        templates.approve(template_id=template_id, **how)  # type: ignore[arg-type]

    def end(self, template_id: int, last_day: date, **how: object) -> None:
        how = {"by": f"staff:{self.approver}", "reason": "used no more", "at": self.clock.at} | how
        templates.end(template_id=template_id, last_day=last_day, **how)  # type: ignore[arg-type]


@pytest.fixture
def legal(staff: dict[str, int], clock: Clock) -> Legal:
    return Legal(staff, clock)


class TestServices:
    def test_the_shipped_templates_leave_nothing_open(self, legal: Legal) -> None:
        picture = covered.picture(legal.clock.at.date())
        assert not picture.faults
        assert {row.kind for row in picture.rows} == set(covered.KINDS)
        assert {row.loans for row in picture.rows if row.kind == KIND} == {"mode direct", "mode own"}

    def test_a_narrower_successor_is_refused_until_somebody_says_why(self, legal: Legal) -> None:
        draft = legal.draft(mode="direct")
        row = Template.objects.get(pk=draft)
        gap = f"note of mode own from {row.valid_from} on"
        assert gap in covered.outlook(row, legal.clock.at.date())
        assert [found.loans for found in covered.picture(legal.clock.at.date(), draft).faults] == ["mode own"]
        for unsaid in ("", "   "):
            with pytest.raises(templates.LeavesGap) as caught:
                legal.approve(draft, gap=unsaid)
            assert caught.value.data["gaps"] == gap
        with pytest.raises(acts.ReasonRequired):
            legal.approve(draft, gap="no")
        assert Template.objects.get(pk=draft).approved_at is None
        assert Template.objects.get(code="note", version=1).valid_to is None
        before = StaffAct.objects.count()
        legal.approve(draft, gap="nobody lends from the own book any more")
        kept = StaffAct.objects.order_by("pk")[before:]
        assert {act.act: act.reason for act in kept} == {
            "leave_gap": "nobody lends from the own book any more",
            "approve_template": "read it twice",
        }
        other = legal.draft(code="note-own", mode="own", valid_from=row.valid_from)
        assert covered.outlook(Template.objects.get(pk=other), legal.clock.at.date()).endswith("No gap.")
        legal.approve(other)
        assert not covered.picture(legal.clock.at.date()).faults

    def test_a_successor_for_the_same_loans_needs_no_word(self, legal: Legal) -> None:
        legal.approve(legal.draft())
        assert not StaffAct.objects.filter(act="leave_gap").exists()

    def test_ending_one_leaves_a_gap_that_is_said(self, legal: Legal) -> None:
        note = Template.objects.get(code="note")
        today = legal.clock.at.date()
        last = today + timedelta(days=30)
        with pytest.raises(templates.LeavesGap):
            legal.end(note.pk, last)
        for wrong in (today - timedelta(days=1), date(2025, 1, 1)):
            with pytest.raises(templates.EndsTooEarly):
                legal.end(note.pk, wrong, gap="it does not matter")
        outsider = accounts.make_staff(username="clerk", password="a long passphrase", at=legal.clock.at)
        with pytest.raises(acts.NotAllowed):
            legal.end(note.pk, last, gap="it does not matter", by=f"staff:{outsider}")
        Template.objects.filter(pk=note.pk, valid_to=None).get()
        legal.end(note.pk, last, gap="notes are printed elsewhere")
        assert Template.objects.get(pk=note.pk).valid_to == last
        with pytest.raises(templates.EndsTooEarly):  # never made longer
            legal.end(note.pk, last + timedelta(days=1), gap="notes are printed elsewhere")
        with pytest.raises(templates.NotFound):
            legal.end(legal.draft(), last)


class TestPage:
    @pytest.fixture
    def office(self, legal: Legal, client: Client) -> Client:
        pk = accounts.make_staff(username="admin", password="a long passphrase", is_superuser=True, at=legal.clock.at)
        client.force_login(User.objects.get(pk=pk))
        return client

    def test_shows_what_is_and_what_a_draft_would_leave(self, office: Client, legal: Legal) -> None:
        url = reverse("admin:contracts_template_coverage")
        assert "exactly one template of each kind" in office.get(url).content.decode()
        draft = legal.draft(mode="direct")
        page = office.get(f"{url}?template={draft}").content.decode()
        assert "1 group of loans with a gap" in page
        assert '<rect class="mark"' in page
        for wrong, status in (("99999999", 404), ("x", 200), ("9" * 40, 200), ("-1", 200)):
            assert office.get(f"{url}?template={wrong}").status_code == status
        assert office.get(reverse("admin:contracts_template_to_coverage"))["Location"] == url

    def test_approving_shows_the_gap_and_takes_its_reason(self, office: Client, legal: Legal) -> None:
        draft = legal.draft(mode="direct")
        place = office.get(reverse("admin:contracts_template_ask_approve", args=[draft]))["Location"]
        assert "It would leave without a template: note of mode own" in office.get(place).content.decode()
        said = {"reason": "looks right", "gap": "", "starts": ""}
        assert "note of mode own" in office.post(place, said).content.decode()
        assert Template.objects.get(pk=draft).approved_at is None
        assert office.post(place, said | {"starts": "soon"}).status_code == 200
        office.post(place, said | {"gap": "the own book is closed", "starts": "2026-12-31"})
        row = Template.objects.get(pk=draft)
        assert (row.approved_at, row.valid_from) == (legal.clock.at, date(2026, 12, 31))

    def test_is_not_for_those_who_may_not_see_templates(self, legal: Legal, client: Client) -> None:
        pk = accounts.make_staff(username="ops", password="a long passphrase", groups=["funder_ops"], at=legal.clock.at)
        client.force_login(User.objects.get(pk=pk))
        assert client.get(reverse("admin:contracts_template_coverage")).status_code == 403
