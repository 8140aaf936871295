"""Many cases at once: choose the act, read who takes part and who does not, then confirm; a result for each."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from lending.common import clock
from lending.common.errors import DomainError
from review import queries, services
from review.admin.forms import Codes
from review.models import BatchAction
from review.services import batch


class BatchForm(forms.Form):
    action = forms.ChoiceField(label="操作 Act", choices=BatchAction.choices, widget=UnfoldAdminSelectWidget)
    reasons = forms.MultipleChoiceField(label="原因 Reasons", widget=UnfoldAdminCheckboxSelectMultipleWidget)
    note = forms.CharField(
        label="备注 Note", required=False, max_length=2000, widget=UnfoldAdminTextareaWidget({"rows": 3})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reasons"].choices = Codes().verdict_choices()  # type: ignore[attr-defined]


def to_batch(page: Any, request: HttpRequest, queryset: Any) -> HttpResponse:
    ids = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True)[:100])
    return HttpResponseRedirect(f"{reverse('admin:review_case_batch')}?ids={ids}")


def batch_view(page: Any, request: HttpRequest) -> HttpResponse:
    """GET asks what; the first POST shows what would happen, the second, with `confirmed`, does it."""
    if not page.has_view_permission(request):
        raise PermissionDenied
    ids = [int(text) for text in request.GET.get("ids", "").split(",") if text.isdigit()][:100]
    by_id, form = request.user.pk or 0, BatchForm(request.POST or None)
    lines: tuple[queries.BatchLine, ...] = ()
    results: tuple[batch.Result, ...] = ()
    if form.is_valid():
        lines = queries.batch_of(ids, form.cleaned_data["action"], by_id)
        if "confirmed" in request.POST:
            taking_part = [line.case_id for line in lines if not line.why_not]
            try:
                results = services.run_batch(case_ids=taking_part, by_id=by_id, now=clock.now(), **form.cleaned_data)
            except DomainError as error:
                form.add_error(None, error.detail)
    shown = {
        **page.admin_site.each_context(request),
        "title": "批量处理 Batch",
        "opts": page.opts,
        "form": form,
        "count": len(ids),
        "lines": lines,
        "takes_part": sum(not line.why_not for line in lines),
        "results": results,
        "done": sum(not row.refused for row in results),
        "media": page.media + form.media,
        "back": reverse("admin:review_case_changelist"),
    }
    return render(request, "review/batch.html", shown)
