"""Finding people without reading their data: a whole phone, ID or card number is looked up by its blind index."""

from typing import Any
from uuid import UUID

from django.contrib.admin.options import ModelAdmin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from lending.common.crypto import blind_index
from lending.common.errors import Invalid
from users.rules import identity


class PersonSearch(ModelAdmin):
    """`person_prefix`: the path from the row to its user, "" on the user itself."""

    person_prefix = "user__"
    search_fields = ("pk",)  # shows the field; the search is below
    search_help_text = "Whole phone number, ID number, card number or public id; part of a staff user name"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(self._found(term)).distinct() if term else queryset), False

    def _found(self, term: str) -> Q:
        user = self.person_prefix
        found = Q(**{f"{user}username__icontains": term})
        for read, purpose, column in (
            (identity.phone, "phone", "phone_index"),
            (identity.id_number, "id_number", "profile__id_index"),
            (identity.card_number, "card", "bank_cards__number_index"),
        ):
            try:
                found |= Q(**{f"{user}{column}": blind_index(read(term), purpose)})
            except Invalid:
                continue  # not a number of this kind
        try:
            found |= Q(**{f"{user}public_id": UUID(term)})
        except ValueError:
            return found
        return found
