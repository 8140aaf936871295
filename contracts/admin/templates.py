"""Templates: written, compared and previewed; approved by somebody other than their author."""

from dataclasses import asdict
from functools import partial
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from contracts.admin._found import found
from contracts.models import Kind, Template
from contracts.rules.coverage import Row
from contracts.rules.variables import SHOWN_AS, read_declared, written
from contracts.services import coverage, drafting, templates
from lending.common import clock
from lending.common.acting import Act, ActingAdmin, ReasonForm
from lending.common.admin import state_badge
from lending.common.errors import DomainError

STATES = {"draft": "amber", "approved": "green", "rejected": "red"}
DAY = partial(UnfoldAdminTextInputWidget, {"type": "date"})


class ApproveForm(ReasonForm):
    starts = forms.DateField(
        label=_("In force from"), required=False, help_text=_("Another day than the one drafted."), widget=DAY()
    )
    gap = forms.CharField(
        label=_("Why may loans be left without a template?"),
        required=False,
        min_length=5,
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Only where it leaves a gap. It is kept."),
    )


class EndForm(ReasonForm):
    last_day = forms.DateField(label=_("Last day in force"), widget=DAY())
    gap = ApproveForm.base_fields["gap"]


def _area(rows: int) -> Any:
    return UnfoldAdminTextareaWidget({"rows": rows, "spellcheck": "false", "class": "font-mono"})


class WriteForm(ReasonForm):
    title_zh = forms.CharField(label=_("Title in Chinese"), max_length=80, widget=UnfoldAdminTextInputWidget)
    title_en = forms.CharField(label=_("Title in English"), max_length=80, widget=UnfoldAdminTextInputWidget)
    channel_code = forms.ChoiceField(label=_("Channel"), required=False, widget=UnfoldAdminSelectWidget)
    funder_code = forms.ChoiceField(label=_("Funder"), required=False, widget=UnfoldAdminSelectWidget)
    product_code = forms.ChoiceField(label=_("Product"), required=False, widget=UnfoldAdminSelectWidget)
    mode = forms.ChoiceField(label=_("Mode"), required=False, widget=UnfoldAdminSelectWidget)
    valid_from = forms.DateField(label=_("In force from"), widget=DAY())
    declared = forms.CharField(
        label=_("Variables"), widget=_area(8), max_length=10_000, help_text=_("A line each: name: type, or name: type?")
    )
    source = forms.CharField(label=_("Text (HTML)"), widget=_area(24), max_length=200_000, strip=False)
    style = forms.CharField(label=_("Style (CSS)"), widget=_area(8), max_length=100_000, required=False, strip=False)
    without_optional = forms.BooleanField(
        label=_("Preview without the optional values"), required=False, widget=UnfoldBooleanWidget
    )

    field_order = (*drafting.Text.__dataclass_fields__, "without_optional", "reason")

    def __init__(self, *args: Any, without_reason: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, question=_("What does it change, and why?"), **kwargs)
        self.fields["reason"].required = not without_reason
        for name, codes in coverage.known().items():
            self.fields["mode" if name == "mode" else f"{name}_code"].choices = [  # type: ignore[attr-defined]
                ("", _("every")),
                *((code, code) for code in codes),
            ]

    def clean_declared(self) -> dict[str, str]:
        try:
            return read_declared(self.cleaned_data["declared"])
        except DomainError as error:
            raise forms.ValidationError(error.detail) from error

    def clean_source(self) -> str:
        return _own_lines(self.cleaned_data["source"])

    def clean_style(self) -> str:
        return _own_lines(self.cleaned_data["style"])

    def text(self) -> drafting.Text:
        return drafting.Text(**{name: self.cleaned_data[name] for name in drafting.Text.__dataclass_fields__})


def _own_lines(text: str) -> str:
    """A browser sends every line end as two characters; kept so, each line would look changed."""
    return text.replace("\r\n", "\n")


def initial_of(template: Template) -> dict[str, Any]:
    return asdict(drafting.text_of(template)) | {"declared": written(template.variables)}


@admin.register(Template)
class TemplateAdmin(ActingAdmin):
    list_display = (
        *("code", "version", "kind", "badge", "title_zh", "fits", "valid_from", "valid_to", "author", "approver"),
    )
    badge = state_badge("state", STATES, "state")
    list_filter = ("state", "kind", "mode", "funder_code", "product_code")
    search_fields = ("code", "title_zh", "title_en")
    list_select_related = ("author", "approver")
    actions_detail = ("preview", "to_compare", "to_write", "to_coverage_with")
    actions_list = ("to_coverage",)
    readonly_fields = ("versions",)
    acts = {
        "approve": Act(
            title=_("Approve"),
            question="What was read, and why may it be signed from now on?",
            done="approved",
            permission="contracts.change_template",
            perform=lambda pk, by, **why: templates.approve(
                template_id=pk, by_id=int(by.removeprefix("staff:")), **why
            ),
            can=lambda template: template.state == "draft",
            icon="verified",
            form=ApproveForm,
        ),
        "reject": Act(
            title=_("Reject"),
            question="What has its writer to change?",
            done="rejected; its writer reads why",
            permission="contracts.change_template",
            perform=lambda pk, **why: templates.reject(template_id=pk, **why),
            can=lambda template: template.state == "draft",
            icon="undo",
        ),
        "withdraw": Act(
            title=_("Withdraw"),
            question="Why do you take it back?",
            done="withdrawn",
            permission="contracts.change_template",
            perform=lambda pk, **why: templates.withdraw(template_id=pk, **why),
            can=lambda template: template.state == "draft",
            icon="remove_done",
        ),
        "end": Act(
            title=_("End"),
            question="Why is it used no more?",
            done="ended",
            permission="contracts.change_template",
            perform=lambda pk, **why: templates.end(template_id=pk, **why),
            can=lambda template: template.approved_at is not None and template.valid_to is None,
            icon="event_busy",
            form=EndForm,
        ),
    }

    @admin.display(description=_("versions"))
    def versions(self, obj: Template) -> SafeString:
        """Every version of its code, what became of it, and why one was sent or taken back."""
        rows = Template.objects.filter(code=obj.code).select_related("author", "approver", "closed_by")
        shown = {"versions": rows.order_by("-version").defer("source", "style"), "states": STATES, "here": obj.pk}
        return render_to_string("contracts/office/versions.html", shown)

    @admin.display(description=_("fits"))
    def fits(self, obj: Template) -> str:
        parts = (obj.channel_code, obj.funder_code, obj.product_code, obj.mode)
        return " · ".join(part for part in parts if part) or "every loan"

    def act_details(self, row: Template) -> str:
        return coverage.outlook(row, clock.business_date(clock.now()))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("coverage/", view(self.coverage_view), name="contracts_template_coverage"),
            path("<int:object_id>/compare/", view(self.compare_view), name="contracts_template_compare"),
            path("<int:object_id>/write/", view(self.write_view), name="contracts_template_write"),
            *super().get_urls(),
        ]

    @action(description=_("Gaps and overlaps"), url_path="to-coverage", icon="grid_on")
    def to_coverage(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:contracts_template_coverage")

    @action(description=_("Gaps and overlaps with it"), url_path="to-coverage-with", icon="grid_on")
    def to_coverage_with(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(f"{reverse('admin:contracts_template_coverage')}?template={object_id}")

    def coverage_view(self, request: HttpRequest) -> HttpResponse:
        """Every loan there may be, by kind of document, over a year; with a draft, as it would be once approved."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        said = request.GET.get("template", "")
        draft = found(self, request, int(said)) if said.isdecimal() and len(said) < 10 else None
        picture = coverage.picture(clock.business_date(clock.now()), draft.pk if draft else None)
        shown = {
            **self.admin_site.each_context(request),
            "title": _("Gaps and overlaps of the templates"),
            "opts": self.opts,
            "draft": draft,
            "picture": picture,
            "kinds": [
                (Kind(kind).label, [(row, _bars(picture, row)) for row in rows])
                for kind, rows in groupby(picture.rows, key=lambda row: row.kind)
            ],
            "back": reverse("admin:contracts_template_changelist"),
        }
        return render(request, "contracts/office/coverage.html", shown)

    @action(description=_("Preview"), url_path="preview", icon="visibility")
    def preview(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The page filled in by type, kept from doing anything."""
        try:
            return _page(drafting.preview(template=found(self, request, object_id)))
        except DomainError as error:  # kept before it was refused
            return _page(format_html("<p>{}. {}</p>", error.title, error.detail))

    @action(description=_("What it changes"), url_path="to-compare", icon="difference")
    def to_compare(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:contracts_template_compare", object_id)

    @action(description=_("Write the next version"), url_path="to-write", permissions=["write"], icon="edit_document")
    def to_write(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:contracts_template_write", object_id)

    def has_write_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(templates.MAY_CHANGE)

    def compare_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Side by side with the version it replaces, or with any other of its code (`with`)."""
        template = found(self, request, object_id)
        others = Template.objects.filter(code=template.code).exclude(pk=template.pk).order_by("-version")
        said = request.GET.get("with", "")
        other, changes = drafting.beside(template, int(said) if said.isdecimal() and len(said) < 5 else None)
        shown = {
            **self.admin_site.each_context(request),
            "title": f"{_('What it changes')}: {template}",
            "opts": self.opts,
            "template": template,
            "other": other,
            "others": [row.version for row in others],
            "changes": changes,
            "back": reverse("admin:contracts_template_change", args=[object_id]),
        }
        return render(request, "contracts/office/compare.html", shown)

    def write_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """A form with everything of it. `show` answers with the page, `print` with the PDF; neither is stored."""
        template = found(self, request, object_id)
        if not self.has_write_permission(request):
            raise PermissionDenied
        asked = request.POST.get("act", "save")
        form = WriteForm(request.POST or None, initial=initial_of(template), without_reason=asked != "save")
        if form.is_valid():
            try:
                return WRITTEN.get(asked, _kept)(request, template, form)
            except DomainError as error:
                form.add_error(None, f"{error.title}. {error.detail}")
        if form.errors and asked != "save":
            said = format_html_join("", "<p>{}</p>", ((text,) for texts in form.errors.values() for text in texts))
            return _page(str(said))
        shown = {
            **self.admin_site.each_context(request),
            "title": f"{_('Write the next version')}: {template}",
            "opts": self.opts,
            "template": template,
            "form": form,
            "types": [*SHOWN_AS],
            "back": reverse("admin:contracts_template_change", args=[object_id]),
        }
        return render(request, "contracts/office/write.html", shown)


def _shown(request: HttpRequest, template: Template, form: WriteForm) -> HttpResponse:
    bare = form.cleaned_data["without_optional"]
    return _page(drafting.preview(template=template, text=form.text(), without_optional=bare))


def _printed(request: HttpRequest, template: Template, form: WriteForm) -> HttpResponse:
    bare = form.cleaned_data["without_optional"]
    pdf = drafting.preview_pdf(template=template, text=form.text(), without_optional=bare)
    return HttpResponse(pdf, content_type="application/pdf")


def _kept(request: HttpRequest, template: Template, form: WriteForm) -> HttpResponse:
    with transaction.atomic(durable=True):
        pk = drafting.write(
            template_id=template.pk,
            text=form.text(),
            reason=form.cleaned_data["reason"],
            by=f"staff:{request.user.pk}",
            at=clock.now(),
        )
    messages.success(request, _("Kept. Somebody else approves it."))
    return redirect("admin:contracts_template_compare", pk)


WRITTEN = {"show": _shown, "print": _printed, "save": _kept}


def _page(words: str) -> HttpResponse:
    answer = HttpResponse(words)
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer


def _bars(picture: coverage.Picture, row: Row) -> list[dict[str, Any]]:
    """Each stretch in hundredths of the time shown, with its tone."""
    whole = (picture.last - picture.first).days + 1
    return [
        {
            "x": f"{100 * (one.first - picture.first).days / whole:.2f}",
            "width": f"{100 * (((one.last or picture.last) - one.first).days + 1) / whole:.2f}",
            "tone": "mark" if one.is_gap else "half" if one.overlaps else "fill",
            "said": f"{' and '.join(one.names) or 'none'}, {one.days}",
        }
        for one in row.stretches
    ]
