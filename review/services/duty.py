"""Who says that they are at their desk: cases are dealt out to nobody else."""

from datetime import datetime

from review.models import Reviewer
from review.services import gate
from users.services import acts


def go_on(*, by_id: int, at: datetime) -> None:
    """Say that one is there; said twice, the first time counts. Raises NotAReviewer."""
    who = _own(by_id)
    if who.on_duty_since is None:
        _set(who, at, "on_duty", at=at)


def go_off(*, by_id: int, at: datetime) -> None:
    """Nothing more is dealt out to this reviewer; what they hold stays theirs. Raises NotAReviewer."""
    who = _own(by_id)
    if who.on_duty_since is not None:
        _set(who, None, "off_duty", at=at)


def say(*, by_id: int, there: bool, at: datetime) -> None:
    """On duty or off. Raises NotAReviewer."""
    (go_on if there else go_off)(by_id=by_id, at=at)


def left(user_id: int) -> None:
    """A case dealt out to this reviewer lay untouched until its lease ran out."""
    Reviewer.objects.filter(user_id=user_id).update(on_duty_since=None)


def _own(by_id: int) -> Reviewer:
    gate.reviewer(by_id)
    return Reviewer.objects.select_for_update(of=("self",)).get(user_id=by_id)


def _set(who: Reviewer, since: datetime | None, act: str, *, at: datetime) -> None:
    who.on_duty_since = since
    who.save(update_fields=["on_duty_since"])
    acts.record(by=gate.actor(who.user_id), act=act, subject=f"reviewer:{who.pk}", reason=act.replace("_", " "), at=at)
