"""The log of who looked at whose personal data, and why; and who must not look at all."""

from collections.abc import Callable, Sequence
from datetime import datetime

from users.models import AccessLog
from users.services import acts

Guard = Callable[[str, int], None]
_guards: list[Guard] = []


def guarded_by(guard: Guard) -> None:
    """What an app above holds against a look: called with "staff:<id>" and the borrower's id, raises Forbidden.

    Said once, when that app is loaded; from then on nobody's data is shown past it, whichever page is asked.
    """
    if guard not in _guards:
        _guards.append(guard)


def record(
    *, by: str, subject: str, fields: Sequence[str], reason: str, at: datetime, whose: int | None = None
) -> None:
    """Write before showing. `whose`: the borrower, where the subject ("user:17") does not say so.

    Raises ReasonRequired for fewer than five characters, Forbidden of a guard.
    """
    kind, _, ident = subject.partition(":")
    borrower_id = int(ident) if whose is None and kind == "user" else whose
    if borrower_id is not None and by.startswith("staff:"):
        for guard in _guards:
            guard(by, borrower_id)
    AccessLog.objects.create(by=by, subject=subject, fields=list(fields), reason=acts.checked(reason), at=at)


def record_refusal(
    *, by: str, subject: str, fields: Sequence[str], reason: str, at: datetime, whose: int | None = None
) -> None:
    """Keep that somebody asked who must not see it."""
    acts.record(by=by, act="reveal_refused", subject=subject, reason=f"{', '.join(fields)}: {reason}", at=at)
