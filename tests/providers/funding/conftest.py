from datetime import datetime

import pytest

from funding.providers import base
from tests.conftest import Clock
from tests.factories.configuration import configure


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    """Ten in the morning of a business day on the configured platform."""
    configure(clock.at, apps=("lending", "users", "funding"))
    return clock.at


@pytest.fixture(autouse=True)
def short_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that hangs costs a test half a second."""
    monkeypatch.setattr(base, "TIMEOUT_MS", 500)
