"""Lineage of a decision's inputs: a table on its page, and a page for each input down to the raw answer."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from lending.common import clock
from lending.common.acting import ReasonForm
from lending.common.admin import ReadOnlyAdmin
from lending.common.errors import NotFound
from lending.common.revealing import PERMISSION, recorded
from risk.admin.shown import pretty, value
from risk.queries import lineage
from risk.queries.lineage import Line, Lineage
from risk.services.lineage import Revealed, refused, reveal

OWN_PAGES = {  # where a part of our own records is to be seen: the model, and what of the decision names the row
    "application": ("lending.application", "application_id"),
    "history": ("lending.customer", "user_id"),
    "profile": ("lending.customer", "user_id"),
    "level": ("lending.customer", "user_id"),
    "tags": ("lending.customer", "user_id"),
    "lists": ("lending.customer", "user_id"),
    "velocity": ("lending.customer", "user_id"),
    "self_collected": ("lending.customer", "user_id"),
    "pulls": ("risk.assessment", "assessment_id"),
    "decisions": ("risk.assessment", "assessment_id"),
}


@dataclass(frozen=True)
class Row:
    """A line as it is shown. `label` and `pk`: the page of the own record, empty for who may not open it."""

    line: Line
    value: str
    colour: str
    label: str = ""
    pk: int | None = None


COLOURS = {"answered": "green", "reused": "teal", "dead": "red", "own": "grey"}


class WithLineage(ReadOnlyAdmin):
    """On the page of a decision: its inputs with their lineage. Below `lineage/<name>/`: one of them."""

    change_form_outer_after_template = "risk/decision.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.lineage_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_lineage"
        return [path("<int:object_id>/lineage/<slug:name>/", view, name=name), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is not None and self.has_view_permission(request, row):
            found = lineage.lineage(row.pk)
            shown = {"lineage": found, "rows": [_row(request, found, line) for line in found.lines]}
            extra_context = (extra_context or {}) | shown
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return answer

    def lineage_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        """GET shows where the input came from; POST records a reason and shows what the raw answer says there."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            found = lineage.lineage(object_id)
            line = next(each for each in found.lines if each.name == name)
        except (NotFound, StopIteration):
            raise Http404 from None
        may = request.user.has_perm(PERMISSION)
        form = ReasonForm(request.POST or None, question=_("Why do you need to see the raw answer?"))
        revealed = None
        if request.method == "POST":
            if not (may and line.origin_pull_id):
                raise PermissionDenied
            if form.is_valid():
                asked = {"decision_id": object_id, "name": name, "by": f"staff:{request.user.pk}", "at": clock.now()}
                asked["reason"] = form.cleaned_data["reason"]
                shown: list[Revealed] = []
                if refusal := recorded(asked, lambda **values: shown.append(reveal(**values)), refused):
                    form.add_error(None, refusal)
                revealed = shown[0] if shown else None
        context = {
            **self.admin_site.each_context(request),
            "title": f"Lineage of {name}",
            "opts": self.opts,
            "lineage": found,
            "row": _row(request, found, line),
            "form": form,
            "may": may,
            "revealed": revealed,
            "part": pretty(revealed.part) if revealed else "",
            "back": reverse("admin:risk_decision_change", args=[object_id]),
        }
        return TemplateResponse(request, "risk/lineage.html", context)


def _row(request: HttpRequest, found: Lineage, line: Line) -> Row:
    label, column = OWN_PAGES.get(line.source, ("", ""))
    if label == "lending.application" and found.drawdown_id:
        label, column = "lending.drawdown", "drawdown_id"
    app, _dot, model = label.partition(".")
    if line.state != "own" or not label or not request.user.has_perm(f"{app}.view_{model}"):
        label, column = "", ""
    shown = value(line.value, line.unit)
    colour = COLOURS.get(line.state, "amber")
    return Row(line, shown, colour, label, getattr(found, column) if column else None)
