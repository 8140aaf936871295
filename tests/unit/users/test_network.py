"""Who else is tied to a borrower, found by index and shown masked."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import Clock
from tests.factories.borrowers import IP, borrower, consent, phone
from tests.factories.configuration import configure
from users import queries
from users.models import Contact, Device
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


class TestWeb:
    def test_names_each_shared_thing_and_how_and_only_what_was_asked_for(self, db: None, clock: Clock) -> None:
        configure(clock.at)
        first, second, third = (borrower(clock.at, address="文三路 1 号") for _ in range(3))
        number = queries.account(first).phone
        contacts.replace(user_id=second, contacts=[NewContact("spouse", "王建国", number)], at=clock.at)
        found = queries.web(first)
        assert [(thing.kind, dict(thing.people), thing.more) for thing in found.things] == [
            ("phone", {second: "names it as a contact"}, False),
            ("address", {second: "has it too", third: "has it too"}, False),
        ]
        assert found.things[0].label == f"own {number[:3]}****{number[-4:]}"
        assert set(found.people) == {second, third}
        (theirs,) = queries.web(second, ["phone"]).things
        assert (theirs.label[:6], theirs.people) == ("spouse", ((first, "it is their own number"),))
        assert queries.web(first, ["device", "card"]).things == ()

    def test_costs_the_same_and_stays_small_however_many_share(self, db: None, clock: Clock) -> None:
        configure(clock.at)
        people = [borrower(clock.at) for _ in range(6)]
        for user_id in people:
            consent_id = consent(user_id, "device", clock.at)
            for fingerprint in ("a" * 64, "b" * 64):
                seen = {"platform": "web", "ip": IP, "consent_id": consent_id}
                seen |= {"first_seen_at": clock.at, "last_seen_at": clock.at}
                Device.objects.create(user_id=user_id, fingerprint=fingerprint, fingerprint_index=fingerprint, **seen)
        with CaptureQueriesContext(connection) as few:
            queries.web(people[0], ["device"], each=1)
        with CaptureQueriesContext(connection) as many:
            found = queries.web(people[0], ["device"], each=4, at_most=3)
        assert len(many) == len(few)
        assert [(len(thing.people), thing.more) for thing in found.things] == [(3, True), (3, True)]
        assert len(found.people) == 3
        assert all("LIMIT" in query["sql"] for query in many if '"fingerprint_index" =' in query["sql"])


class TestPhonePlace:
    def test_is_the_province_and_city_the_number_was_given_out_for(self) -> None:
        assert queries.phone_place("13912345678") == "江苏省常州市"
