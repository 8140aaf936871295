"""What leads set on a queue: who serves it, whether it is dealt out, which of its cases come first."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from lending.common.errors import Invalid, NotFound
from review.models import Mode, Queue, QueueMember, Reviewer, SavedFilter
from users.services import acts

CHANGE = "review.change_queue"
MOST_FILTERS = 20

# As `rules.priority.rank`, of every open case of a queue at once.
RANK = """
UPDATE review_case SET bonus = %(boost)s + CASE WHEN is_favoured THEN %(level_bonus)s ELSE 0 END,
    rank = round((%(ageing)s * (extract(epoch FROM due_at)
                               - 60 * (%(boost)s + CASE WHEN is_favoured THEN %(level_bonus)s ELSE 0 END))
                  + extract(epoch FROM opened_at)) / (%(ageing)s + 1))
WHERE queue_id = %(queue)s AND status <> 'CLOSED'
"""


def configure(
    *,
    queue_id: int,
    mode: str,
    ageing_minutes: int,
    boost: int,
    level_bonus: int,
    members: Sequence[int],
    reason: str,
    by: str,
    at: datetime,
) -> None:
    """Set all of it. `members`: accounts of reviewers; empty lets everybody with the skill. Raises NotFound,
    Invalid (fields), NotAllowed, ReasonRequired."""
    acts.require(by=by, permission=CHANGE)
    queue = Queue.objects.select_for_update().filter(pk=queue_id).first()
    if queue is None:
        raise NotFound("There is no such queue.")
    _check(mode, ageing_minutes, boost, level_bonus, members)
    before = _told(queue)
    queue.mode, queue.ageing_minutes, queue.boost, queue.level_bonus = mode, ageing_minutes, boost, level_bonus
    queue.save(update_fields=["mode", "ageing_minutes", "boost", "level_bonus"])
    QueueMember.objects.filter(queue=queue).exclude(reviewer__in=members).delete()
    QueueMember.objects.bulk_create(
        [QueueMember(queue=queue, reviewer_id=user_id) for user_id in sorted(set(members))], ignore_conflicts=True
    )
    with connection.cursor() as cursor:
        cursor.execute(RANK, {"queue": queue_id, "boost": boost, "level_bonus": level_bonus, "ageing": ageing_minutes})
    changed = "; ".join(
        f"{name} {old} → {new}" for (name, old), (_, new) in zip(before, _told(queue), strict=True) if old != new
    )
    why = f"{acts.checked(reason)} ({changed or 'nothing changed'})"
    acts.record(by=by, act="configure_queue", subject=f"queue:{queue_id}", reason=why, at=at)


def _check(mode: str, ageing_minutes: int, boost: int, level_bonus: int, members: Sequence[int]) -> None:
    fields = {}
    if mode not in Mode.values:
        fields["mode"] = "claim or dispatch"
    if not 1 <= ageing_minutes <= 600:
        fields["ageing_minutes"] = "1 to 600"
    if not -500 <= boost <= 500:
        fields["boost"] = "-500 to 500"
    if not 0 <= level_bonus <= 500:
        fields["level_bonus"] = "0 to 500"
    if set(members) - set(Reviewer.objects.filter(active=True).values_list("user_id", flat=True)):
        fields["members"] = "reviewers only"
    if fields:
        raise Invalid("Some settings are not possible.", fields=fields)


def _told(queue: Queue) -> tuple[tuple[str, str], ...]:
    names = QueueMember.objects.filter(queue=queue).values_list("reviewer__username", flat=True)
    return (
        ("mode", queue.mode),
        ("ageing", str(queue.ageing_minutes)),
        ("boost", str(queue.boost)),
        ("level bonus", str(queue.level_bonus)),
        ("members", " ".join(sorted(name or "" for name in names)) or "everybody"),
    )


def change_filters(*, by_id: int, name: str, query: str, drop: bool) -> None:
    """Keep a view of the list for oneself, or drop one. Raises Invalid, NotFound."""
    if drop:
        drop_filter(by_id=by_id, name=name)
    else:
        save_filter(by_id=by_id, name=name, query=query)


def save_filter(*, by_id: int, name: str, query: str) -> None:
    """Keep a view of the list for oneself; a name again is that view anew. Raises Invalid."""
    name, query = name.strip(), query.strip().lstrip("?")
    own = SavedFilter.objects.filter(user_id=by_id)
    if not name or len(name) > 40 or not query or len(query) > 400:
        raise Invalid("Give the view a name of at most 40 characters, and filter first.", fields={"name": "1 to 40"})
    if own.exclude(name=name).count() >= MOST_FILTERS:
        raise Invalid(f"At most {MOST_FILTERS} views.", fields={"name": "too many"})
    SavedFilter.objects.update_or_create(user_id=by_id, name=name, defaults={"query": query})


def drop_filter(*, by_id: int, name: str) -> None:
    """Raises NotFound."""
    if not SavedFilter.objects.filter(user_id=by_id, name=name).delete()[0]:
        raise NotFound("There is no such view.")
