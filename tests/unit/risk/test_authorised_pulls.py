"""The operator's report is asked for with the borrower's own authorisation, or not at all."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from risk import queries, services
from risk.models import AssessmentState, DataPull, Decision, PullState
from risk.queries import lineage
from tests.factories.applications import submitted
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply, assessment
from users.models import Notice, OperatorAuthorisation


def run(assessment_id: int, at: datetime) -> Any:
    services.run_assessment(assessment_id=assessment_id, now=at)
    return assessment(assessment_id)


def used(user_id: int) -> dict[str, str]:
    return {use.source: use.state for use in reversed(queries.data_used(user_id))}


def token_of(user_id: int) -> OperatorAuthorisation:
    return OperatorAuthorisation.objects.get(user_id=user_id)


def test_is_sent_the_token(apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
    done = run(apply(3), at)
    (call,) = sandbox.calls("operator")
    assert call["body"]["authorisation"] == token_of(done.user_id).token
    assert all("authorisation" not in each["body"] for each in sandbox.calls("multi_lender"))
    assert (done.skipped.get("operator"), used(done.user_id)["operator"]) == (None, "answered")


@pytest.mark.parametrize("how", ["never given", "run out"])
def test_without_one_its_variables_are_unknown(apply: Apply, at: datetime, sandbox: SandboxClient, how: str) -> None:
    assessment_id = apply(3, without=("authorisation",) if how == "never given" else ())
    if how == "run out":
        OperatorAuthorisation.objects.update(authorised_at=at - timedelta(days=90), valid_until=at)
    done = run(assessment_id, at)
    assert done.state == AssessmentState.DONE
    assert done.skipped["operator"] == "not_authorised"
    assert sandbox.calls("operator") == []
    assert used(done.user_id)["operator"] == "not_authorised"
    assert queries.sources_silent(done.application_id)["operator"] == "not_authorised"
    found = lineage.line(Decision.objects.filter(assessment=done).latest("pk").pk, "work_months")
    assert (found.value, found.state) == (None, "not_authorised")
    assert not Notice.objects.exists()


def test_one_that_the_vendor_takes_no_more_is_over(apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
    assessment_id = apply(3)
    user_id = assessment(assessment_id).user_id
    sandbox.control("operator", force={"3": "token_expired"})
    done = run(assessment_id, at)
    pull = DataPull.objects.get(source_code="operator")
    assert (pull.state, pull.failure.partition(":")[0], pull.price_cents) == (PullState.DEAD, "token_expired", 0)
    row = token_of(user_id)
    assert (row.state, row.why, row.token) == ("expired", "not_taken", None)
    assert done.state == AssessmentState.DONE
    assert used(user_id)["operator"] == "not_authorised"
    assert not Notice.objects.exists(), "nothing is out of order"


def test_an_earlier_answer_needs_no_new_one(apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
    first = run(apply(4), at)
    application = first.application
    application.reapply_at = at
    application.save(update_fields=["reapply_at"])
    later = at + timedelta(days=8)
    OperatorAuthorisation.objects.update(valid_until=at + timedelta(days=1))
    again = submitted(later, user_id=first.user_id, product_code="LINE", amount_cents=1_000_000, months=12)
    second = run(services.start_assessment(application_id=again, at=later), later)
    assert "operator" not in second.skipped
    assert DataPull.objects.get(assessment=second, source_code="operator").reused_from_id
    assert len(sandbox.calls("operator")) == 1
