"""Links to a file that are their reader's alone and die after five minutes."""

from datetime import datetime, timedelta

from django.core import signing

from lending.common.errors import NotFound

LIFETIME = timedelta(minutes=5)
SALT = "lending.links"


class LinkDead(NotFound):
    code, title = "link_dead", "This link no longer works: open the list again"


def token(*, thing: str, reader: str, at: datetime) -> str:
    """What stands in the link: signed, readable by `reader` (for example user:17) for five minutes from `at`."""
    return signing.dumps([thing, reader, int((at + LIFETIME).timestamp())], salt=SALT, compress=False)


def opened(text: str, *, reader: str, at: datetime) -> str:
    """The thing. Raises LinkDead: not signed by us, somebody else's, or too old."""
    try:
        thing, owner, until = signing.loads(text, salt=SALT)
    except signing.BadSignature:
        raise LinkDead() from None
    if owner != reader or at.timestamp() >= until:
        raise LinkDead()
    return str(thing)
