"""Bank cards that a channel adds for its borrower."""

from datetime import datetime
from uuid import UUID

from lending.common.errors import Conflict
from traffic import queries
from traffic.models import ChannelOrder
from traffic.services.agreements import has_agreed
from users import queries as users
from users.models import CodePurpose
from users.services import cards, codes


class NotAgreed(Conflict):
    code, title = "not_agreed", "The borrower has not accepted the agreements of this application"


def add_card(*, channel_code: str, public_id: UUID, number: str, phone: str, at: datetime) -> UUID:
    """The card's id; checked and confirmed as `users.services.cards.add` says. The channel sees it from now on.

    Raises NotFound, NotAgreed, and what that raises.
    """
    application = queries.ordered(channel_code, public_id)
    if not has_agreed(application.user_id, public_id):
        raise NotAgreed("See agreements.")
    card_id = cards.add(user_id=application.user_id, number=number, phone=phone, at=at)
    ChannelOrder.objects.get(application_id=application.id).cards.add(card_id)
    return users.card(application.user_id, card_id).public_id


def confirm_card(*, channel_code: str, card_id: UUID, code: str, ip: str, at: datetime) -> bool:
    """With the code that the bank's phone received; without one another is sent, and False is the answer.

    Raises NotFound, CardNotWaiting, CodeNotAvailable, CodeTooSoon, WrongCode, TooManyTries.
    """
    card = queries.card_of(channel_code, card_id)
    if not code:
        codes.request_code_for(
            user_id=card.user_id, purpose=CodePurpose.CARD, subject=str(card.public_id), ip=ip, at=at
        )
        return False
    cards.confirm(user_id=card.user_id, card_id=card.id, code=code, at=at)
    return True
