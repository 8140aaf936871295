"""Back office of contracts: everything is read; templates are approved by somebody other than their author."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

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


class ReasonForm(forms.Form):
    reason = forms.CharField(min_length=5, max_length=300, label=_("Reason"), widget=UnfoldAdminTextInputWidget)


class Acting(ReadOnlyAdmin):
    """A button on a row's page leads to a page that asks why; only its POST acts."""

    def get_urls(self) -> list[Any]:
        own = path(
            "<int:object_id>/act/",
            self.admin_site.admin_view(self.act_view),
            name=f"contracts_{self.opts.model_name}_act",
        )
        return [own, *super().get_urls()]

    def act_url(self, object_id: int) -> str:
        return reverse(f"admin:contracts_{self.opts.model_name}_act", args=[object_id])

    def act_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = self.row(request, object_id)
        if not self.may_act(request):
            raise PermissionDenied
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                return self.act(request, row, form.cleaned_data["reason"])
            except DomainError as error:
                form.add_error(None, error.detail)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{self.act_title}: {row}",
            "opts": self.opts,
            "form": form,
            "back": reverse(f"admin:contracts_{self.opts.model_name}_change", args=[object_id]),
        }
        return TemplateResponse(request, "contracts/back_office/act.html", context)

    act_title: Any = ""

    def may_act(self, request: HttpRequest) -> bool:
        raise NotImplementedError

    def act(self, request: HttpRequest, row: Any, reason: str) -> HttpResponse:
        raise NotImplementedError

    def row(self, request: HttpRequest, object_id: int) -> Any:
        row = self.get_object(request, str(object_id))
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row


@admin.register(Template)
class TemplateAdmin(Acting):
    list_display = ["code", "version", "kind", "title_zh", "fits", "valid_from", "valid_to", "author", "approver"]
    list_filter = ["kind", "mode", "funder_code", "product_code"]
    search_fields = ["code", "title_zh", "title_en"]
    list_select_related = ["author", "approver"]
    actions_detail = ["preview", "approve"]
    act_title = _("Approve")

    @admin.display(description=_("fits"))
    def fits(self, obj: Template) -> str:
        parts = (obj.channel_code, obj.funder_code, obj.product_code, obj.mode)
        return " · ".join(part for part in parts if part) or "every loan"

    @action(description=_("Preview the text"), url_path="preview")
    def preview(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The page with its variables as they are written, kept from doing anything."""
        template = self.row(request, object_id)
        answer = HttpResponse(template.source.replace("</head>", f"<style>{template.style}</style></head>"))
        answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        return answer

    @action(description=_("Approve"), url_path="approve", permissions=["approve"])
    def approve(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(self.act_url(object_id))

    def has_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.may_act(request)

    def may_act(self, request: HttpRequest) -> bool:
        return request.user.has_perm("contracts.change_template")

    def act(self, request: HttpRequest, row: Template, reason: str) -> HttpResponse:
        with transaction.atomic(durable=True):
            templates.approve(template_id=row.pk, by_id=request.user.pk or 0, at=clock.now())
        self.message_user(request, _("Approved."), messages.SUCCESS)
        return redirect(reverse("admin:contracts_template_change", args=[row.pk]))


@admin.register(Contract)
class ContractAdmin(Acting):
    """What was filled in stays encrypted. Reading the PDF asks for a reason and is recorded."""

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
    actions_detail = ["read"]
    act_title = _("Read the PDF")
    state_badge = state_badge("state", STATE_COLOURS)
    age = age("created_at")

    @action(description=_("Read the PDF"), url_path="read", permissions=["read"])
    def read(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(self.act_url(object_id))

    def has_read_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.may_act(request)

    def may_act(self, request: HttpRequest) -> bool:
        return request.user.has_perm("users.reveal_personal_data")

    def act(self, request: HttpRequest, row: Contract, reason: str) -> HttpResponse:
        pdf = queries.pdf(row.pk)
        with transaction.atomic(durable=True):
            access.record(
                by=f"staff:{request.user.pk}",
                subject=f"contract:{row.public_id}",
                fields=["pdf"],
                reason=reason,
                at=clock.now(),
            )
        answer = HttpResponse(pdf, content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="{row.number}.pdf"'
        return answer


@admin.register(Signature)
class SignatureAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "drawdown", "ip", "signed_at", "set_sha256"]
    search_fields = ["public_id", "drawdown__public_id", "set_sha256"]
    list_select_related = ["drawdown"]
    raw_id_fields = ["drawdown", "user", "otp"]
