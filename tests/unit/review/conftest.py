"""A desk with the demo staff, and cases brought to a state by the services of the desk."""

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client

from review import queries, services
from review.models import Case
from review.services import configuration
from tests.conftest import Clock
from tests.factories.applications import judged
from tests.factories.configuration import configure
from tests.factories.snapshot import loaded
from users.services import accounts

STAFF = {
    "initial.chen": ["initial_reviewer"],
    "initial.wu": ["initial_reviewer"],
    "senior.zhao": ["final_reviewer"],
    "lead.sun": ["lead"],
    "manager.qian": ["credit_manager"],
    "analyst.lin": ["analyst"],
}


def set_up(at: datetime) -> dict[str, int]:
    """Load the configuration and hire the staff; short name -> user id."""
    return dict(loaded(("desk", at), lambda: _set_up(at)))


def _set_up(at: datetime) -> dict[str, int]:
    configure(at)
    staff = {
        username.split(".")[1]: accounts.make_staff(
            username=username, password="a long passphrase", full_name=username, groups=groups, at=at
        )
        for username, groups in STAFF.items()
    }
    configuration.load(at=at)
    return staff


@pytest.fixture
def staff(db: None, clock: Clock) -> dict[str, int]:
    return set_up(clock.at)


SignIn = Callable[[str], Client]


class Desk:
    """Short names for what the tests do over and over. Every call goes through the services, at the clock's time."""

    def __init__(self, staff: dict[str, int], clock: Clock) -> None:
        self.staff, self.clock = staff, clock
        self.prepares = True  # what a claimed case needs before a recommendation is not what most tests are about

    def open(self, **verdict: Any) -> int:
        """A referred application in front of people: grade C, 10,000 yuan, so R1 + R2 unless told otherwise."""
        application_id = judged(self.clock.at, "refer", **({"grade": "C"} | verdict))
        return services.open_or_resume_case(application_id=application_id, at=self.clock.at)

    def claim(self, who: str, queue: str | None = None) -> int | None:
        case_id = services.claim_next(by_id=self.staff[who], at=self.clock.at, queue=queue)
        if case_id is not None and self.prepares:
            self.prepare(case_id, who)
        return case_id

    def prepare(self, case_id: int, who: str) -> None:
        keys = [line.key for line in queries.checklist(case_id).lines]
        self.act("checklist.mark", case_id, who, keys=keys)
        if self.view(case_id).queue == "CALL":
            self.act("phone.except_from", case_id, who, reasons=["E01"])

    def act(self, name: str, case_id: int, who: str, **values: Any) -> Any:
        service: Callable[..., Any] = attrgetter(name)(services)
        with transaction.atomic():  # as a door does: a refusal leaves nothing behind
            return service(case_id=case_id, by_id=self.staff[who], at=self.clock.at, **values)

    def recommend(self, case_id: int, who: str, outcome: str = "approve", reasons: tuple[str, ...] = ("V01",)) -> None:
        self.act("recommend", case_id, who, outcome=outcome, reasons=reasons)

    def decide(
        self, case_id: int, who: str, outcome: str = "approve", reasons: tuple[str, ...] = ("V01",), **values: Any
    ) -> None:
        self.act("decide", case_id, who, outcome=outcome, reasons=reasons, **values)

    def at_final(self, who: str = "chen", **verdict: Any) -> int:
        """Recommended by `who`, waiting for the final reviewer."""
        case_id = self.open(**verdict)
        assert self.claim(who, self.view(case_id).queue) == case_id
        self.recommend(case_id, who)
        return case_id

    def in_final(self, who: str = "zhao", initial: str = "chen", **verdict: Any) -> int:
        case_id = self.at_final(initial, **verdict)
        assert self.claim(who, self.view(case_id).queue) == case_id
        return case_id

    def row(self, case_id: int) -> Case:
        return Case.objects.select_related("application", "queue").get(pk=case_id)

    def view(self, case_id: int) -> queries.CaseView:
        found = queries.case(case_id)
        assert found is not None
        return found

    def application(self, case_id: int) -> Any:
        return self.row(case_id).application


@pytest.fixture
def desk(staff: dict[str, int], clock: Clock) -> Desk:
    return Desk(staff, clock)


@pytest.fixture
def sign_in(desk: Desk) -> SignIn:
    """A browser of one of the staff, by short name."""

    def start(who: str) -> Client:
        client = Client()
        client.force_login(get_user_model().objects.get(pk=desk.staff[who]))
        return client

    return start
