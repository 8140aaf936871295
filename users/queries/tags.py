"""Tags: those on a borrower, and those there are."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from lending.common.compiled import compiled
from users.models import Tag, TagKind


@dataclass(frozen=True)
class TagView:
    """`source`: what put it there; `reason`: why, where staff did; `name` is "" for a tag nobody has named."""

    id: int
    tag: str
    name_en: str
    name_zh: str
    source: str
    reason: str
    put_at: datetime
    expires_at: datetime | None
    is_live: bool


@dataclass(frozen=True)
class TagKindView:
    code: str
    name_en: str
    name_zh: str
    days: int


def live_tags(user_id: int, at: datetime) -> tuple[str, ...]:
    """Tags that have not expired, sorted."""
    return tuple(_live(user_id=user_id, at=at))


@compiled
def _live(user_id: int, at: datetime) -> QuerySet[Tag, str]:
    live = Tag.objects.filter(Q(expires_at=None) | Q(expires_at__gt=at), user_id=user_id)
    return live.order_by("tag").values_list("tag", flat=True)


def tags_of(user_id: int, at: datetime) -> tuple[TagView, ...]:
    """Every tag on a borrower, the live ones first."""
    rows = list(Tag.objects.filter(user_id=user_id).order_by("tag"))
    names = {row.code: row for row in TagKind.objects.filter(code__in=[row.tag for row in rows])}
    found = [_view(row, names.get(row.tag), at) for row in rows]
    return tuple(sorted(found, key=lambda row: not row.is_live))


def tags_by_hand() -> tuple[TagKindView, ...]:
    """Those that staff may put on."""
    rows = TagKind.objects.filter(by_hand=True)
    return tuple(TagKindView(row.code, row.name_en, row.name_zh, row.days) for row in rows)


def unknown_tags(codes: Iterable[str]) -> tuple[str, ...]:
    """Those of `codes` that nobody has named, sorted."""
    wanted = set(codes)
    return tuple(sorted(wanted - set(TagKind.objects.filter(code__in=wanted).values_list("code", flat=True))))


def _view(row: Tag, kind: TagKind | None, at: datetime) -> TagView:
    return TagView(
        id=row.pk,
        tag=row.tag,
        name_en=kind.name_en if kind else "",
        name_zh=kind.name_zh if kind else "",
        source=row.source,
        reason=row.reason,
        put_at=row.put_at,
        expires_at=row.expires_at,
        is_live=row.expires_at is None or row.expires_at > at,
    )
