"""Whose row it is: a masked column, and search by a whole phone, ID or card number."""

from typing import Any

from django.db.models import Q

from lending.common.admin import ExactSearch, linked
from lending.common.crypto import mask_phone
from lending.models import Customer
from users import queries as users


class CustomerSearch(ExactSearch):
    """`search_customer`: the path from the row to its borrower."""

    search_customer = "user"
    search_help_text: Any = "The first characters of a public id, or a whole phone, ID or card number"

    def found(self, term: str) -> Q:
        return super().found(term) | Q(**{f"{self.search_customer}__in": users.people_with_number(term)})


def customer(path: str = "user") -> Any:
    """A link to the customer's page, written as the masked phone; `path` is selected along by the list."""
    return linked(path, "customer", lambda user: mask_phone(user.phone or ""), page=Customer)
