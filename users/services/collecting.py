"""Whether data from a borrower's own phone may be taken: by the market, and by the borrower."""

from datetime import datetime

from lending.common.errors import Conflict, Forbidden
from users import queries
from users.models import CollectedKind
from users.services import consents


class NotCollectedHere(Forbidden):
    code, title = "not_collected_here", "This is not collected in this market"


class TextNotRead(Conflict):
    code, title = "consent_outdated", "A newer text of this consent is in force; it must be read first"


def allowed(*, user_id: int, kind: str, at: datetime) -> int:
    """The id of the consent it may be taken under: the market allows it, and the borrower has read the very text that
    is in force. Raises NotCollectedHere, ConsentMissing, TextNotRead."""
    state = queries.collection(user_id, at)[kind]
    if not state.is_allowed:
        raise NotCollectedHere(f"{CollectedKind(kind).label} data is not collected here.", kind=kind)
    consent_id = consents.require(user_id=user_id, code=kind, recipient=queries.COLLECTOR, at=at)
    if not state.is_consented:
        raise TextNotRead(f"Version {state.version} is in force.", missing=[kind], version=state.version)
    return consent_id
