"""Test cases of a draft: a page, and what its script asks."""

from dataclasses import asdict
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from lending.common import clock
from lending.common.errors import NotFound
from risk.admin.answering import answering, body_of, revision_of
from risk.admin.rulesets import WRITE, Authoring
from risk.rules.cases import EXPECTED, CaseResult, Coverage
from risk.rules.verdict import OUTCOMES
from risk.services import authoring
from risk.services.authoring import Ran


class TestedDraft(Authoring):
    """The page `risk_draft_tests` of a draft, whatever its form."""

    def get_urls(self) -> list[URLPattern]:
        doors = {"save": self.save_tests_view, "run": self.run_tests_view, "suggest": self.suggest_tests_view}
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/tests/", view(self.tests_view), name="risk_draft_tests"),
            *(
                path(f"<int:pk>/tests/{name}/", view(door), name=f"risk_draft_tests_{name}")
                for name, door in doors.items()
            ),
            *super().get_urls(),
        ]

    def tests_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            tested = authoring.tested(pk)
        except NotFound as error:
            raise Http404(error.detail) from error
        names = ("tests_save", "tests_run", "tests_suggest", "values")
        shown = self.page_of(
            request,
            tested.written,
            tests=tested.written.draft.tests,
            required=tested.written.draft.required_coverage,
            expected=list(dict.fromkeys([*EXPECTED, *tested.ran.answers])),
            outcomes=OUTCOMES,
            ran=_ran(tested.ran),
            urls=self.addresses(pk, *names),
        )
        return render(request, "risk/tests.html", shown | {"ran": tested.ran, "cases": tested.ran.results})

    @answering(permission=WRITE)
    def save_tests_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST {revision, tests} → {revision}; 409 where somebody else saved meanwhile."""
        body = body_of(request)
        revision, by = revision_of(body), f"staff:{request.user.pk}"
        with transaction.atomic(durable=True):
            saved = authoring.save_tests(draft_id=pk, revision=revision, tests=body.get("tests"), by=by, at=clock.now())
        return JsonResponse({"revision": saved})

    @answering()
    def run_tests_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST {tests} → {results, coverage, problem}; nothing is stored."""
        return JsonResponse(_ran(authoring.run_tests(draft_id=pk, tests=body_of(request).get("tests"))))

    @answering()
    def suggest_tests_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST {tests} → {tests}: further cases, for what those do not reach."""
        return JsonResponse({"tests": authoring.suggested_tests(draft_id=pk, tests=body_of(request).get("tests"))})


def _ran(ran: Ran) -> dict[str, Any]:
    results = [_result(result, now) for result, now in zip(ran.results, ran.now, strict=True)]
    return {"results": results, "coverage": ran.coverage and _coverage(ran.coverage), "problem": ran.problem}


def _result(result: CaseResult, now: Any) -> dict[str, Any]:
    told = {name: value for name, value in vars(result).items() if name not in ("trace", "answer")}
    return told | {"now": now}


def _coverage(found: Coverage) -> dict[str, Any]:
    return asdict(found) | {"percent": found.percent, "below": [[key, _coverage(part)] for key, part in found.below]}
