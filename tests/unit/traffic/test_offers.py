"""While a person looks again at a refusal, nobody is offered to other platforms."""

import pytest

import review.services
from lending import flow
from lending.models import Application
from lending.services import applications
from tests.conftest import Clock
from tests.factories.applications import judged
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from traffic.models import OfferSearch
from traffic.services import match_offers, release_held

FOUND = "BRIDGE SUNNY"


@pytest.fixture(autouse=True)
def configured(db: None, clock: Clock) -> None:
    configure(clock.at, ("lending", "users", "review", "traffic"))


def searches(user_id: int) -> list[tuple[str, str]]:
    rows = OfferSearch.objects.filter(application__user_id=user_id).order_by("pk")
    return list(rows.values_list("trigger", "result"))


def run(clock: Clock) -> None:
    while flow.run_due(at=clock.at):
        pass


@pytest.fixture
def appealed(clock: Clock) -> int:
    """Declined by the machine, offered around, and then a person is asked."""
    application_id = judged(clock.at, "decline", grade="C")
    run(clock)
    user_id = Application.objects.get(pk=application_id).user_id
    assert searches(user_id) == [("declined", FOUND)]
    applications.appeal(application_id=application_id, reason="please look", by=f"user:{user_id}", at=clock.at)
    run(clock)
    return application_id


class TestAppeal:
    def test_holds_what_another_application_of_the_borrower_would_set_off(self, appealed: int, clock: Clock) -> None:
        user_id = Application.objects.get(pk=appealed).user_id
        other = judged(clock.at, "decline", grade="C", user_id=user_id, product_code="BIZ", purpose="business")
        run(clock)
        assert searches(user_id)[1:] == [("declined", "held")]
        assert release_held(user_id=user_id, at=clock.at) == 0
        applications.decline(application_id=appealed, reasons=["S03"], by="staff:1", at=clock.at)
        run(clock)
        # What was refused again the same day is the same look as before the appeal.
        assert searches(user_id)[1:] == [("declined", "released"), ("declined", FOUND)]
        assert OfferSearch.objects.get(application_id=other, result=FOUND)

    def test_releases_once_and_only_what_still_has_a_meaning(self, appealed: int, clock: Clock) -> None:
        user_id = Application.objects.get(pk=appealed).user_id
        match_offers(application_id=appealed, trigger="declined", at=clock.at)
        match_offers(application_id=appealed, trigger="no_funder", at=clock.at)
        applications.withdraw(application_id=appealed, by=f"user:{user_id}", at=clock.at)
        run(clock)
        assert searches(user_id)[1:] == [("declined", "released"), ("no_funder", "released")]
        assert release_held(user_id=user_id, at=clock.at) == 0

    def test_holds_while_documents_are_awaited_and_of_this_borrower_alone(self, appealed: int, clock: Clock) -> None:
        user_id = Application.objects.get(pk=appealed).user_id
        case = review.services.open_or_resume_case(application_id=appealed, at=clock.at)
        assert case
        application = Application.objects.get(pk=appealed)
        applications.move(application, "ask_supplement", by="staff:1", at=clock.at)
        match_offers(application_id=appealed, trigger="declined", at=clock.at)
        assert searches(user_id)[-1] == ("declined", "held")
        stranger = judged(clock.at, "decline", grade="C", user_id=borrower(clock.at))
        run(clock)
        assert OfferSearch.objects.get(application_id=stranger).result == FOUND
