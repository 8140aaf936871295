"""The face before money is taken: a living person, and the one whose name and number were confirmed."""

from datetime import datetime

from lending.common import links
from lending.common.errors import Conflict
from users import queries
from users.models import CheckKind
from users.providers import face
from users.services import checks


class FaceNeeded(Conflict):
    code, title = "face_check_needed", "First show that it is you, before the camera"


def address(*, user_id: int, back: str, return_url: str, at: datetime) -> str:
    """The vendor's page for this borrower, for five minutes. `back`: our page that sent them there."""
    state = links.token(thing=f"face:{back}", reader=f"user:{user_id}", at=at)
    return face.page(queries.source(CheckKind.FACE), return_url=return_url, state=state)


def come_back(*, user_id: int, state: str, liveness: str, at: datetime) -> str:
    """From the vendor's page: the comparison is asked for. Returns `back`. Raises LinkDead where the borrower was not
    sent there by us just now, and what `checks.request` raises.
    """
    back = links.opened(state, reader=f"user:{user_id}", at=at).partition(":")[2]
    checks.request(user_id=user_id, kind=CheckKind.FACE, liveness=liveness, at=at)
    return back


def check_passed(*, user_id: int, at: datetime) -> None:
    """Raises FaceNeeded, where the source is switched on and no comparison holds."""
    if queries.face_needed(user_id, at):
        raise FaceNeeded()
