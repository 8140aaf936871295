"""Outage drills: what each met, and the button that stops one. They are started at the source."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending import overview
from lending.admin.navigation import may_view
from lending.common import clock
from lending.common.acting import Act, ActingAdmin
from lending.common.admin import instant, state_badge
from lending.common.composed import ComposedPage
from lending.common.shown import badge
from users.models import Drill
from users.services import drills

MODES = {"dead": "red", "slow": "amber", "wrong": "amber"}
PULLS = {"pending": "amber", "answered": "green", "dead": "red", "passed": "green", "failed": "grey"}
OUTCOMES = {"approve": "green", "refer": "amber", "decline": "red"}
SEVERITIES = {"critical": "red", "warning": "amber", "info": "teal"}


@admin.register(Drill)
class DrillAdmin(ComposedPage, ActingAdmin):
    list_display = ("pk", "source", "badge", "state", "began", "ends", "ended", "reason")
    list_filter = ("mode", "source")
    list_select_related = ("source",)
    change_form_outer_before_template = "lending/office/drill.html"
    badge = state_badge("mode", MODES, "it seems")
    began = instant("started_at", "began")
    ends = instant("until", "until")
    ended = instant("ended_at", "ended")
    acts = {
        "stop": Act(
            title="Stop the drill",
            question="Why is it stopped before its time?",
            done="stopped",
            permission=drills.MAY_RUN,
            perform=lambda pk, **why: drills.stop(drill_id=pk, **why),
            can=lambda drill: _runs(drill),
            icon="stop_circle",
        )
    }

    @admin.display(description="state")
    def state(self, drill: Drill) -> SafeString:
        return badge("red", "running") if _runs(drill) else badge("grey", "over")

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        page = overview.drill_page(pk, may=lambda label: may_view(label, request), at=clock.now())
        states = {"mode": MODES, "pull": PULLS, "outcome": OUTCOMES, "severity": SEVERITIES}
        return {"page": page, "states": states, "title": f"Drill of {page.drill.source_code}"}


def _runs(drill: Drill) -> bool:
    return drill.ended_at is None and clock.now() < drill.until
