"""An outage drill of a data source: the assessment takes the path of the outage, and pays for no call."""

from datetime import datetime, timedelta

import pytest

from lending import overview
from risk import services
from risk.models import DataPull
from tests.conftest import Clock
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply, assessment
from users.models import Source
from users.services import drills


def drilled(code: str, mode: str, at: datetime) -> int:
    Source.objects.filter(code=code).update(timeout_ms=50, pause_ms=1)
    source_id = Source.objects.get(code=code).pk
    return drills.start(source_id=source_id, mode=mode, minutes=5, by="system", reason="as planned", at=at)


@pytest.mark.parametrize("mode", ["dead", "slow", "wrong"])
def test_the_fallback_answers_and_the_page_shows_it(
    apply: Apply, at: datetime, sandbox: SandboxClient, mode: str
) -> None:
    drill_id = drilled("bureau", mode, at)
    assessment_id = apply(3)
    services.run_assessment(assessment_id=assessment_id, now=at)
    done = assessment(assessment_id)
    assert (done.state, done.outcome, sandbox.calls("bureau")) == ("done", "approve", [])
    pull = DataPull.objects.get(assessment=done, source_code="bureau")
    assert (pull.state, pull.price_cents, "drill" in pull.failure) == ("dead", 0, True)
    assert (pull.quarantined, pull.payload is not None) == (mode == "wrong", mode == "wrong")
    page = overview.drill_page(drill_id, may=lambda label: True, at=at + timedelta(minutes=1))
    assert page.met is not None
    assert [(row.fallback, row.fallback_state, row.outcome) for row in page.met] == [
        ("bureau_b", "answered", "approve")
    ]
    assert (page.counted, page.minutes_left) == ((("answered by bureau_b", 1),), 4)
    assert page.notices is not None
    told = "answer_quarantined" if mode == "wrong" else "source_dead"
    assert {"drill_running", told} <= {row.kind for row in page.notices}
    hidden = overview.drill_page(drill_id, may=lambda label: False, at=at)
    assert (hidden.met, hidden.checks, hidden.notices) == (None, None, None)


def test_without_a_fallback_its_variables_are_unknown_until_it_is_over(
    apply: Apply, clock: Clock, sandbox: SandboxClient
) -> None:
    drilled("bankflow", "dead", clock.at)
    first, second = apply(3), apply(11)
    for assessment_id in (first, second):
        services.run_assessment(assessment_id=assessment_id, now=clock.at)
        clock.move(minutes=5)
    found = dict(DataPull.objects.filter(source_code="bankflow").values_list("assessment_id", "state"))
    assert found == {first: "dead", second: "answered"}
