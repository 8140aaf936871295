"""What the database itself refuses, whoever asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from contracts import services
from contracts.models import Contract, Kind, Signature, Template
from contracts.rules import names, variables
from contracts.services import configuration, drafting, templates
from tests.conftest import Clock
from tests.unit.contracts.conftest import Desk
from users.services import acts

MORE = {"amount": "money", "more": "text?"}


@contextmanager
def refused(said: str) -> Iterator[None]:
    with pytest.raises(IntegrityError, match=said), transaction.atomic():
        yield


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


class TestContract:
    def test_two_live_ones_of_a_kind(self, desk: Desk) -> None:
        drawdown_id = desk.rendered()
        twin = desk.contract(drawdown_id, Kind.COST_SHEET)
        twin.pk, twin.key, twin.number = None, "other", "CS-2"
        twin.public_id = "4e1c1d5a-4b0f-4b58-8a3c-3d9ee3d9f001"
        with refused("one_live_contract_of_a_kind"):
            twin.save(force_insert=True)
        services.void(drawdown_id=drawdown_id, at=desk.clock.at)
        twin.save(force_insert=True)

    def test_a_signed_row_without_its_signature(self, desk: Desk) -> None:
        contract = desk.contract(desk.rendered(), Kind.COST_SHEET)
        with refused("contract_signed_who_and_when"):
            sql("UPDATE contracts_contract SET signed_at = now() WHERE id = %s", contract.pk)
        with refused("contract_signed_has_signature"):
            sql("UPDATE contracts_contract SET state = 'SIGNED' WHERE id = %s", contract.pk)

    def test_a_sealed_row_without_a_hash_or_without_a_signature(self, desk: Desk) -> None:
        contract = desk.contract(desk.rendered(), Kind.LOAN_AGREEMENT)
        with refused("contract_sealed_has_its_hash"):
            sql("UPDATE contracts_contract SET state = 'SEALED', sealed_at = now() WHERE id = %s", contract.pk)
        with refused("contract_rendered_has_its_file"):
            sql("UPDATE contracts_contract SET sha256 = NULL WHERE id = %s", contract.pk)

    def test_a_change_of_a_sealed_row(self, desk: Desk) -> None:
        contract = desk.contract(desk.sealed(), Kind.LOAN_AGREEMENT)
        for change in (
            "sha256 = repeat('0', 64)",
            "signed_at = now()",
            "state = 'SIGNED'",
            "file = 'x'",
            "kind = 'note'",
        ):
            with refused("is SEALED"):
                sql(f"UPDATE contracts_contract SET {change} WHERE id = %s", contract.pk)

    def test_another_document_after_it_was_shown(self, desk: Desk) -> None:
        contract = desk.contract(desk.rendered(), Kind.LOAN_AGREEMENT)
        with refused("was shown to the borrower"):
            sql("UPDATE contracts_contract SET rendered_sha256 = 'x' WHERE id = %s", contract.pk)

    def test_a_deletion(self, desk: Desk) -> None:
        contract = desk.contract(desk.rendered(), Kind.LOAN_AGREEMENT)
        with refused("kept for ever"):
            Contract.objects.filter(pk=contract.pk).delete()

    def test_but_not_the_first_reading_of_a_sealed_one(self, desk: Desk) -> None:
        contract = desk.contract(desk.sealed(), Kind.LOAN_AGREEMENT)
        services.open_document(contract_id=contract.pk, at=desk.clock.at)
        contract.refresh_from_db()
        assert contract.first_opened_at == desk.clock.at


class TestSignature:
    def test_is_append_only(self, desk: Desk) -> None:
        desk.signed()
        with refused("append-only"):
            Signature.objects.update(ip="10.0.0.1")
        with refused("append-only"):
            sql("DELETE FROM contracts_signature")


class TestTemplate:
    def written(self, staff: dict[str, int], clock: Clock, **changes: object) -> int:
        fields: dict[str, object] = {
            "code": "cost-sheet",
            "kind": "cost_sheet",
            "title_zh": "表",
            "title_en": "Sheet",
            "source": "<p>{{ amount }}</p>",
            "style": "",
            "declared": {"amount": "money"},
            "valid_from": clock.at.date() + timedelta(days=1),
            "author_id": staff[configuration.AUTHOR],
            "at": clock.at,
        }
        return templates.draft(**(fields | changes))  # type: ignore[arg-type]

    def test_nobody_approves_what_they_wrote(self, staff: dict[str, int], clock: Clock) -> None:
        template_id = self.written(staff, clock)
        author = staff[configuration.AUTHOR]
        with pytest.raises(templates.SameAuthor):
            templates.approve(template_id=template_id, by_id=author, reason="read it twice", at=clock.at)
        with refused("contract_template_four_eyes"):
            Template.objects.filter(pk=template_id).update(approver_id=author, approved_at=clock.at)

    def test_approver_and_instant_stand_together(self, staff: dict[str, int], clock: Clock) -> None:
        template_id = self.written(staff, clock)
        with refused("contract_template_approved_who_and_when"):
            Template.objects.filter(pk=template_id).update(approved_at=clock.at)

    def test_an_approved_one_never_changes_but_may_end(self, staff: dict[str, int]) -> None:
        rows = Template.objects.filter(code="note")
        with refused("is approved"):
            rows.update(source="<p>another</p>")
        with refused("kept for ever"):
            rows.delete()
        rows.update(valid_to=date(2026, 12, 31))

    def test_a_draft_is_withdrawn_by_its_writer_and_rejected_by_somebody_else(
        self, staff: dict[str, int], clock: Clock
    ) -> None:
        author, other = (f"staff:{staff[name]}" for name in (configuration.AUTHOR, configuration.APPROVER))
        why = {"reason": "the rate is in words only", "at": clock.at}
        table: list[tuple[Any, str, str, type[Exception]]] = [
            (templates.withdraw, author, other, templates.NotTheAuthor),
            (templates.reject, other, author, templates.OwnDraft),
        ]
        for act, by, wrong, refusal in table:
            template_id = self.written(staff, clock)
            with pytest.raises(refusal):
                act(template_id=template_id, by=wrong, **why)
            with pytest.raises(acts.ReasonRequired):
                act(template_id=template_id, by=by, reason="no", at=clock.at)
            act(template_id=template_id, by=by, **why)
            row = Template.objects.get(pk=template_id)
            state = {templates.withdraw: "withdrawn", templates.reject: "rejected"}[act]
            assert (row.state, f"staff:{row.closed_by_id}") == (state, by)
            assert (row.closed_for, row.closed_at) == ("the rate is in words only", clock.at)
            for again in (templates.withdraw, templates.reject):
                with pytest.raises((templates.TemplateClosed, templates.NotTheAuthor, templates.OwnDraft)):
                    again(template_id=template_id, by=by, **why)
            approver = staff[configuration.APPROVER]
            with pytest.raises(templates.TemplateClosed):
                templates.approve(template_id=template_id, by_id=approver, reason="read it twice", at=clock.at)
            with refused("write a new version"):
                Template.objects.filter(pk=template_id).update(source="<p>{{ amount }} more</p>")
            text = drafting.text_of(row)
            following = drafting.write(template_id=template_id, text=text, reason="said anew", by=author, at=clock.at)
            assert Template.objects.get(pk=following).version == row.version + 1

    def test_an_approved_one_is_neither_withdrawn_nor_rejected(self, staff: dict[str, int], clock: Clock) -> None:
        row = Template.objects.get(code="note", approved_at__isnull=False)
        why: dict[str, Any] = {"template_id": row.pk, "reason": "second thoughts", "at": clock.at}
        with pytest.raises(templates.TemplateApproved):
            templates.withdraw(by=f"staff:{row.author_id}", **why)
        with pytest.raises(templates.TemplateApproved):
            templates.reject(by=f"staff:{row.approver_id}", **why)

    def test_a_new_version_ends_the_former_one_the_day_before(self, staff: dict[str, int], clock: Clock) -> None:
        template_id = self.written(staff, clock)
        templates.approve(
            template_id=template_id, by_id=staff[configuration.APPROVER], reason="read it twice", at=clock.at
        )
        first, second = Template.objects.filter(code="cost-sheet").order_by("version")
        assert (first.valid_to, second.valid_from) == (clock.at.date(), clock.at.date() + timedelta(days=1))
        chosen = {
            templates.choose(
                kind="cost_sheet", channel="OWN", funder="HYF", product="LINE", mode="direct", on=on
            ).version
            for on in (clock.at.date(), clock.at.date() + timedelta(days=1))
        }
        assert chosen == {1, 2}

    def test_no_day_has_two_versions_however_late_the_second_comes(self, staff: dict[str, int], clock: Clock) -> None:
        def approve(template_id: int, starts: date | None = None) -> None:
            approver = staff[configuration.APPROVER]
            templates.approve(
                template_id=template_id, by_id=approver, reason="read it twice", at=clock.at, starts=starts
            )

        first = date(2026, 1, 1)
        for start in (first, first - timedelta(days=30)):
            with pytest.raises(templates.StartsTooEarly) as caught:
                approve(self.written(staff, clock, valid_from=start))
            assert caught.value.data["earliest"] == "2026-01-02"
        assert Template.objects.get(code="cost-sheet", version=1).valid_to is None
        late = self.written(staff, clock, valid_from=first)
        approve(late, first + timedelta(days=1))
        rows = Template.objects.filter(code="cost-sheet", approved_at__isnull=False).order_by("version")
        assert [(row.valid_from, row.valid_to) for row in rows] == [(first, first), (first + timedelta(days=1), None)]

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"source": "<p>{{ amount }}</p>{% if guaranteed %}x{% endif %}"}, names.UndeclaredName),
            ({"declared": {"amount": "money", "months": "count"}}, names.UnusedVariable),
            ({"source": "<p>{{ amount }}</p>{% if %}"}, names.FaultyText),
            ({"source": "{% if more and %}{{ amount }}{% endif %}", "declared": MORE}, names.FaultyText),
            ({"declared": {"amount": "gold"}}, variables.UnknownType),
        ],
    )
    def test_a_text_with_other_names_than_declared_is_no_draft(
        self, staff: dict[str, int], clock: Clock, changes: dict[str, object], fault: type[Exception]
    ) -> None:
        before = Template.objects.count()
        with pytest.raises(fault):
            self.written(staff, clock, **changes)
        assert Template.objects.count() == before

    def test_a_draft_from_before_the_check_is_not_approved(self, staff: dict[str, int], clock: Clock) -> None:
        template_id = self.written(staff, clock)
        Template.objects.filter(pk=template_id).update(source="{% if guaranteed %}{{ amount }}{% endif %}")
        with pytest.raises(names.UndeclaredName):
            templates.approve(
                template_id=template_id, by_id=staff[configuration.APPROVER], reason="read it twice", at=clock.at
            )

    def test_another_code_for_the_same_loans_is_refused(self, staff: dict[str, int], clock: Clock) -> None:
        template_id = self.written(staff, clock, code="cost-sheet-hyf", funder_code="HYF")
        with pytest.raises(templates.TemplateOverlaps) as caught:
            templates.approve(
                template_id=template_id, by_id=staff[configuration.APPROVER], reason="read it twice", at=clock.at
            )
        assert caught.value.data["templates"] == ["cost-sheet v1"]

    def test_loading_again_changes_nothing_and_a_new_text_makes_a_version(
        self, staff: dict[str, int], clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: object
    ) -> None:
        before = list(Template.objects.order_by("id").values_list("id", "version"))
        configuration.load(at=clock.at)
        assert list(Template.objects.order_by("id").values_list("id", "version")) == before
        pages = tmp_path / "pages"  # type: ignore[operator]
        pages.mkdir()
        for page in configuration.PAGES.glob("*.*"):
            (pages / page.name).write_text(page.read_text())
        (pages / "note.html").write_text((pages / "note.html").read_text() + "<p>新</p>")
        monkeypatch.setattr(configuration, "PAGES", pages)
        clock.move(days=1)
        configuration.load(at=clock.at)
        (pages / "note.html").write_text((pages / "note.html").read_text() + "<p>再</p>")
        configuration.load(at=clock.at)  # another text on the same day: from the next day on
        starts = Template.objects.filter(code="note").order_by("version").values_list("valid_from", "valid_to")
        second = clock.at.date()
        third = second + timedelta(days=1)
        assert list(starts)[1:] == [(second, second), (third, None)]
        versions = dict(Template.objects.order_by("version").values_list("code", "version"))
        assert versions == {code: (3 if code == "note" else 1) for code in versions}
