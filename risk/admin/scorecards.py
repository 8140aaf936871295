"""The page of a scorecard draft: one form, checked and scored by the server as it is written, saved with a revision.

Every button sends the whole form; only "Save" stores it. The script of the page does the same without a reload.
"""

from typing import Any

from django.contrib import messages
from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path

from lending import queries as lending
from lending.common import clock
from lending.common.errors import DomainError
from risk.admin import card_form, charts
from risk.models import Draft, DraftState, ReleaseForm
from risk.rules import scorecard
from risk.rules.catalogue import VariableSpec, input_schema
from risk.rules.engine import EvaluationFailed, evaluate_once
from risk.services import drafts
from users import queries as users

Variables = dict[str, VariableSpec]


class CardedDraft(ModelAdmin):
    """A draft whose form may be a scorecard."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.card_view)
        return [path("<int:pk>/card/", view, name="risk_draft_card"), *super().get_urls()]

    def card_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return edit(self, request, pk)


def edit(page: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows the draft; POST changes, tries or saves what stands in the form."""
    draft = Draft.objects.select_related("scenario").filter(pk=pk, form=ReleaseForm.SCORECARD).first()
    if draft is None:
        raise Http404
    variables = _variables(draft)
    if request.method != "POST":
        return _answer(page, request, draft, draft.authored, variables)
    card = card_form.read(request.POST, draft.authored, variables)
    act, refused = request.POST.get("act", "check"), ""
    if act in ("save", "save_over"):
        revision = request.POST.get("revision" if act == "save" else "their_revision", "")
        try:
            with transaction.atomic(durable=True):
                drafts.save(
                    draft_id=pk,
                    revision=int(revision) if revision.isdigit() else 0,
                    authored=card,
                    by=f"staff:{request.user.pk}",
                    at=clock.now(),
                )
        except drafts.StaleDraft as error:
            return _answer(page, request, draft, card, variables, stale=error)
        except DomainError as error:
            refused = error.detail
        else:
            messages.success(request, "Saved.")
            return redirect("admin:risk_draft_card", pk)
    elif act == "scale":
        card, refused = _scaled(card)
    else:
        card = card_form.changed(card, act, variables)
    return _answer(page, request, draft, card, variables, refused=refused, dirty=True)


def _variables(draft: Draft) -> Variables:
    return drafts.variables_of(draft.scenario)


def _scaled(card: dict[str, Any]) -> tuple[dict[str, Any], str]:
    try:
        return scorecard.rescaled(
            card, pdo=card["pdo"], anchor_score=card["anchor_score"], anchor_odds=card["anchor_odds"]
        ), ""
    except ValueError as error:
        return card, str(error)
    except (TypeError, ZeroDivisionError):
        return card, "Points to double the odds, anchor score and anchor odds must be numbers above nought."


def _answer(
    page: Any,
    request: HttpRequest,
    draft: Draft,
    card: dict[str, Any],
    variables: Variables,
    *,
    refused: str = "",
    stale: drafts.StaleDraft | None = None,
    dirty: bool = False,
) -> HttpResponse:
    problems = list(scorecard.faults(card, variables))
    blocks = card_form.shown(card, variables)
    for block, written in zip(blocks, card.get("blocks") or [], strict=True):
        bins = [
            (scorecard.label_of(bin_), float(bin_["points"]))
            for bin_ in written.get("bins") or []
            if isinstance(bin_.get("points"), int)
        ]
        block["strip"] = charts.strip(f"Points by bin of {block['variable']}", bins) if bins else ""
        called = block["variable"] or f"block {block['place'] + 1}"
        block["problems"] = [problem for problem in problems if problem[0] == called]
    trial = card_form.applicant(request.POST, card, variables) if request.method == "POST" else {}
    may = request.user.has_perm(drafts.WRITE) and draft.state == DraftState.OPEN
    shown = {
        "title": f"Scorecard {draft.key}",
        "draft": draft,
        "card": card,
        "blocks": blocks,
        "problems": problems,
        "of_the_card": [problem for problem in problems if not problem[0]],
        "range": scorecard.score_range(card),
        "variables": [v for v in variables.values() if v.type in scorecard.KEPT_TYPES and v.name != scorecard.AGE],
        "reasons": lending.reasons(),
        "can_scale": "intercept" in card,
        "built": card.get("built"),
        "trial": [(name, request.POST.get(f"try-{name}", "")) for name in _names(card, variables)],
        "said": _tried(card, variables, trial) if any(v is not None for v in trial.values()) and not problems else None,
        "revision": request.POST.get("revision") or draft.revision,
        "stale": stale and {"revision": stale.data["revision"], "who": users.actor_name(stale.data["updated_by"])},
        "refused": refused,
        "dirty": dirty or bool(stale),
        "may": may,
        "opts": page.opts,
        "pages": page.pages_of(draft),
        "who": users.actor_name(draft.updated_by),
    }
    status = 409 if stale else 422 if refused else 200
    return render(request, "risk/scorecard.html", {**page.admin_site.each_context(request), **shown}, status=status)


def _names(card: dict[str, Any], variables: Variables) -> list[str]:
    return [block["variable"] for block in card.get("blocks") or [] if block.get("variable") in variables]


def _tried(card: dict[str, Any], variables: Variables, typed: dict[str, Any]) -> dict[str, Any]:
    """What the engine says about this person: {score, outcome, missing, reasons, lost} or {failed}."""
    asked = [VariableSpec(variables[name].name, variables[name].type, True, "", "") for name in _names(card, variables)]
    try:
        said = evaluate_once(scorecard.compile_card(card, input_schema(asked)), typed)
    except EvaluationFailed as error:
        return {"failed": str(error)}
    return said | {"ranked": [(code, said["lost"].get(code)) for code in said["reasons"]]}
