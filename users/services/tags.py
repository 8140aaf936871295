"""Short facts put on a borrower, read by later decisions and by the routing to funders."""

from datetime import datetime, timedelta

from django.db.models import Q

from lending.common import text
from lending.common.errors import Conflict, Invalid, NotFound
from users.models import Tag, TagKind, User
from users.services import acts
from users.services.lists import ExpiryRequired

MAY_TAG = "users.change_tag"
DAYS = 90  # of a rule's tag that nobody has named


class AlreadyTagged(Conflict):
    code, title = "already_tagged", "This tag is on already, for as long or longer"


def put(*, user_id: int, tag: str, source: str, at: datetime, expires_at: datetime | None = None) -> bool:
    """A rule's tag; without `expires_at` for the days of its kind.

    Of a tag that is on already the one that lasts longer stands: False where that is the old one.
    """
    if expires_at is None:
        days = TagKind.objects.filter(code=tag).values_list("days", flat=True).first() or DAYS
        expires_at = at + timedelta(days=days)
    return _put(Tag(user_id=user_id, tag=tag, source=source[:80], put_at=at, expires_at=expires_at))


def put_by_hand(*, user_id: int, tag: str, reason: str, expires_at: datetime, by: str, at: datetime) -> None:
    """What staff know and no rule does. Raises Invalid (tag), ExpiryRequired, ReasonRequired, NotAllowed, NotFound,
    AlreadyTagged."""
    if not TagKind.objects.filter(code=tag, by_hand=True).exists():
        raise Invalid(fields={"tag": "Not one that staff put on."})
    if expires_at <= at:
        raise ExpiryRequired(fields={"expires_at": "A day to come."})
    text.check_lines({"reason": reason})
    _keep("put_tag", user_id, tag, reason, by, at)
    if not User.objects.filter(pk=user_id, kind="borrower").exists():
        raise NotFound("There is no such borrower.")
    row = Tag(user_id=user_id, tag=tag, source=by, reason=acts.checked(reason), put_at=at, expires_at=expires_at)
    if not _put(row):
        raise AlreadyTagged()


def take_off(*, tag_id: int, reason: str, by: str, at: datetime) -> None:
    """It ends now, whoever put it on; a rule may put it on again. Raises NotFound where it is not on (any more); for
    staff also NotAllowed, ReasonRequired."""
    row = Tag.objects.select_for_update().filter(Q(expires_at=None) | Q(expires_at__gt=at), pk=tag_id).first()
    if row is None:
        raise NotFound("There is no such tag.")
    _keep("take_off_tag", row.user_id, row.tag, reason, by, at)
    row.expires_at = at
    row.save(update_fields=["expires_at"])


def _put(new: Tag) -> bool:
    """In place of the one that is on, unless that one lasts longer."""
    User.objects.select_for_update().get(pk=new.user_id)
    old = Tag.objects.filter(user_id=new.user_id, tag=new.tag).first()
    if old is not None:
        if _lasts(old, new):
            return False
        new.pk = old.pk
    new.save()
    return True


def _lasts(old: Tag, new: Tag) -> bool:
    """Whether the old one is live and ends no sooner than the new one."""
    if old.expires_at is None:
        return True
    return old.expires_at > new.put_at and new.expires_at is not None and old.expires_at >= new.expires_at


def _keep(act: str, user_id: int, tag: str, reason: str, by: str, at: datetime) -> None:
    why = f"{tag}: {acts.checked(reason)}"
    acts.record(by=by, act=act, subject=f"user:{user_id}", reason=why, at=at, permission=MAY_TAG)
