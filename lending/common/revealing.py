"""Personal data in clear, for one reason, on one page, after the log has it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from lending.common import clock
from lending.common.acting import ReasonForm
from lending.common.errors import Forbidden

PERMISSION = "users.reveal_personal_data"


def recorded(asked: Mapping[str, Any], record: Callable[..., None], refuse: Callable[..., None]) -> str:
    """Why it may not be shown, once that is kept; empty once the log has it."""
    try:
        with transaction.atomic(durable=True):
            record(**asked)
    except Forbidden as error:
        with transaction.atomic(durable=True):
            refuse(**asked)
        return error.detail
    return ""


class Revealing(ModelAdmin):
    """A button on the page of a row. `revealed`: what is shown, by label; `recorder`: writes the log, one service, or
    refuses; `refusal_recorder`: writes down that it refused.

    `?show=` names the labels that are wanted, once or more; without it all of them are shown.
    """

    revealed: Mapping[str, Callable[[Any], Any]] = {}
    recorder: Callable[..., None]
    refusal_recorder: Callable[..., None]
    actions_detail: Any = ("reveal",)

    def reveal_subject(self, row: Any) -> str:
        return f"user:{row.user_id}"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_revealed"
        view = self.admin_site.admin_view(self.revealed_view)
        return [path("<int:object_id>/revealed/", view, name=name), *super().get_urls()]

    def has_reveal_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(PERMISSION)

    @action(description=_("Show personal data"), url_path="reveal", permissions=["reveal"], icon="visibility")
    def reveal(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_revealed", args=[object_id]))

    def revealed_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """GET asks why; POST records who, whose, what and why, then shows."""
        row = get_object_or_404(self.get_queryset(request), pk=object_id)
        if not (self.has_reveal_permission(request) and self.has_view_permission(request, row)):
            raise PermissionDenied
        wanted = request.GET.getlist("show")
        chosen = {label: read for label, read in self.revealed.items() if label in wanted} or self.revealed
        form = ReasonForm(request.POST or None, question=_("Why do you need to see it?"))
        shown: list[tuple[str, Any]] = []
        if form.is_valid():
            asked = {
                "by": f"staff:{request.user.pk}",
                "subject": self.reveal_subject(row),
                "fields": list(chosen),
                "reason": form.cleaned_data["reason"],
                "at": clock.now(),
            }
            if refused := recorded(asked, type(self).recorder, type(self).refusal_recorder):
                form.add_error(None, refused)
            else:
                shown = [(label.replace("_", " "), read(row)) for label, read in chosen.items()]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Personal data"),
            "opts": self.opts,
            "form": form,
            "shown": shown,
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id]),
        }
        return TemplateResponse(request, "users/reveal.html", context)
