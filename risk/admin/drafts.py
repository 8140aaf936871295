"""Where analysts write: drafts, what the gate says of them, and handing them to a second person."""

from typing import Any
from urllib.parse import quote

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from unfold.decorators import action

from lending.common import clock
from lending.common.acting import Act, ActingAdmin
from lending.common.admin import age, instant, state_badge
from lending.common.composed import ComposedPage
from risk import queries, services
from risk.admin import fields
from risk.admin.asking import AskingAdmin
from risk.admin.editing import EditedDraft
from risk.admin.rulesets import EDITORS, WrittenRules
from risk.admin.scorecards import CardedDraft
from risk.admin.testing import TestedDraft
from risk.models import Backtest, Draft, DraftState, Release, ReleaseForm, Submission, SubmissionState

WRITE, TRY = "risk.write_strategy", "risk.run_backtest"
STATES = {"open": "teal", "submitted": "amber", "released": "green", "discarded": "grey"}
TRIED = {"pending": "amber", "running": "teal", "done": "green", "failed": "red", "cancelled": "grey"}
DECIDED = {"waiting": "amber", "approved": "green", "refused": "red", "withdrawn": "grey"}


class BeginForm(forms.Form):
    scenario = fields.choice("Scenario", fields.scenarios)
    form = fields.choice("Form", fields.release_forms)
    key = fields.text("Name", "Small letters, digits and _; flows refer to it by this name.", max_length=60)
    title = fields.text("Title", "What people call it.", max_length=120)


class SubmitForm(forms.Form):
    note = fields.reason("What it is for", "The second person reads this first.")
    binds = forms.BooleanField(
        label="Put it in force",
        required=False,
        help_text="Otherwise it is released only: for an experiment, or to be asked by another flow.",
    )
    role = fields.choice("Role", fields.roles, required=False)
    product_code = fields.choice("Product", fields.products, required=False)
    channel_code = fields.text("Channel", "Code of the channel; empty: any.", required=False, max_length=20)
    segment = fields.choice("Segment", fields.segments, required=False)
    in_force_from = fields.moment("From", "Empty: as soon as it is approved.")
    emergency_reason = fields.text(
        "Emergency",
        "Only where nobody else can be reached: it is in force at once without a second person, for 72 hours, and "
        "everybody is told. Say why.",
        required=False,
        max_length=300,
    )


@admin.register(Draft)
class DraftAdmin(EditedDraft, WrittenRules, CardedDraft, TestedDraft, AskingAdmin, ComposedPage, ActingAdmin):
    list_display = ("title", "key", "form", "scenario", "badge", "revision", "updated_by", "waiting")
    list_filter = ("state", "form", "scenario")
    search_fields = ("key", "title")
    list_select_related = ("scenario",)
    change_form_outer_before_template = "risk/draft.html"
    actions_list = ("to_begin",)
    actions_detail = ("edit", "test", "backtest", "hand_in")
    badge = state_badge("state", STATES, "state")
    waiting = age("updated_at", "saved")
    acts = {
        "discard": Act(
            title="Discard this draft",
            question="Why is it not needed?",
            done="discarded",
            permission=WRITE,
            perform=lambda pk, **act: services.discard_draft(draft_id=pk, **act),
            can=lambda row: row.state == DraftState.OPEN,
            icon="delete",
        )
    }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("begin-one/", view(self.begin_view), name="risk_draft_begin"),
            path("<int:pk>/submit/", view(self.submit_view), name="risk_draft_submit"),
            path("place/<str:file>/<path:node>/", view(self.place_view), name="risk_draft_place"),
            *super().get_urls(),
        ]

    @action(description="Begin a draft", url_path="begin", icon="add", permissions=["write"])
    def to_begin(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:risk_draft_begin")

    @action(description="Edit", url_path="edit", icon="edit", permissions=["view"])
    def edit(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return redirect(_editor(_draft(object_id)))

    @action(description="Test cases", url_path="test", icon="checklist", permissions=["view"])
    def test(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return redirect("admin:risk_draft_tests", object_id)

    @action(description="Backtest", url_path="backtest", icon="query_stats", permissions=["try"])
    def backtest(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return redirect(f"{reverse('admin:risk_backtest_new')}?draft={_draft(object_id).pk}")

    @action(description="Submit for approval", url_path="hand-in", icon="send", permissions=["write"])
    def hand_in(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return redirect("admin:risk_draft_submit", object_id)

    def has_write_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(WRITE)

    def has_try_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(TRY)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what still has a use: one that is handed in is not handed in again, a scorecard decides nothing."""
        row, idle = self.get_object(request, str(object_id)), set()
        if row and row.state != DraftState.OPEN:
            idle.add("risk_draft_hand_in")
        if row and (row.form == ReleaseForm.SCORECARD or row.state not in (DraftState.OPEN, DraftState.SUBMITTED)):
            idle.add("risk_draft_backtest")
        return [shown for shown in super().get_actions_detail(request, object_id) if shown.action_name not in idle]

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        initial = {name: request.GET[name] for name in ("scenario", "form") if name in request.GET}

        def perform(**asked: Any) -> str:
            return _editor(services.begin_draft(**asked))

        form = BeginForm(request.POST or None, initial=initial)
        return self.ask(
            request,
            form,
            title="Begin a draft",
            permission=WRITE,
            perform=perform,
            done="Begun.",
        )

    def place_view(self, request: HttpRequest, file: str, node: str) -> HttpResponse:
        """Where a node that the gate names can be seen: in the newest draft of the flow, else in its newest release."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        key = file.removesuffix(".json")
        if draft := Draft.objects.filter(key=key).exclude(state=DraftState.DISCARDED).order_by("-pk").first():
            return redirect(f"{_editor(draft)}#node={quote(node, safe='')}")
        release = Release.objects.filter(key=key).order_by("-version").first()
        if release is None:
            raise Http404
        return redirect(f"{reverse('admin:risk_release_drawing', args=[release.pk])}#node={quote(node, safe='')}")

    def submit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        draft = _draft(pk)

        def perform(*, binds: bool, role: str, product_code: str, channel_code: str, segment: str, **asked: Any) -> str:
            scope = services.Scope(draft.scenario.code, role, product_code, channel_code.strip(), segment)
            row = services.submit_strategy(
                draft_id=pk, revision=draft.revision, scope=scope if binds else None, **asked
            )
            return reverse("admin:risk_submission_change", args=[row.pk])

        form = SubmitForm(request.POST or None, initial={"binds": True, "role": "decide"})
        return self.ask(
            request,
            form,
            title=f"Submit {draft.key} for approval",
            permission=WRITE,
            perform=perform,
            done="Handed to a second person.",
            back=self.page_address(pk),
        )

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        draft = _draft(pk)
        at_work = draft.state == DraftState.OPEN
        report = services.draft_report(draft_id=pk, at=clock.now()) if at_work else None
        return {
            "title": draft.title,
            "draft": draft,
            "editor": _editor(draft),
            "states": STATES,
            "report": report,
            "undecided": _undecided(request, report),
            "submissions": Submission.objects.filter(draft=draft),
            "backtests": Backtest.objects.filter(draft=draft).select_related("dataset").defer("candidate", "summary"),
            "tried": TRIED,
            "may_try": request.user.has_perm(TRY) and draft.form != ReleaseForm.SCORECARD and at_work,
            "decided": DECIDED,
        }


@admin.register(Submission)
class SubmissionAdmin(ComposedPage, ActingAdmin):
    """The publish gate: one screen for the second person."""

    list_display = ("draft_key", "scenario", "serves", "badge", "submitted_by", "submitted", "decided_by", "note")
    list_filter = ("state", "scenario")
    search_fields = ("draft__key", "note")
    list_select_related = ("draft", "scenario")
    change_form_outer_before_template = "risk/submission.html"
    badge = state_badge("state", DECIDED, "state")
    submitted = instant("submitted_at")
    acts = {
        "approve": Act(
            title="Approve and release",
            question="What did you check?",
            done="approved and released",
            permission="risk.approve_strategy",
            perform=lambda pk, reason, **act: services.approve_strategy(submission_id=pk, note=reason, **act),
            can=lambda row: row.state == SubmissionState.WAITING,
            icon="verified",
        ),
        "refuse": Act(
            title="Send back",
            question="What should be changed?",
            done="sent back",
            permission="risk.approve_strategy",
            perform=lambda pk, reason, **act: services.refuse_strategy(submission_id=pk, note=reason, **act),
            can=lambda row: row.state == SubmissionState.WAITING,
            icon="undo",
        ),
        "withdraw": Act(
            title="Withdraw",
            question="Why is it taken back?",
            done="withdrawn",
            permission=WRITE,
            perform=lambda pk, reason, **act: services.withdraw_strategy(submission_id=pk, note=reason, **act),
            can=lambda row: row.state == SubmissionState.WAITING,
            icon="close",
        ),
    }

    @admin.display(description="draft", ordering="draft__key")
    def draft_key(self, obj: Submission) -> str:
        return obj.draft.key

    @admin.display(description="would serve")
    def serves(self, obj: Submission) -> str:
        return obj.where if obj.binds else "released only"

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        row = Submission.objects.select_related("draft", "scenario", "release").get(pk=pk)
        mine = f"staff:{request.user.pk}" in row.written_by
        return {
            "title": str(row),
            "submission": row,
            "report": row.report,
            "undecided": _undecided(request, row.report),
            "decided": DECIDED,
            "mine": mine and row.state == SubmissionState.WAITING,
            "swaps": queries.swap_samples(row.closure_sha256) if request.user.has_perm("risk.view_decision") else (),
        }


def _undecided(request: HttpRequest, report: dict[str, Any] | None) -> tuple[Any, ...]:
    """Rows that the backtest could not decide; they may name people, and are shown to who may see decisions."""
    tried = report["backtest"] if report else None
    if not tried or not tried["errors"] or not request.user.has_perm("risk.view_decision"):
        return ()
    return tuple(queries.undecided_rows(tried["id"]))


def _draft(pk: Any) -> Draft:
    row = Draft.objects.select_related("scenario", "base").filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def _editor(row: Draft) -> str:
    name, _ = EDITORS[ReleaseForm(row.form)]
    return reverse(f"admin:risk_draft_{name}", args=[row.pk])
