"""What the tests of services share: the configured platform, and a borrower who may draw."""

from datetime import datetime

import pytest

from tests.conftest import Clock
from tests.factories import loans
from tests.factories.configuration import configure
from tests.factories.loans import Taker


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    """Ten in the morning of a business day on the configured platform."""
    configure(clock.at)
    return clock.at


@pytest.fixture
def who(at: datetime) -> Taker:
    return loans.taker(at)


@pytest.fixture
def grant_id(at: datetime, who: Taker) -> int:
    """An ACTIVE line of 50,000 for up to 24 months at 14.4 %."""
    return loans.granted(at, who)
