"""Authorisations at phone operators, as they stand; none is made or ended here."""

from django.contrib import admin

from lending.common.admin import ReadOnlyAdmin, state_badge
from users.admin.search import PersonSearch
from users.models import OperatorAuthorisation

COLOURS = {
    "started": "teal",
    "code_sent": "amber",
    "redirected": "amber",
    "authorised": "green",
    "expired": "grey",
    "refused": "red",
}


@admin.register(OperatorAuthorisation)
class OperatorAuthorisationAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("user", "badge", "why", "carrier", "created_at", "valid_until", "ended_at")
    list_filter = ("state", "why", "carrier")
    list_select_related = ("user",)
    raw_id_fields = ("consent",)
    readonly_fields = ("badge",)
    fields = (
        *("user", "badge", "why", "carrier", "tries", "recipient", "consent"),
        *("created_at", "authorised_at", "valid_until", "ended_at", "attempts", "key"),
    )

    badge = state_badge("state", COLOURS, "state")
