"""The people a borrower names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lending.common import bulk, text
from lending.common.crypto import blind_index
from lending.common.errors import Invalid
from users.models import Contact, Relation
from users.rules import identity
from users.services import accounts

AT_MOST = 5


class InvalidContacts(Invalid):
    code, title = "invalid_contacts", "These contacts cannot be saved"


@dataclass(frozen=True)
class NewContact:
    relation: str
    name: str
    phone: str


def replace(*, user_id: int, contacts: Sequence[NewContact], at: datetime) -> None:
    """The given ones, in this order, instead of those before. Raises InvalidPhone, InvalidContacts (none or too
    many, the borrower's own phone, one phone twice, an unknown relation), UnusableText."""
    user = accounts.lock(user_id)
    if not 1 <= len(contacts) <= AT_MOST:
        raise InvalidContacts(f"Name one to {AT_MOST} contacts.")
    text.check_lines({f"{place}.name": contact.name for place, contact in enumerate(contacts)})
    rows = []
    for position, contact in enumerate(contacts, start=1):
        phone = identity.phone(contact.phone, field=f"{position - 1}.phone")
        if contact.relation not in Relation.values:
            raise InvalidContacts(fields={f"{position - 1}.relation": "Not one of the choices."})
        rows.append(
            Contact(
                user_id=user_id,
                position=position,
                relation=contact.relation,
                name=contact.name,
                phone=phone,
                phone_index=blind_index(phone, "phone"),
                created_at=at,
            )
        )
    indexes = [row.phone_index for row in rows]
    if user.phone_index in indexes:
        raise InvalidContacts("Your own phone cannot be a contact's.")
    if len(set(indexes)) < len(indexes):
        raise InvalidContacts("Two contacts have the same phone.")
    Contact.objects.filter(user_id=user_id).delete()
    bulk.insert_rows(rows)
