"""What an analyst works with: the inputs of a stored decision become values to try, and a case that says the same."""

from datetime import datetime

import pytest
from django.db import transaction

from risk import queries, services
from risk.models import Decision, Release
from risk.services import authoring, drafts
from tests.factories.staff import officer
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply
from users.services import accounts
from users.services.acts import NotAllowed


class TestValuesFor:
    def test_a_stored_decision_gives_its_inputs_and_is_decided_alike(
        self, apply: Apply, at: datetime, sandbox: SandboxClient
    ) -> None:
        services.run_assessment(assessment_id=apply(3), now=at)
        decision = Decision.objects.get(scenario__code="credit", step="credit")
        with transaction.atomic():
            by = officer(at)
            draft = drafts.fork(release_id=Release.objects.get(key="credit").pk, by=by, at=at)
        found = queries.decision(decision.pk)
        values = authoring.values_for(draft_id=draft.pk, decision=str(decision.pk), by=by)
        assert values == authoring.values_for(draft_id=draft.pk, decision=str(decision.public_id), by=by)
        assert values == found.inputs
        expected = {"outcome": found.outcome, "limit_cents": found.limit_cents, "annual_rate": str(found.annual_rate)}
        ran = authoring.run_tests(draft_id=draft.pk, tests=[{"name": "x", "inputs": values, "expect": expected}])
        assert ran.results[0].passed, ran.results

    def test_who_may_not_see_decisions_is_told_nothing_about_them(self, configured: None, at: datetime) -> None:
        with transaction.atomic():
            stranger = accounts.make_staff(username="stranger", password="long enough for anybody", at=at)
            draft = drafts.begin(key="mine", scenario="credit", form="rule_set", title="Mine", by=officer(at), at=at)
        with pytest.raises(NotAllowed):
            authoring.values_for(draft_id=draft.pk, decision="1", by=f"staff:{stranger}")
