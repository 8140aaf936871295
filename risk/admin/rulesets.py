"""The form of a rule set: a page over a draft, and what its script asks while somebody writes."""

from dataclasses import asdict
from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse

from lending.common import clock
from lending.common.errors import NotFound
from risk.admin.answering import answering, body_of, object_of, revision_of
from risk.models import Draft, ReleaseForm
from risk.rules.ruleset import ACTIONS, MAX_DEPTH, OPERATORS, UNKNOWN
from risk.services import authoring
from risk.services.authoring import OfAnotherForm, Written
from users import queries as users

WRITE, SEE_DECISIONS = "risk.write_strategy", "risk.view_decision"
# Where each form is written: the page of a draft, and what it is called there.
EDITORS = {
    ReleaseForm.FLOW: ("editor", "Graph"),
    ReleaseForm.TABLE: ("editor", "Table"),
    ReleaseForm.RULE_SET: ("rules", "Rules"),
    ReleaseForm.SCORECARD: ("card", "Scorecard"),
}


class Authoring(ModelAdmin):
    """What the pages over a draft share."""

    def address(self, name: str, pk: int) -> str:
        return reverse(f"{self.admin_site.name}:risk_draft_{name}", args=[pk])

    def addresses(self, pk: int, *names: str) -> dict[str, str]:
        return {name.rsplit("_", 1)[-1]: self.address(name, pk) for name in names}

    def page_of(self, request: HttpRequest, written: Written, **more: Any) -> dict[str, Any]:
        """`data` is for the script; the rest for the template."""
        draft = written.draft
        data = {
            "revision": draft.revision,
            "may_write": written.is_open and request.user.has_perm(WRITE),
            "may_see_decisions": request.user.has_perm(SEE_DECISIONS),
            "fields": [asdict(field) for field in written.fields],
            "reasons": [asdict(reason) for reason in written.reasons],
            **more,
        }
        return {
            **self.admin_site.each_context(request),
            "title": draft.title,
            "opts": self.opts,
            "draft": draft,
            "written": written,
            "updated_by": users.actor_name(draft.updated_by),
            "data": data,
            "pages": self.pages_of(draft),
        }

    def pages_of(self, draft: Draft) -> list[tuple[str, str, str]]:
        """(name, title, address) of the pages of this draft."""
        pages = [EDITORS[ReleaseForm(draft.form)], ("tests", "Test cases"), ("change", "Draft and gate")]
        return [(name, title, self.address(name, draft.pk)) for name, title in pages]


class WrittenRules(Authoring):
    """The page `risk_draft_rules` of a draft."""

    def get_urls(self) -> list[URLPattern]:
        doors = {"save": self.save_rules_view, "stored": self.stored_rules_view, "try": self.try_rules_view}
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/rules/", view(self.rules_view), name="risk_draft_rules"),
            path("<int:pk>/values/", view(self.values_view), name="risk_draft_values"),
            *(
                path(f"<int:pk>/rules/{name}/", view(door), name=f"risk_draft_rules_{name}")
                for name, door in doors.items()
            ),
            *super().get_urls(),
        ]

    def rules_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            written = authoring.written_rules(pk)
        except OfAnotherForm:
            return redirect(self.address("change", pk))
        except NotFound as error:
            raise Http404(error.detail) from error
        names = ("rules_save", "rules_stored", "rules_try", "values")
        shown = self.page_of(
            request,
            written,
            authored=written.draft.authored,
            problems=[asdict(each) for each in written.problems],
            operators=OPERATORS,
            actions=ACTIONS,
            unknown=UNKNOWN,
            depth=MAX_DEPTH,
            urls=self.addresses(pk, *names),
        )
        return render(request, "risk/rule_set.html", shown)

    @answering(permission=WRITE)
    def save_rules_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST {revision, authored} → {revision, problems}; 409 where somebody else saved meanwhile."""
        body = body_of(request)
        revision, authored, by = revision_of(body), object_of(body, "authored"), f"staff:{request.user.pk}"
        with transaction.atomic(durable=True):
            saved = authoring.save_rules(draft_id=pk, revision=revision, authored=authored, by=by, at=clock.now())
        return JsonResponse({"revision": saved.revision, "problems": [asdict(each) for each in saved.problems]})

    @answering("GET")
    def stored_rules_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What is stored now: {revision, authored, problems, by}."""
        written = authoring.written_rules(pk)
        draft = written.draft
        told = {"revision": draft.revision, "authored": draft.authored, "by": users.actor_name(draft.updated_by)}
        return JsonResponse(told | {"problems": [asdict(each) for each in written.problems]})

    @answering()
    def try_rules_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST {authored, values} → {output, states, left_out}; nothing is stored."""
        body = body_of(request)
        authored, values = object_of(body, "authored"), object_of(body, "values")
        return JsonResponse(asdict(authoring.try_rules(draft_id=pk, authored=authored, values=values)))

    @answering("GET")
    def values_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """?decision=NUMBER or ?row=NUMBER → {values} of the draft's inputs."""
        decision, row = request.GET.get("decision", ""), request.GET.get("row", "")
        by = f"staff:{request.user.pk}"
        return JsonResponse({"values": authoring.values_for(draft_id=pk, decision=decision, row=row, by=by)})
