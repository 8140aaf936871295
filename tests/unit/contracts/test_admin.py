"""The back office shows contracts without their personal data, and records who reads a PDF."""

from datetime import timedelta

from django.test import Client
from django.urls import reverse

from contracts.models import Contract, Kind, Signature, Template
from contracts.services import configuration, templates
from tests.conftest import Clock
from tests.unit.contracts.conftest import PLAIN, PLAIN_TYPES, Desk
from users.models import AccessLog, StaffAct, User


class TestLists:
    def test_every_table_has_a_list_and_a_page_without_personal_data(self, office: Client, desk: Desk) -> None:
        drawdown_id = desk.sealed()
        values = desk.contract(drawdown_id, Kind.LOAN_AGREEMENT).values
        for model in (Template, Contract, Signature):
            name = f"admin:contracts_{model._meta.model_name}"
            pages = [office.get(reverse(f"{name}_changelist"))]
            pages += [office.get(reverse(f"{name}_change", args=[row.pk])) for row in model.objects.all()[:2]]
            for page in pages:
                assert page.status_code == 200
                text = page.content.decode()
                assert values["borrower_id_number"] not in text
                assert values["borrower_name"] not in text

    def test_nothing_can_be_added_changed_or_deleted(self, office: Client, desk: Desk) -> None:
        contract = desk.contract(desk.rendered(), Kind.COST_SHEET)
        assert office.get(reverse("admin:contracts_contract_add")).status_code == 403
        assert office.post(reverse("admin:contracts_contract_change", args=[contract.pk])).status_code == 403
        assert office.post(reverse("admin:contracts_contract_delete", args=[contract.pk])).status_code == 403


class TestReadingThePdf:
    def test_asks_why_records_it_and_shows_the_document(self, office: Client, desk: Desk) -> None:
        contract = desk.contract(desk.rendered(), Kind.COST_SHEET)
        url = reverse("admin:contracts_contract_pdf", args=[contract.pk])
        assert b"%PDF" not in office.get(url).content
        assert b"%PDF" not in office.post(url, {"reason": ""}).content
        assert not AccessLog.objects.filter(subject=f"contract:{contract.public_id}").exists()
        answer = office.post(url, {"reason": "asked by the borrower"})
        assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
        log = AccessLog.objects.get(subject=f"contract:{contract.public_id}")
        assert (log.fields, log.reason) == (["pdf"], "asked by the borrower")

    def test_is_not_for_staff_without_the_permission(self, desk: Desk, clerk: User, client: Client) -> None:
        contract = desk.contract(desk.rendered(), Kind.COST_SHEET)
        client.force_login(clerk)
        url = reverse("admin:contracts_contract_pdf", args=[contract.pk])
        assert client.post(url, {"reason": "curiosity"}).status_code == 403


class TestTemplates:
    def draft(self, people: dict[str, int], clock: Clock, author_id: int) -> Template:
        template_id = templates.draft(
            code="cost_sheet-any",
            kind=Kind.COST_SHEET,
            title_zh="新",
            title_en="New",
            source=PLAIN,
            style="",
            declared=PLAIN_TYPES | {"amount": "money"},
            valid_from=clock.at.date() + timedelta(days=1),
            author_id=author_id,
            at=clock.at,
        )
        return Template.objects.get(pk=template_id)

    def test_preview_may_do_nothing(self, office: Client, people: dict[str, int], clock: Clock) -> None:
        template = self.draft(people, clock, people[configuration.AUTHOR])
        page = office.get(reverse("admin:contracts_template_preview", args=[template.pk]))
        assert "default-src 'none'" in page["Content-Security-Policy"]
        assert "sandbox" in page["Content-Security-Policy"]
        assert "¥12,345.67" in page.content.decode()

    def test_approving_needs_a_post_and_another_author(
        self, office: Client, people: dict[str, int], clock: Clock
    ) -> None:
        theirs = self.draft(people, clock, people[configuration.AUTHOR])
        own = self.draft(people, clock, User.objects.get(username="admin").pk)
        ask = {
            template.pk: office.get(reverse("admin:contracts_template_ask_approve", args=[template.pk]))["Location"]
            for template in (theirs, own)
        }
        for place in ask.values():
            assert office.get(place).status_code == 200
        assert not Template.objects.filter(pk__in=(theirs.pk, own.pk), approved_at__isnull=False).exists()
        refused = office.post(ask[own.pk], {"reason": "looks right"})
        assert "Nobody approves what they wrote" in refused.content.decode()
        office.post(ask[theirs.pk], {"reason": "looks right"})
        assert Template.objects.get(pk=theirs.pk).approved_at == clock.at
        kept = StaffAct.objects.latest("pk")
        assert (kept.act, kept.subject, kept.reason) == ("approve_template", f"template:{theirs.pk}", "looks right")
