"""What workers do for users. Every task may run twice or late; `sweep` is the guarantee, the others are nudges."""

from celery import shared_task

from lending.common import clock
from users.services import auth, checks, drills, messages, operator, retention


@shared_task
def send_message(*, message_id: int, **_: object) -> None:
    messages.run_message(message_id=message_id, now=clock.now())


@shared_task
def run_check(*, check_id: int, **_: object) -> None:
    checks.run_check(check_id=check_id, now=clock.now())


@shared_task
def purge(**_: object) -> int:
    """Replies and counts whose time is over. Returns how many."""
    return retention.run_retention(now=clock.now())


@shared_task
def run_operator(*, authorisation_id: int, **_: object) -> None:
    operator.run(authorisation_id=authorisation_id, now=clock.now())


@shared_task
def sweep(**_: object) -> int:
    """Returns how many rows were due."""
    now = clock.now()
    auth.forget_expired(at=now)
    drills.run_due(now=now)
    return messages.run_due(now=now) + checks.run_due(now=now) + operator.run_due(now=now)
