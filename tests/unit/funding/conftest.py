from datetime import datetime

import pytest

from tests.conftest import Clock
from tests.factories.configuration import configure


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    """Ten in the morning of a business day on the configured platform."""
    configure(clock.at, apps=("lending", "users", "funding"))
    return clock.at
