"""The borrower's authorisation at the phone operator, from a channel's app: the code is the carrier's, not ours."""

from datetime import datetime
from uuid import UUID

from traffic import queries
from users import queries as users
from users.services import operator
from users.services.consents import ConsentMissing

CONSENT, RECIPIENT = "operator", "operator_vendor"


def begin_operator(*, channel_code: str, public_id: UUID, at: datetime) -> None:
    """Once more, where the first did not work. Raises NotFound, ConsentMissing, and what `operator.start` raises."""
    operator.start(user_id=_agreed(channel_code, public_id, at), at=at)


def confirm_operator(*, channel_code: str, public_id: UUID, code: str, at: datetime) -> None:
    """Raises NotFound, ConsentMissing, NoCodeAwaited, CodeBeingChecked."""
    operator.confirm_code(user_id=_agreed(channel_code, public_id, at), code=code, at=at)


def _agreed(channel_code: str, public_id: UUID, at: datetime) -> int:
    """The borrower, who has consented for this order."""
    user_id, context = queries.ordered(channel_code, public_id).user_id, queries.consent_context(public_id)
    if users.live_consent_naming(user_id, CONSENT, (RECIPIENT,), at, context=context) is None:
        raise ConsentMissing(f"Read and accept first: {CONSENT}.", missing=[CONSENT])
    return user_id
