"""Back office of contracts: everything is read; templates are approved by somebody other than their author."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from contracts import queries
from contracts.models import Contract, ContractState, Signature, Template
from contracts.services import templates
from lending.common import clock
from lending.common.acting import Act, ActingAdmin, ReasonForm
from lending.common.admin import ExactSearch, ReadOnlyAdmin, age, instant, linked, short, state_badge
from users.services import access

STATE_COLOURS = {
    ContractState.ISSUED: "grey",
    ContractState.RENDERED: "amber",
    ContractState.SIGNED: "teal",
    ContractState.SEALED: "green",
    ContractState.VOID: "grey",
}


@admin.register(Template)
class TemplateAdmin(ActingAdmin):
    list_display = ("code", "version", "kind", "title_zh", "fits", "valid_from", "valid_to", "author", "approver")
    list_filter = ("kind", "mode", "funder_code", "product_code")
    search_fields = ("code", "title_zh", "title_en")
    list_select_related = ("author", "approver")
    actions_detail = ("preview",)
    acts = {
        "approve": Act(
            title=_("Approve"),
            question="What was read, and why may it be signed from now on?",
            done="approved",
            permission="contracts.change_template",
            perform=lambda pk, by, **why: templates.approve(
                template_id=pk, by_id=int(by.removeprefix("staff:")), **why
            ),
            can=lambda template: template.approved_at is None,
            icon="verified",
        )
    }

    @admin.display(description=_("fits"))
    def fits(self, obj: Template) -> str:
        parts = (obj.channel_code, obj.funder_code, obj.product_code, obj.mode)
        return " · ".join(part for part in parts if part) or "every loan"

    @action(description=_("Preview the text"), url_path="preview")
    def preview(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The page with its variables as they are written, kept from doing anything."""
        template = _row(self, request, object_id)
        answer = HttpResponse(template.source.replace("</head>", f"<style>{template.style}</style></head>"))
        answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        return answer


@admin.register(Contract)
class ContractAdmin(ExactSearch, ReadOnlyAdmin):
    """What was filled in stays encrypted. Reading the PDF asks for a reason and is recorded."""

    list_display = ("number", "kind", "badge", "of", "template", "age", "signed", "sealed", "attempts")
    list_filter = ("state", "kind")
    large = True
    search_ids = ("public_id", "drawdown__public_id")
    search_codes = ("number", "sha256")
    search_help_text = "A whole number or hash, or the first characters of a public id"
    list_select_related = ("drawdown", "template")
    raw_id_fields = ("drawdown", "loan", "template", "signature")
    exclude = ("file",)
    actions_detail = ("read",)
    badge = state_badge("state", STATE_COLOURS)
    age, signed, sealed = age("created_at"), instant("signed_at"), instant("sealed_at")
    of = linked("drawdown", text=short)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.read_view)
        return [path("<int:object_id>/pdf/", view, name="contracts_contract_pdf"), *super().get_urls()]

    def has_read_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("users.reveal_personal_data")

    @action(description=_("Read the PDF"), url_path="read", permissions=["read"], icon="description")
    def read(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:contracts_contract_pdf", object_id)

    def read_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """GET asks why; POST records who read which document and why, then shows it."""
        contract = _row(self, request, object_id)
        if not self.has_read_permission(request):
            raise PermissionDenied
        form = ReasonForm(request.POST or None, question=_("Why do you need to read it?"))
        if not form.is_valid():
            shown = {
                **self.admin_site.each_context(request),
                "title": f"{_('Read the PDF')}: {contract}",
                "opts": self.opts,
                "form": form,
                "back": reverse("admin:contracts_contract_change", args=[object_id]),
            }
            return render(request, "lending/office/act.html", shown)
        pdf = queries.pdf(contract.pk)
        with transaction.atomic(durable=True):
            access.record(
                by=f"staff:{request.user.pk}",
                subject=f"contract:{contract.public_id}",
                fields=["pdf"],
                reason=form.cleaned_data["reason"],
                at=clock.now(),
            )
        answer = HttpResponse(pdf, content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="{contract.number}.pdf"'
        return answer


def _row(page: ReadOnlyAdmin, request: HttpRequest, object_id: int) -> Any:
    row = page.get_object(request, str(object_id))
    if row is None:
        raise Http404
    if not page.has_view_permission(request, row):
        raise PermissionDenied
    return row


@admin.register(Signature)
class SignatureAdmin(ExactSearch, ReadOnlyAdmin):
    list_display = ("public_id", "of", "ip", "signed", "short_hash")
    large = True
    search_ids = ("public_id", "drawdown__public_id")
    list_select_related = ("drawdown",)
    raw_id_fields = ("drawdown", "user", "otp")
    of, signed = linked("drawdown", text=short), instant("signed_at")

    @admin.display(description="set")
    def short_hash(self, row: Signature) -> str:
        return row.set_sha256[:12]
