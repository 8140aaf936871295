"""The catalogue of variables: what may be decided with, where it comes from, what it costs, and who reads it."""

import csv
import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin
from lending.common.money import format_cents
from lending.common.shown import right
from risk.admin.shown import value
from risk.models import Variable
from risk.queries import variables

SEES_VALUES = "risk.view_decision"
COLUMNS = (
    *("name", "type", "unit", "may_be_unknown", "default", "source", "source_name", "path", "price", "fresh_days"),
    *("consent", "scenarios", "releases_in_force", "other_releases", "description_en", "description_zh"),
)


class Used(admin.SimpleListFilter):
    """By what the graphs of releases in force say."""

    title, parameter_name = "use", "use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Read by a release in force"), ("no", "Read by none in force")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Variable]) -> QuerySet[Variable]:
        if self.value() not in ("yes", "no"):
            return queryset
        read = variables.read_in_force(clock.now())
        return queryset.filter(name__in=read) if self.value() == "yes" else queryset.exclude(name__in=read)


@admin.register(Variable)
class VariableAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "unknown", "where", "price", "in_use", "description_zh", "description_en")
    list_filter = ("source", "type", "nullable", Used)
    search_fields = ("name", "path", "description_zh", "description_en")
    ordering = ("source", "name")
    actions_list = ("download",)
    change_form_outer_before_template = "risk/variable.html"

    def prepare(self, rows: Sequence[Any]) -> None:
        known = {view.name: view for view in variables.variables(clock.now())}
        for row in rows:
            row.view = known.get(row.name)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return []  # the template shows the page

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is not None and self.has_view_permission(request, row):
            view = variables.variable(row.name, clock.now())
            shown = {"variable": view, "default": value(view.default, view.unit), "title": f"Variable {row.name}"}
            if request.user.has_perm(SEES_VALUES):
                shown |= {"spread": variables.spread(row.name), "latest": variables.LATEST}
            extra_context = (extra_context or {}) | shown
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return answer

    @admin.display(description="type", ordering="type")
    def kind(self, row: Variable) -> str:
        return f"{row.get_type_display()}, {row.unit}" if row.unit else row.get_type_display()

    @admin.display(description="if unknown", ordering="nullable")
    def unknown(self, row: Variable) -> str:
        if row.default is not None:
            return f"{value(row.default, row.unit)} instead"
        return "stays unknown" if row.nullable else "never is"

    @admin.display(description="source and path", ordering="source")
    def where(self, row: Variable) -> SafeString:
        return format_html('{}<br><small class="font-mono break-all">{}</small>', row.source, row.path)

    @admin.display(description="price")
    def price(self, row: Any) -> Any:
        return right(format_cents(row.view.source.price_cents) if row.view.source else "free")

    @admin.display(description="in use by")
    def in_use(self, row: Any) -> str:
        return ", ".join(f"{use.key} v{use.version}" for use in row.view.in_force) or "-"

    @action(description="Download as CSV", url_path="csv", icon="download")
    def download(self, request: HttpRequest) -> HttpResponse:
        """The whole catalogue, one line a variable."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        answer = HttpResponse(content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="variables.csv"'
        answer.write("\ufeff")  # by which spreadsheets know that it is UTF-8
        lines = csv.writer(answer)
        lines.writerow(COLUMNS)
        lines.writerows(_line(view) for view in variables.variables(clock.now()))
        return answer


def _line(view: variables.VariableView) -> list[object]:
    source = view.source
    return [
        *(view.name, view.type, view.unit, "yes" if view.nullable else "no"),
        "" if view.default is None else json.dumps(view.default, ensure_ascii=False),
        *(view.source_code, source.name_en if source else view.own, view.path),
        f"{(source.price_cents if source else 0) / 100:.2f}",
        *((source.fresh_days, source.consent_code) if source else ("", "")),
        " ".join(view.scenarios),
        " ".join(f"{use.key}:{use.version}" for use in view.in_force),
        " ".join(f"{use.key}:{use.version}" for use in view.others),
        *(view.description_en, view.description_zh),
    ]
