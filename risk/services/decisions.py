"""Evaluating a release over an assessment's values, keeping the decision, and replaying it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending.common.errors import NotFound, Unavailable
from risk.models import Assessment, Binding, Decision
from risk.rules import engine
from risk.rules.document import ENGINE, canonical
from risk.rules.verdict import Verdict, read_verdict
from risk.services import releases


class NothingInForce(Unavailable):
    code, title = "nothing_in_force", "No release serves this scenario"


@dataclass(frozen=True)
class Replay:
    """`same`: the stored output and the new one are the same bytes. `trace` is the engine's, where it was asked for."""

    decision_id: int
    same: bool
    stored: str
    replayed: str
    engine_stored: str
    engine_now: str
    trace: Mapping[str, Any] | None


def decide(
    *,
    assessment: Assessment,
    scenario: str,
    step: str,
    role: str,
    values: Mapping[str, Any],
    product_code: str,
    channel_code: str,
    spend_cents: int,
    at: datetime,
) -> Decision:
    """The decision of this step: the stored one, else a new one over the scenario's inputs. Locks the assessment.

    Raises NothingInForce, EvaluationFailed (an input of the wrong type) or NotAVerdict.
    """
    Assessment.objects.select_for_update().get(pk=assessment.pk)
    stored = Decision.objects.filter(assessment=assessment, step=step).first()
    if stored is not None:
        return stored
    binding = releases.in_force(
        scenario=scenario, role=role, product_code=product_code, channel_code=channel_code, at=at
    )
    if binding is None:
        raise NothingInForce(f"Nothing is bound to {scenario} ({role}).", scenario=scenario)
    inputs = {name: values.get(name) for name in binding.scenario.inputs}
    address = releases.address(binding.release)
    started = time.perf_counter_ns()
    output = engine.evaluate(address, inputs)
    latency_us = (time.perf_counter_ns() - started) // 1000
    verdict = read_verdict(output)
    return Decision.objects.create(
        assessment=assessment,
        scenario=binding.scenario,
        step=step,
        release=binding.release,
        engine=ENGINE,
        as_of_date=assessment.as_of_date,
        inputs=canonical(inputs),
        output=canonical(output),
        outcome=verdict.outcome,
        grade=verdict.grade,
        score=verdict.score,
        limit_cents=verdict.limit_cents,
        annual_rate=verdict.annual_rate,
        reasons=list(verdict.reasons),
        tags=list(verdict.tags),
        hits=list(verdict.hits),
        spend_cents=spend_cents,
        latency_us=latency_us,
        decided_at=at,
    )


def knock_out_in_force(scenario: str, product_code: str, channel_code: str, at: datetime) -> bool:
    """Whether something stops the dearer stages of the scenario."""
    found = releases.in_force(
        scenario=scenario,
        role=Binding.Role.KNOCK_OUT,
        product_code=product_code,
        channel_code=channel_code,
        at=at,
    )
    return found is not None


def verdict_of(row: Decision) -> Verdict:
    return read_verdict(json.loads(row.output))


def replay(*, decision_id: int, trace: bool = False) -> Replay:
    """Evaluate a stored decision again, with its release and inputs; writes nothing. Raises NotFound."""
    row = Decision.objects.select_related("release__scenario").filter(pk=decision_id).first()
    if row is None:
        raise NotFound("There is no such decision.")
    inputs = json.loads(row.inputs)
    address = releases.address(row.release)
    replayed = canonical(engine.evaluate(address, inputs))
    told = engine.evaluate(address, inputs, trace=True)["trace"] if trace else None
    return Replay(row.pk, replayed == row.output, row.output, replayed, row.engine, ENGINE, told)
