"""Contracts and signatures: read, handed out with a reason, never changed."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from contracts import queries
from contracts.admin._found import found
from contracts.models import Contract, ContractState, Signature
from contracts.services import bundle
from lending.common import clock
from lending.common.acting import ReasonForm
from lending.common.admin import ExactSearch, ReadOnlyAdmin, age, instant, linked, masked, short, state_badge
from lending.common.crypto import mask_ip
from lending.common.errors import DomainError
from lending.common.revealing import recorded
from users.services import access

STATE_COLOURS = {
    ContractState.ISSUED: "grey",
    ContractState.RENDERED: "amber",
    ContractState.SIGNED: "teal",
    ContractState.SEALED: "green",
    ContractState.VOID: "grey",
}


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
    actions_detail = ("read", "evidence")
    actions_list = ("verify",)
    badge = state_badge("state", STATE_COLOURS)
    age, signed, sealed = age("created_at"), instant("signed_at"), instant("sealed_at")
    of = linked("drawdown", text=short)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:object_id>/pdf/", view(self.read_view), name="contracts_contract_pdf"),
            path("<int:object_id>/bundle/", view(self.bundle_view), name="contracts_contract_bundle"),
            *super().get_urls(),
        ]

    @action(description=_("Check a PDF"), url_path="verify", icon="fact_check")
    def verify(self, request: HttpRequest) -> HttpResponse:
        """The page that is open to everybody."""
        return redirect("verify")

    def has_read_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("users.reveal_personal_data")

    @action(description=_("Read the PDF"), url_path="read", permissions=["read"], icon="description")
    def read(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:contracts_contract_pdf", object_id)

    @action(description=_("Evidence bundle"), url_path="evidence", permissions=["read"], icon="gavel")
    def evidence(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:contracts_contract_bundle", object_id)

    def read_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """GET asks why; POST records who read which document and why, then shows it."""

        def pdf(contract: Contract) -> HttpResponse:
            return _file(queries.pdf(contract.pk), "application/pdf", f'inline; filename="{contract.number}.pdf"')

        return self._handed_out(request, object_id, _("Read the PDF"), _("Why do you need to read it?"), ["pdf"], pdf)

    def bundle_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """All documents of the drawdown that this one belongs to, as a file that can be checked without us."""

        def zipped(contract: Contract) -> HttpResponse:
            made = bundle.make(drawdown_id=contract.drawdown_id, at=clock.now())
            name = f"evidence-{contract.drawdown.public_id}.zip"
            return _file(made, "application/zip", f'attachment; filename="{name}"')

        fields = ["pdf", "evidence"]
        return self._handed_out(request, object_id, _("Evidence bundle"), _("Who needs it, and why?"), fields, zipped)

    def _handed_out(
        self,
        request: HttpRequest,
        object_id: int,
        title: Any,
        question: Any,
        fields: list[str],
        made: Callable[[Contract], HttpResponse],
    ) -> HttpResponse:
        """`made` is called before anything is recorded, so that what cannot be had is not said to have been seen."""
        contract = found(self, request, object_id)
        if not self.has_read_permission(request):
            raise PermissionDenied
        form = ReasonForm(request.POST or None, question=question)
        if form.is_valid():
            asked = {
                "by": f"staff:{request.user.pk}",
                "subject": f"contract:{contract.public_id}",
                "whose": contract.drawdown.user_id,
                "fields": fields,
                "reason": form.cleaned_data["reason"],
                "at": clock.now(),
            }
            try:
                answer = made(contract)
            except DomainError as error:
                form.add_error(None, f"{error.title}. {error.detail}")
            else:
                if not (refused := recorded(asked, access.record, access.record_refusal)):
                    return answer
                form.add_error(None, refused)
        shown = {
            **self.admin_site.each_context(request),
            "title": f"{title}: {contract}",
            "opts": self.opts,
            "form": form,
            "back": reverse("admin:contracts_contract_change", args=[object_id]),
        }
        return render(request, "lending/office/act.html", shown)


def _file(content: bytes, kind: str, disposition: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = disposition
    return answer


@admin.register(Signature)
class SignatureAdmin(ExactSearch, ReadOnlyAdmin):
    list_display = ("public_id", "of", "shown_ip", "signed", "short_hash")
    large = True
    search_ids = ("public_id", "drawdown__public_id")
    list_select_related = ("drawdown",)
    raw_id_fields = ("drawdown", "user", "otp")
    readonly_fields = ("shown_ip",)
    of, signed = linked("drawdown", text=short), instant("signed_at")
    shown_ip = masked("ip", mask_ip, "address")

    @admin.display(description="set")
    def short_hash(self, row: Signature) -> str:
        return row.set_sha256[:12]
