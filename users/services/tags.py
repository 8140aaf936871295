"""Short facts put on a borrower, read by later decisions."""

from datetime import datetime

from users.models import Tag


def put(*, user_id: int, tag: str, source: str, expires_at: datetime | None = None, at: datetime) -> None:
    """Put the tag on, or renew it: the latest source and expiry stand."""
    Tag.objects.update_or_create(
        user_id=user_id, tag=tag, defaults={"source": source, "expires_at": expires_at, "put_at": at}
    )


def take_off(*, user_id: int, tag: str) -> bool:
    """False where it was not on."""
    return Tag.objects.filter(user_id=user_id, tag=tag).delete()[0] > 0
