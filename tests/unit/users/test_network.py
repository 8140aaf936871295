"""Who else is tied to a borrower, found by index and shown masked."""

from tests.conftest import Clock
from tests.factories.borrowers import borrower, phone
from tests.factories.configuration import configure
from users import queries
from users.models import Contact
from users.services import contacts
from users.services.contacts import NewContact


def ties(user_id: int, at_most: int = 10) -> dict[str, list[int] | None]:
    found = queries.network(user_id, at_most=at_most)
    return {tie.kind: [other.user_id for other in tie.people] if tie.known else None for tie in found}


class TestNetwork:
    def test_finds_shared_contacts_and_contacts_who_are_borrowers_both_ways(self, db: None, clock: Clock) -> None:
        configure(clock.at)
        first, second, third = (borrower(clock.at) for _ in range(3))
        number = queries.account(first).phone
        shared = NewContact("friend", "赵六", phone(99_000_001))
        contacts.replace(user_id=second, contacts=[shared, NewContact("spouse", "王建国", number)], at=clock.at)
        contacts.replace(user_id=third, contacts=[shared], at=clock.at)
        assert ties(first) == {
            "device": None,
            "card": None,
            "contact": [],
            "address": None,
            "named_by": [second],
            "names": [],
        }
        assert (ties(second)["contact"], ties(second)["names"]) == ([third], [first])
        Contact.objects.filter(user_id=third).delete()
        assert (ties(second)["contact"], ties(third)["contact"]) == ([], None)

    def test_is_masked_and_says_where_there_are_more(self, db: None, clock: Clock) -> None:
        configure(clock.at)
        people = [borrower(clock.at) for _ in range(4)]
        one = NewContact("friend", "赵六", phone(99_000_002))
        for user_id in people:
            contacts.replace(user_id=user_id, contacts=[one], at=clock.at)
        tie = next(row for row in queries.network(people[0], at_most=2) if row.kind == "contact")
        assert (len(tie.people), tie.more) == (2, True)
        for other in tie.people:
            assert (other.name, "****" in other.phone) == ("王**", True)


class TestPhonePlace:
    def test_is_the_province_and_city_the_number_was_given_out_for(self) -> None:
        assert queries.phone_place("13912345678") == "江苏省常州市"
