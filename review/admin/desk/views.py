"""The page of a case and everything that is posted from it. The services decide who may; the page only hides."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from lending import queries as lending
from lending.common import clock
from lending.common.errors import DomainError
from lending.common.revealing import PERMISSION as REVEAL
from lending.common.revealing import Revealing
from lending.common.shown import file_in_page
from review import queries, services
from review.admin.acts import ACTS, Act
from review.admin.desk.evidence import DOCUMENTS, FACES, Evidence, evidence, inputs_of, pictures
from review.admin.desk.notes import AttachmentForm, NoteForm, ending
from review.admin.desk.offer import offer
from review.admin.desk.panel import LEFT, explained, panels
from review.models import Case
from users import queries as users
from users.services import access

PRINT = "review.print_case"
ALMOST_WHOLE = timedelta(minutes=14)  # a lease that runs on so long is not written anew by a look at the page
PHONE_STATES = {
    "open": ("teal", "进行中 under way"),
    "broken_off": ("amber", "中断 broken off"),
    "verified": ("green", "已核实 verified"),
    "not_verified": ("amber", "未核实 not verified"),
    "mismatches": ("red", "有不一致 mismatches"),
}
CASE_STATES = {
    "WAITING_INITIAL": ("amber", "待初审 Waiting, initial"),
    "IN_INITIAL": ("teal", "初审中 In initial review"),
    "WAITING_FINAL": ("amber", "待终审 Waiting, final"),
    "IN_FINAL": ("teal", "终审中 In final review"),
    "SUPPLEMENT": ("grey", "待补件 Waits for documents"),
    "SUSPENDED": ("grey", "挂起 Suspended"),
    "CLOSED": ("grey", "已结案 Closed"),
}
OUTCOMES = {
    "approve": ("green", "通过 Approved"),
    "decline": ("red", "拒绝 Declined"),
    "refer": ("amber", "转人工 Referred"),
    "void": ("grey", "作废 Ended without a verdict"),
    "advise approve": ("teal", "建议通过 Advises approval"),
    "advise decline": ("amber", "建议拒绝 Advises a decline"),
}


def shown_pictures(case: Case, kinds: tuple[str, ...]) -> SafeString | str:
    """The files themselves, one under the other."""
    found = pictures(case.application_id)[kinds]
    files = [
        (row.title, row.source, file_in_page(lending.brought_file(row.file), ending(row.file), row.title))
        for row in found
    ]
    return format_html_join("", '<figure class="desk-picture"><figcaption>{}, {}</figcaption>{}</figure>', files)


class CaseDesk(Revealing):
    """The page of a case in CaseAdmin."""

    recorder = access.record
    refusal_recorder = access.record_refusal
    actions_detail = ()
    revealed = {
        "name": lambda case: users.person(case.borrower_id).name,
        "ID number": lambda case: users.person(case.borrower_id).id_number,
        "phone": lambda case: users.person(case.borrower_id).phone,
        "address": lambda case: users.person(case.borrower_id).address,
        "employer": lambda case: users.person(case.borrower_id).employer,
        "contacts": lambda case: "; ".join(
            f"{row.relation} {row.name} {row.phone}" for row in users.person(case.borrower_id).contacts
        ),
        "ID document": lambda case: shown_pictures(case, DOCUMENTS),
        "face": lambda case: shown_pictures(case, FACES),
    }

    def reveal_subject(self, row: Case) -> str:
        return f"user:{row.borrower_id}"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("next/", wrap(self.next_view), name="review_case_next"),
            path("<int:case_id>/act/<slug:name>/", wrap(self.act_view), name="review_case_act"),
            path("<int:case_id>/quote/", wrap(self.quote_view), name="review_case_quote"),
            path("<int:case_id>/keep/", wrap(self.keep_view), name="review_case_keep"),
            path("<int:case_id>/note/", wrap(self.note_view), name="review_case_note"),
            path("<int:case_id>/attach/", wrap(self.attach_view), name="review_case_attach"),
            path("<int:case_id>/print/", wrap(self.print_view), name="review_case_print"),
            *super().get_urls(),
        ]

    # --- reading --------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method != "GET":
            raise PermissionDenied  # nothing is edited here
        case = self._case(request, int(object_id) if object_id.isdigit() else 0)
        asked = {name: request.GET.get(name, "")[:20] for name in ("amount", "months")}
        mine = case.claimed_by_id == user_id(request)
        if mine and case.leased_until and case.leased_until < clock.now() + ALMOST_WHOLE:
            self._keep_lease(request, case.id)
            case = self._case(request, case.id)
        return self._page(request, case, asked=asked)

    def _case(self, request: HttpRequest, case_id: int) -> queries.CaseView:
        """For whoever may read cases. Raises Http404, PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        case = queries.case(case_id)
        if case is None:
            raise Http404
        return case

    def _keep_lease(self, request: HttpRequest, case_id: int) -> None:
        """Looking at one's case is activity. Says so where the case or the application has moved on."""
        try:
            with transaction.atomic(durable=True):
                services.extend_lease(case_id=case_id, by_id=user_id(request), at=clock.now())
        except DomainError as error:
            messages.warning(request, explained(error, case_id))

    def _page(
        self,
        request: HttpRequest,
        case: queries.CaseView,
        *,
        tried: str = "",
        form: Any = None,
        refusal: str = "",
        asked: dict[str, str] | None = None,
        note: NoteForm | None = None,
        attachment: AttachmentForm | None = None,
    ) -> HttpResponse:
        """`tried`, `form`, `refusal`: an act that was not done, shown with what was typed."""
        at, by_id = clock.now(), user_id(request)
        found = evidence(case, at=at)
        standing = queries.standing(case, by_id, at)
        may_write = standing.level > 0
        shown = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"案件 Case #{case.id}",
            "media": self.media,
            "case": case,
            "at": at,
            "found": found,
            "who": _people(case, found),
            "holder": found.names.get(f"staff:{case.claimed_by_id}", ""),
            "standing": standing,
            "left": LEFT.get(found.application.status, "") if standing.holds else "",
            "why": found.why,
            "panels": panels(
                case,
                found.application,
                user_id=by_id,
                at=at,
                known=found.codes,
                tried=tried,
                form=form,
                refusal=refusal,
            ),
            "offer": offer(case, found.application, found.inputs, **(asked or {}), at=at),
            "note_form": note or (NoteForm(auto_id="note_%s") if may_write else None),
            "attachment_form": attachment or (AttachmentForm(auto_id="attach_%s") if may_write else None),
            "may_reveal": request.user.has_perm(REVEAL) and not standing.conflict,
            "may_print": request.user.has_perm(PRINT),
            "states": CASE_STATES,
            "outcomes": OUTCOMES,
            "severities": {"serious": ("red", "serious"), "check": ("amber", "check"), "note": ("grey", "note")},
            "checklist": queries.checklist_of(case),
            "phone": queries.phone_log(case.id),
            "phone_states": PHONE_STATES,
        }
        return render(request, "review/case.html", shown)

    def quote_view(self, request: HttpRequest, case_id: int) -> HttpResponse:
        """The offer recomputed, as a part of the page; nothing is written."""
        case = self._case(request, case_id)
        asked = {name: request.GET.get(name, "")[:20] for name in ("amount", "months")}
        application, seen = lending.application(case.application_id), inputs_of(case.application_id)
        at = clock.now()
        shown = {
            "case": case,
            "offer": offer(case, application, seen, **asked, at=at),
            "standing": queries.standing(case, user_id(request), at),
        }
        return render(request, "review/parts/quote.html", shown)

    # --- acting ---------------------------------------------------------------------------------------------------

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Claim the most urgent case and open it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            with transaction.atomic(durable=True):
                case_id = services.claim_next(
                    by_id=user_id(request), at=clock.now(), queue=request.POST.get("queue") or None
                )
        except DomainError as error:
            messages.error(request, error.detail)
            return redirect("admin:review_case_changelist")
        if case_id is None:
            messages.info(request, _("Nothing waits for you, or five cases are open already."))
            return redirect("admin:review_case_changelist")
        return redirect("admin:review_case_change", case_id)

    def act_view(self, request: HttpRequest, case_id: int, name: str) -> HttpResponse:
        """The page with one act open; posted, it calls that act's service and, refused, loses nothing typed."""
        act, at = ACTS.get(name), clock.now()
        if act is None or not self.has_view_permission(request):
            raise Http404
        case = self._case(request, case_id)
        application = lending.application(case.application_id)
        form = act.form(request.POST or None, application=application, at=at, auto_id=f"{name}_%s")
        if request.method != "POST":
            return self._page(request, case, tried=name, form=form)
        asked = {field: request.POST.get(field, "")[:20] for field in ("amount", "months")}
        if "recompute" in request.POST:
            return self._page(request, self._case(request, case_id), tried=name, form=form, asked=asked)
        refusal = _carry_out(act, form, case_id, request, at) if form.is_valid() else ""
        if refusal or form.errors:
            case = self._case(request, case_id)
            return self._page(request, case, tried=name, form=form, refusal=refusal, asked=asked)
        messages.success(request, _("Done: %s.") % act.title)
        return redirect("admin:review_case_change", case_id)

    def keep_view(self, request: HttpRequest, case_id: int) -> HttpResponse:
        """Says that the holder is still at work: the lease runs anew. What went wrong is a sentence."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._case(request, case_id)
        try:
            with transaction.atomic(durable=True):
                services.extend_lease(case_id=case_id, by_id=user_id(request), at=clock.now())
        except DomainError as error:
            return JsonResponse({"code": error.code, "detail": explained(error, case_id)}, status=error.status)
        case = self._case(request, case_id)
        return JsonResponse({"leased_until": case.leased_until, "now": clock.now()})

    def note_view(self, request: HttpRequest, case_id: int) -> HttpResponse:
        form = NoteForm(request.POST or None, auto_id="note_%s")
        self._case(request, case_id)
        if form.is_valid() and self._done(
            form, case_id, services.add_note, by_id=user_id(request), text=form.cleaned_data["text"]
        ):
            messages.success(request, "The note is on the case.")
            return redirect("admin:review_case_change", case_id)
        return self._page(request, self._case(request, case_id), note=form)

    def attach_view(self, request: HttpRequest, case_id: int) -> HttpResponse:
        form = AttachmentForm(request.POST or None, request.FILES or None, auto_id="attach_%s")
        self._case(request, case_id)
        if form.is_valid() and self._done(
            form,
            case_id,
            services.attach,
            by_id=user_id(request),
            kind=form.cleaned_data["kind"],
            title=form.cleaned_data["title"],
            content=form.cleaned_data["file"].read(),
        ):
            messages.success(request, "The file is on the case, encrypted.")
            return redirect("admin:review_case_change", case_id)
        return self._page(request, self._case(request, case_id), attachment=form)

    def _done(self, form: Any, case_id: int, service: Any, **values: Any) -> bool:
        """False where it was refused; the form then says why."""
        try:
            with transaction.atomic(durable=True):
                service(case_id=case_id, at=clock.now(), **values)
        except DomainError as error:
            form.add_error(None, ValidationError(explained(error, case_id)))
            return False
        return True

    def print_view(self, request: HttpRequest, case_id: int) -> HttpResponse:
        """The case as a PDF file for an auditor; who printed it, and why, is kept."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._case(request, case_id)
        try:
            with transaction.atomic(durable=True):
                made = services.print_case(
                    case_id=case_id, by_id=user_id(request), reason=request.POST.get("reason", ""), at=clock.now()
                )
        except DomainError as error:
            messages.error(request, explained(error, case_id))
            return redirect("admin:review_case_change", case_id)
        answer = HttpResponse(made, content_type="application/pdf")
        answer["Content-Disposition"] = f'attachment; filename="case-{case_id}.pdf"'
        answer["Cache-Control"] = "no-store"
        return answer


def _carry_out(act: Act, form: Any, case_id: int, request: HttpRequest, at: datetime) -> str:
    """Why it was refused; empty where it is done."""
    try:
        with transaction.atomic(durable=True):
            act.service(case_id=case_id, by_id=user_id(request), at=at, **form.values())
    except DomainError as error:
        return explained(error, case_id)
    return ""


def _people(case: queries.CaseView, found: Evidence) -> list[tuple[str, str, str, datetime | None]]:
    """The two stages: title, who, what they said, and when."""
    said = {row.action: row for row in found.history}
    stages = (
        ("初审 Initial", case.initial_reviewer_id, "recommend"),
        ("终审 Final", case.final_reviewer_id, "decide"),
    )
    people = []
    for title, who, action in stages:
        row = said.get(action)
        told = row if row and row.actor == f"staff:{who}" else None
        name = found.names.get(f"staff:{who}", "")
        advice = "advise " if told and action == "recommend" and not told.changes.get("alone") else ""
        people.append((title, name, advice + told.outcome if told else "", told.occurred_at if told else None))
    return people


def user_id(request: HttpRequest) -> int:
    """Of the signed-in account; 0, nobody's, for a stranger."""
    return request.user.pk or 0
