"""Faces that a person compares: two pictures side by side for a reason, then what they show, for another."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.admin.certificates import shown_file
from lending.admin.people import CustomerSearch, customer
from lending.common.acting import Act, ActingAdmin
from lending.common.admin import state_badge
from lending.common.revealing import Revealing
from users import queries
from users.models import Certificate, FaceReview
from users.services import access, face_reviews

COLOURS = {"waiting": "amber", "passed": "green", "refused": "red", "replaced": "grey"}


def _picture(name: str) -> Callable[[FaceReview], SafeString | str]:
    def shown(row: FaceReview) -> SafeString | str:
        picture: Certificate = getattr(row, name)
        return shown_file(picture)

    return shown


def _act(same: bool, title: str, icon: str) -> Act:
    return Act(
        title=title,
        question="What do the two pictures show?",
        done="said so; the borrower is told",
        permission=face_reviews.MAY_COMPARE,
        perform=lambda pk, **why: face_reviews.decide(review_id=pk, same=same, **why),
        can=lambda row: row.state == "waiting",
        icon=icon,
    )


@admin.register(FaceReview)
class FaceReviewAdmin(CustomerSearch, Revealing, ActingAdmin):
    """Whoever says so has looked at both pictures before: the service holds them to it."""

    large = True
    ordering = ("-pk",)
    list_display = ("customer", "badge", "asked_at", "decided_at", "decided_by")
    list_filter = ("state", "asked_at")
    list_select_related = ("user",)
    fields = ("customer", "badge", "asked_at", "machine", "decided_at", "decided_by")
    readonly_fields = ("customer", "badge", "machine")
    customer = customer()
    badge = state_badge("state", COLOURS, "state")
    recorder = face_reviews.record_look
    refusal_recorder = access.record_refusal
    revealed: Mapping[str, Any] = {"ID_card": _picture("front"), "portrait": _picture("portrait")}
    acts = {
        "same": _act(True, "The same person", "how_to_reg"),
        "other": _act(False, "Not the same person", "person_off"),
    }

    def has_reveal_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return super().has_reveal_permission(request, object_id) and request.user.has_perm(face_reviews.MAY_COMPARE)

    @admin.display(description="What the face check service said lately")
    def machine(self, row: FaceReview) -> str:
        said = [
            f"{check.state} {check.reason}".strip() for check in queries.checks(row.user_id) if check.kind == "face"
        ]
        return ", ".join(said) or "It was not asked."
