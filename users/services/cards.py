"""Bank cards: added, checked by the four elements, confirmed with a code that the bank's phone received."""

from datetime import datetime

from lending.common.crypto import blind_index
from lending.common.errors import Conflict
from users import queries
from users.models import BankCard, CardState, CheckKind, CodePurpose, User
from users.rules import identity
from users.services import checks, codes

AT_MOST = 5
LIVE = (CardState.ADDED, CardState.CHECKED, CardState.CONFIRMED)


class TooManyCards(Conflict):
    code, title = "too_many_cards", "Remove a card before adding another"


class CardNotWaiting(Conflict):
    code, title = "card_not_waiting", "This card is not waiting for a code"


def add(*, user_id: int, number: str, phone: str, at: datetime) -> int:
    """The id of the card, whose four-element check is now under way; the code follows by message once it passes.

    `phone`: the one the bank knows. The holder is the borrower. The same card again asks again where nobody
    answered before. Raises InvalidCardNumber, InvalidPhone, TooManyCards, and what `checks.request` raises.
    """
    User.objects.select_for_update().get(pk=user_id)
    number, phone = identity.card_number(number), identity.phone(phone)
    index = blind_index(number, "card")
    live = BankCard.objects.filter(user_id=user_id, state__in=LIVE)
    card = live.filter(number_index=index).first()
    if card is None:
        if live.count() >= AT_MOST:
            raise TooManyCards(at_most=AT_MOST)
        card = BankCard.objects.create(
            user_id=user_id,
            holder=queries.person(user_id).name,
            number=number,
            number_index=index,
            last4=number[-4:],
            phone=phone,
            created_at=at,
        )
    if card.state == CardState.ADDED:
        checks.request(user_id=user_id, kind=CheckKind.CARD4, card_id=card.pk, at=at)
    return card.pk


def confirm(*, user_id: int, card_id: int, code: str, at: datetime) -> None:
    """Raises NotFound, CardNotWaiting, WrongCode, TooManyTries."""
    view = queries.card(user_id, card_id)
    card = BankCard.objects.select_for_update().get(pk=view.id)
    if card.state != CardState.CHECKED:
        raise CardNotWaiting(state=card.state)
    codes.verify_code(phone=card.phone, purpose=CodePurpose.CARD, subject=str(card.public_id), code=code, at=at)
    card.confirmed()
    card.confirmed_at = at
    card.save(update_fields=["state", "confirmed_at"])


def remove(*, user_id: int, card_id: int) -> None:
    """The card is no longer offered; loans that used it keep pointing at it. Raises NotFound, CardNotWaiting."""
    view = queries.card(user_id, card_id)
    card = BankCard.objects.select_for_update().get(pk=view.id)
    if card.state not in LIVE:
        raise CardNotWaiting(state=card.state)
    card.removed()
    card.save(update_fields=["state"])
