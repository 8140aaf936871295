"""What staff did and looked at, and what they were told to look at."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from lending.common.logs import redact
from users.models import AccessLog, Amendment, Message, Notice, StaffAct
from users.queries.people import actor_names
from users.rules import notices as rules


@dataclass(frozen=True)
class ActView:
    """`who`: the actor's name; `subject`: for example notice:17."""

    act: str
    who: str
    subject: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class AmendmentView:
    """A value of a register that somebody changed."""

    field: str
    before: str
    after: str
    who: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class AccessView:
    who: str
    fields: tuple[str, ...]
    reason: str
    at: datetime


@dataclass(frozen=True)
class OpenNotices:
    """The open ones of a severity."""

    severity: str
    count: int
    oldest_at: datetime


@dataclass(frozen=True)
class MessagesSent:
    """How many text messages went out to a borrower, and when the latest did."""

    count: int
    latest_at: datetime | None


@dataclass(frozen=True)
class MessageView:
    """`text` without numbers that could be a person's; "" where the message carried a code."""

    template: str
    state: str
    text: str
    failure: str
    created_at: datetime
    done_at: datetime | None


def messages_of(user_id: int, limit: int = 50) -> tuple[MessageView, ...]:
    """What this borrower was told, newest first."""
    return tuple(
        MessageView(
            row.template,
            str(row.state),
            redact(row.text) if row.valid_until is None else "",  # only codes run out
            row.failure,
            row.created_at,
            row.done_at,
        )
        for row in Message.objects.filter(user_id=user_id).order_by("-pk")[:limit]
    )


def messages_sent(user_id: int) -> MessagesSent:
    """What the gateway took; one that is still queued gave it nothing."""
    sent = Message.objects.filter(user_id=user_id, state="sent").aggregate(count=Count("pk"), latest=Max("done_at"))
    return MessagesSent(sent["count"], sent["latest"])


def acts_of(subjects: Iterable[str], limit: int = 100) -> tuple[ActView, ...]:
    """What staff did to these subjects, newest first."""
    return _acts(list(StaffAct.objects.filter(subject__in=list(subjects))[:limit]))


def amendments_of(subject: str, limit: int = 100) -> tuple[AmendmentView, ...]:
    """What was changed of it, newest first."""
    rows = list(Amendment.objects.filter(subject=subject)[:limit])
    names = actor_names(row.by for row in rows)
    return tuple(AmendmentView(row.field, row.before, row.after, names[row.by], row.reason, row.at) for row in rows)


def latest_acts(limit: int) -> tuple[ActView, ...]:
    return _acts(list(StaffAct.objects.all()[:limit]))


def _acts(rows: Sequence[StaffAct]) -> tuple[ActView, ...]:
    names = actor_names(row.by for row in rows)
    return tuple(ActView(row.act.replace("_", " "), names[row.by], row.subject, row.reason, row.at) for row in rows)


def accesses_of(subject: str, limit: int = 50) -> tuple[AccessView, ...]:
    """Who looked at the personal data of this subject, newest first."""
    rows = list(AccessLog.objects.filter(subject=subject)[:limit])
    names = actor_names(row.by for row in rows)
    return tuple(AccessView(names[row.by], tuple(row.fields), row.reason, row.at) for row in rows)


def kinds_hidden(may: Callable[[str], bool]) -> list[str]:
    """The kinds of notices about tables that somebody may not view; `may` answers for a permission."""
    return [code for code, kind in rules.KINDS.items() if not may(_view(kind.model))]


@dataclass(frozen=True)
class NoticeView:
    """A notice about something. `times`: how often it was raised while open."""

    id: int
    kind: str
    title: str
    text: str
    severity: str
    times: int
    raised_at: datetime
    last_at: datetime
    closed_at: datetime | None


def notices_about(subjects: Iterable[str], *, since: datetime) -> tuple[NoticeView, ...]:
    """Raised, or raised once more, since then; the latest first."""
    rows = Notice.objects.filter(subject__in=list(subjects), last_at__gte=since).order_by("-last_at", "-pk")
    return tuple(
        NoticeView(
            *(row.pk, row.kind, rules.kind(row.kind).title, row.text, row.severity),
            *(row.times, row.raised_at, row.last_at, row.closed_at),
        )
        for row in rows[:50]
    )


def open_notices(may: Callable[[str], bool]) -> tuple[OpenNotices, ...]:
    """Of the kinds that somebody may see, the worst severity first."""
    rows = Notice.objects.filter(closed_at=None).exclude(kind__in=kinds_hidden(may)).order_by()
    counted = rows.values("severity").annotate(n=Count("pk"), oldest=Min("raised_at"))
    found = {row["severity"]: OpenNotices(row["severity"], row["n"], row["oldest"]) for row in counted}
    return tuple(found[severity] for severity in ("critical", "warning", "info") if severity in found)


def _view(label: str) -> str:
    app, model = label.lower().split(".")
    return f"{app}.view_{model}"
