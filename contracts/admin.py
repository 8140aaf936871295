"""Back office of contracts: everything is read; templates are approved by somebody other than their author."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.decorators import action

from contracts import queries
from contracts.models import Contract, ContractState, Signature, Template
from contracts.services import templates
from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, age, state_badge
from lending.common.errors import DomainError
from users.services import access

STATE_COLOURS = {
    ContractState.ISSUED: "grey",
    ContractState.RENDERED: "amber",
    ContractState.SIGNED: "teal",
    ContractState.SEALED: "green",
    ContractState.VOID: "grey",
}


@admin.register(Template)
class TemplateAdmin(ReadOnlyAdmin):
    list_display = ["code", "version", "kind", "title_zh", "fits", "valid_from", "valid_to", "author", "approver"]
    list_filter = ["kind", "mode", "funder_code", "product_code"]
    search_fields = ["code", "title_zh", "title_en"]
    list_select_related = ["author", "approver"]
    actions_detail = ["preview", "approve"]

    @admin.display(description="fits")
    def fits(self, obj: Template) -> str:
        parts = (obj.channel_code, obj.funder_code, obj.product_code, obj.mode)
        return " · ".join(part for part in parts if part) or "every loan"

    @action(description="Preview the text", url_path="preview")
    def preview(self, request: HttpRequest, object_id: int) -> HttpResponse:
        template = self._template(request, object_id)
        answer = HttpResponse(f"<style>{template.style}</style>{template.source}")
        answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        return answer

    @action(description="Approve", url_path="approve", permissions=["approve"])
    def approve(self, request: HttpRequest, object_id: int) -> HttpResponse:
        back = HttpResponseRedirect(reverse("admin:contracts_template_change", args=[object_id]))
        if request.method != "POST":
            self.message_user(request, "Approving needs the button, not a link.", messages.WARNING)
            return back
        try:
            with transaction.atomic(durable=True):
                templates.approve(template_id=object_id, by_id=request.user.pk or 0, at=clock.now())
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
        else:
            self.message_user(request, "Approved.", messages.SUCCESS)
        return back

    def has_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("contracts.change_template")

    def _template(self, request: HttpRequest, object_id: int) -> Template:
        template: Template | None = self.get_object(request, str(object_id))
        if template is None:
            raise Http404
        if not self.has_view_permission(request, template):
            raise PermissionDenied
        return template


@admin.register(Contract)
class ContractAdmin(ReadOnlyAdmin):
    """What was filled in stays encrypted; the PDF itself is a reading that is recorded."""

    list_display = [
        "number",
        "kind",
        "state_badge",
        "drawdown",
        "template",
        "age",
        "signed_at",
        "sealed_at",
        "attempts",
    ]
    list_filter = ["state", "kind"]
    search_fields = ["number", "public_id", "drawdown__public_id", "sha256"]
    list_select_related = ["drawdown", "template"]
    raw_id_fields = ["drawdown", "loan", "template", "signature"]
    exclude = ["file"]
    readonly_fields = ["pdf"]
    state_badge = state_badge("state", STATE_COLOURS)
    age = age("created_at")

    @admin.display(description="PDF")
    def pdf(self, obj: Contract) -> str:
        if not obj.file:
            return "-"
        return format_html(
            '<a class="underline" href="{}">Open (recorded)</a>', reverse("admin:contracts_contract_pdf", args=[obj.pk])
        )

    def get_urls(self) -> list[Any]:
        own = path("<int:contract_id>/pdf/", self.admin_site.admin_view(self.open_pdf), name="contracts_contract_pdf")
        return [own, *super().get_urls()]

    def open_pdf(self, request: HttpRequest, contract_id: int) -> HttpResponse | FileResponse:
        """The document with the borrower's name in it: for those who may see personal data, and written down."""
        contract = self.get_object(request, str(contract_id))
        if contract is None:
            raise Http404
        if not self.has_view_permission(request, contract) or not request.user.has_perm("users.reveal_personal_data"):
            raise PermissionDenied
        _record(request, contract)
        answer = HttpResponse(queries.pdf(contract_id), content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="{contract.number}.pdf"'
        return answer


@admin.register(Signature)
class SignatureAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "drawdown", "ip", "signed_at", "set_sha256"]
    search_fields = ["public_id", "drawdown__public_id", "set_sha256"]
    list_select_related = ["drawdown"]
    raw_id_fields = ["drawdown", "user", "otp"]


def _record(request: HttpRequest, contract: Contract) -> None:
    with transaction.atomic(durable=True):
        access.record(
            by=f"staff:{request.user.pk}",
            subject=f"contract:{contract.public_id}",
            fields=("pdf",),
            reason=f"opened {contract.number}",
            at=clock.now(),
        )
