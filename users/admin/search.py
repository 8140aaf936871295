"""Finding people without reading their data: a whole phone, ID or card number is looked up by its blind index."""

from typing import Any

from django.db.models import Q

from lending.common.admin import ExactSearch, begins_with
from users import queries
from users.models import User


class PersonSearch(ExactSearch):
    """`person_prefix`: the path from the row to its user, "" on the user itself."""

    person_prefix = "user__"
    search_help_text: Any = "Whole phone number, ID number, card number or public id; a whole staff user name"

    def found(self, term: str) -> Q:
        user = self.person_prefix
        return (
            Q(**{f"{user}pk__in": User.objects.filter(username=term).values_list("pk", flat=True)})
            | Q(**{f"{user}pk__in": queries.people_with_number(term)})
            | begins_with(f"{user}public_id", term)
        )
