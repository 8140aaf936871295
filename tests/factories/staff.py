"""People behind the desk, as actors."""

from datetime import datetime

from users.services import accounts


def officer(at: datetime) -> str:
    """ "staff:<id>" of somebody who may do everything; the same one each time."""
    user_id = accounts.make_staff(username="officer", password="long enough for anybody", is_superuser=True, at=at)
    return f"staff:{user_id}"
