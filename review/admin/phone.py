"""Verification by telephone: the page of a call, and its tables."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, state_badge
from lending.common.errors import DomainError, Invalid
from lending.common.revealing import Revealing
from review import queries, services
from review.admin.desk.views import PHONE_STATES
from review.models import CallResult, PhoneAnswer, PhoneAttempt, PhoneCheck, PhoneQuestion, PhoneScript
from users import queries as users
from users.services import access

RESULTS = {"verified": "green", "not_verified": "amber", "mismatches": "red"}
STATES = {"open": "teal", "broken_off": "amber", "done": "grey"}
AGREEMENTS = {"match": "green", "near": "grey", "mismatch": "red", "cannot_tell": "amber"}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and len(text) < 10 else None


# What the page posts, and the one service that takes it.
ACTS: dict[str, tuple[Callable[..., Any], Callable[[Any], dict[str, Any]]]] = {
    "dial": (
        services.phone.dial,
        lambda post: {
            "callee": post.get("callee", ""),
            "position": _number(post.get("position")),
            "number": post.get("number", ""),
            "reason": post.get("reason", ""),
        },
    ),
    "log": (
        services.phone.log_call,
        lambda post: {"attempt_id": _number(post.get("attempt_id")) or 0, "result": post.get("result", "")},
    ),
    "answer": (
        services.phone.answer,
        lambda post: {
            "check_id": _number(post.get("check_id")) or 0,
            "key": post.get("key", ""),
            "answer": post.get("answer", ""),
        },
    ),
    "back": (services.phone.go_back, lambda post: {"check_id": _number(post.get("check_id")) or 0}),
    "break_off": (services.phone.break_off, lambda post: {"check_id": _number(post.get("check_id")) or 0}),
    "except": (
        services.phone.except_from,
        lambda post: {"reasons": post.getlist("reasons"), "note": post.get("note", "")[:300]},
    ),
}


def answers_of(check: PhoneCheck) -> str:
    rows = PhoneAnswer.objects.filter(check_of=check, replaced_at=None).select_related("question")
    return " · ".join(f"{row.question.text_en} {row.answer}" for row in rows) or "-"


def numbers_of(check: PhoneCheck) -> str:
    rows = PhoneAttempt.objects.filter(case_id=check.case_id, callee=check.callee)
    return " ".join(sorted({row.number for row in rows})) or "-"


@admin.register(PhoneCheck)
class PhoneCheckAdmin(Revealing, ReadOnlyAdmin):
    large = True
    list_display = ["case", "callee", "standing", "outcome", "mismatches", "started_by", "started_at", "finished_at"]
    list_filter = ["callee", "state", "result"]
    list_select_related = ["case", "started_by"]
    revealed = {"numbers": numbers_of, "answers": answers_of}
    recorder = access.record
    refusal_recorder = access.record_refusal

    standing = state_badge("state", STATES, description="状态 State")
    outcome = state_badge("result", RESULTS, description="结果 Result")

    def reveal_subject(self, row: PhoneCheck) -> str:
        return f"user:{row.case.borrower_id}"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("calling/<int:case_id>/", wrap(self.calling_view), name="review_phonecheck_calling"),
            path("calling/<int:case_id>/<slug:name>/", wrap(self.call_view), name="review_phonecheck_call"),
            *super().get_urls(),
        ]

    def calling_view(self, request: HttpRequest, case_id: int) -> HttpResponse:
        """Whom to call, who is on the line, or the question that is next."""
        case, user_id = queries.case(case_id), request.user.pk or 0
        if not self.has_view_permission(request):
            raise PermissionDenied
        if case is None:
            raise Http404
        log = queries.phone_log(case_id)
        under_way = next((attempt for attempt in log.attempts if not attempt.result), None)
        mine = bool(log.attempts) and log.attempts[0].by_id == user_id and case.claimed_by_id == user_id
        question = queries.question(case_id, user_id)
        person = users.person(case.borrower_id)
        shown = {
            **self.admin_site.each_context(request),
            "title": _("Telephone verification"),
            "opts": self.opts,
            "media": self.media,
            "case": case,
            "phone": log,
            "phone_states": PHONE_STATES,
            "under_way": under_way,
            "number": queries.called_number(under_way.id, user_id) if under_way else "",
            "opening": next((row for row in log.callees if under_way and row.callee == under_way.callee), None),
            "name": person.name
            if mine and (under_way or question)
            else "",  # the log has it since the number was shown
            "question": question,
            "contacts": [(place, row.relation) for place, row in enumerate(person.contacts, start=1)],
            "call_results": CallResult.choices,
            "exceptions": queries.findings("phone"),
        }
        return TemplateResponse(request, "review/phone.html", shown)

    def call_view(self, request: HttpRequest, case_id: int, name: str) -> HttpResponse:
        """One step of a call; a refusal is told on the page it came from."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if name not in ACTS or request.method != "POST":
            raise Http404
        service, values = ACTS[name]
        try:
            with transaction.atomic(durable=True):
                service(case_id=case_id, by_id=request.user.pk or 0, at=clock.now(), **values(request.POST))
        except DomainError as error:
            fields = error.fields if isinstance(error, Invalid) else {}
            messages.error(request, " ".join([error.detail, *(f"{text}." for text in fields.values())]))
        return redirect("admin:review_phonecheck_calling", case_id)


@admin.register(PhoneAttempt)
class PhoneAttemptAdmin(ReadOnlyAdmin):
    large = True
    list_display = ["called_at", "case", "callee", "number_masked", "by", "result"]
    list_filter = ["callee", "result"]
    list_select_related = ["case", "by"]
    exclude = ["number", "number_index"]


@admin.register(PhoneAnswer)
class PhoneAnswerAdmin(ReadOnlyAdmin):
    large = True
    list_display = ["answered_at", "check_of", "question", "fits", "by", "replaced_at"]
    list_filter = ["agreement"]
    list_select_related = ["check_of", "question", "by"]
    exclude = ["answer"]
    fits = state_badge("agreement", AGREEMENTS, description="与申请资料 With the file")


@admin.register(PhoneScript)
class PhoneScriptAdmin(ReadOnlyAdmin):
    list_display = ["queue", "callee", "version", "required", "opening_zh", "opening_en"]
    list_filter = ["queue", "callee"]
    list_select_related = ["queue"]


@admin.register(PhoneQuestion)
class PhoneQuestionAdmin(ReadOnlyAdmin):
    list_display = ["script", "position", "key", "text_zh", "text_en", "kind", "compare", "critical", "next"]
    list_filter = ["script__queue", "script__callee", "kind"]
    list_select_related = ["script"]
