"""Outages on purpose. A drilled source is not called at all: what is drilled is everything of ours behind the call.

A drill is over at its time whether or not anything runs then; `run_due` only writes it down and closes the notice.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from lending.common.errors import Conflict, Forbidden, Invalid, NotFound
from users.models import Drill, DrillMode, Severity, Source
from users.services import acts, notices

MAY_RUN = "users.run_drill"
MOST_MINUTES = 240
OVER = "The drill is over"


class DrillsNotAllowed(Forbidden):
    code, title = "drills_not_allowed", "This installation does not allow drills"


class DrillRunning(Conflict):
    code, title = "drill_running", "This source is in a drill already"


class NothingToDrill(Conflict):
    code, title = "nothing_to_drill", "This source is not called"


class DrillOver(Conflict):
    code, title = "drill_over", "This drill is over"


def start(*, source_id: int, mode: str, minutes: int, by: str, reason: str, at: datetime) -> int:
    """Let the source seem `mode` (dead, slow, wrong) from now on. Returns the id of the drill.

    Raises DrillsNotAllowed, NotFound, NothingToDrill, DrillRunning, Invalid with its fields, NotAllowed,
    ReasonRequired.
    """
    if not settings.ALLOW_DRILLS:
        raise DrillsNotAllowed("ALLOW_DRILLS is not set.")
    if mode not in DrillMode.values:
        raise Invalid(fields={"mode": "One of dead, slow, wrong."})
    if not 1 <= minutes <= MOST_MINUTES:
        raise Invalid(fields={"minutes": f"From 1 to {MOST_MINUTES}."})
    source = Source.objects.select_for_update(of=("self",)).filter(pk=source_id).first()
    if source is None:
        raise NotFound("There is no such source.")
    if not (source.endpoint and source.enabled):
        raise NothingToDrill(f"{source.code} is {'switched off' if source.endpoint else 'answered inside'}.")
    _end_what_is_over(source, at)
    if Drill.objects.filter(source=source, ended_at=None).exists():
        raise DrillRunning()
    until = at + timedelta(minutes=minutes)
    acts.record(by=by, act="start_drill", subject=_subject(source), reason=reason, at=at, permission=MAY_RUN)
    drill = Drill.objects.create(
        source=source, mode=mode, reason=acts.checked(reason), started_by=by, started_at=at, until=until
    )
    text = f"{source.code} seems {mode} for {minutes} min. {drill.reason}"
    notices.raise_notice(kind="drill_running", subject=f"drill:{drill.pk}", text=text, at=at, severity=Severity.INFO)
    return drill.pk


def stop(*, drill_id: int, by: str, reason: str, at: datetime) -> None:
    """Before its time. Raises NotFound, DrillOver, NotAllowed, ReasonRequired."""
    drill = Drill.objects.select_for_update(of=("self",)).select_related("source").filter(pk=drill_id).first()
    if drill is None:
        raise NotFound("There is no such drill.")
    if drill.ended_at is not None or drill.until <= at:
        raise DrillOver()
    acts.record(by=by, act="stop_drill", subject=_subject(drill.source), reason=reason, at=at, permission=MAY_RUN)
    _end(drill, by, at)


@transaction.atomic(durable=True)
def run_due(*, now: datetime) -> int:
    """Write down that drills are over. Returns how many were."""
    due = list(Drill.objects.select_for_update(skip_locked=True).filter(ended_at=None, until__lte=now))
    for drill in due:
        _end(drill, "system", drill.until)
    return len(due)


def _end_what_is_over(source: Source, at: datetime) -> None:
    for drill in Drill.objects.select_for_update().filter(source=source, ended_at=None, until__lte=at):
        _end(drill, "system", drill.until)


def _end(drill: Drill, by: str, at: datetime) -> None:
    drill.ended_by, drill.ended_at = by, at
    drill.save(update_fields=["ended_by", "ended_at"])
    notices.close_about(kinds=["drill_running"], subject=f"drill:{drill.pk}", reason=OVER, at=at)


def _subject(source: Source) -> str:
    return f"source:{source.code}"
