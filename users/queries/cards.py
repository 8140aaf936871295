"""Bank cards."""

from dataclasses import dataclass, field
from uuid import UUID

from lending.common.errors import NotFound
from users.models import BankCard


@dataclass(frozen=True)
class CardView:
    id: int
    public_id: UUID
    user_id: int
    bank: str
    holder: str = field(repr=False)
    number: str = field(repr=False)
    last4: str
    phone: str = field(repr=False)
    state: str


def card(user_id: int | None, card_id: int | UUID) -> CardView:
    """The gate to a card: of this user, or of anybody where `user_id` is None. Raises NotFound."""
    ident = {"public_id": card_id} if isinstance(card_id, UUID) else {"pk": card_id}
    rows = BankCard.objects.filter(**ident)
    row = (rows if user_id is None else rows.filter(user_id=user_id)).first()
    if row is None:
        raise NotFound("There is no such card.")
    return _card_view(row)


def cards(user_id: int) -> tuple[CardView, ...]:
    """Those in use or on the way, newest first."""
    rows = BankCard.objects.filter(user_id=user_id).exclude(state="removed").order_by("-created_at", "-pk")
    return tuple(_card_view(row) for row in rows)


def _card_view(row: BankCard) -> CardView:
    return CardView(
        id=row.pk,
        public_id=row.public_id,
        user_id=row.user_id,
        bank=row.bank,
        holder=row.holder,
        number=row.number,
        last4=row.last4,
        phone=row.phone,
        state=row.state,
    )
