"""Evaluating a release over an assessment's values, keeping the decision, and replaying it."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending.common import bulk
from lending.common.errors import NotFound, Unavailable
from risk.models import Assessment, Binding, Decision, Experiment, Release, ShadowDecision
from risk.rules import engine
from risk.rules.catalogue import filled
from risk.rules.document import ENGINE, canonical
from risk.rules.engine import EvaluationFailed
from risk.rules.verdict import NotAVerdict, Verdict, read_verdict
from risk.services import experiments, releases
from risk.services.releases import Scope


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
    defaults: Mapping[str, Any],
    product_code: str,
    channel_code: str,
    spend_cents: int,
    at: datetime,
) -> Decision:
    """A new decision over the scenario's inputs. Whoever holds the assessment's lease asks; a step is unique.

    `defaults`: of the variables that have one. Raises NothingInForce, EvaluationFailed (an input of the wrong type) or
    NotAVerdict.
    """
    binding = serving(scenario, role, product_code, channel_code, assessment.segment, at)
    scope = Scope(scenario, role, product_code, channel_code, assessment.segment)
    decides = role == Binding.Role.DECIDE
    running = experiments.of(binding, scope, assessment.user_id) if decides else experiments.NONE
    inputs, defaulted = filled(binding.scenario.inputs, values, defaults)
    release = running.release or binding.release
    assert release is not None  # noqa: S101  what serves has one
    approved_with = binding.scenario.output_schema.get("approved_with", ()) if decides else ()
    output, latency_us = _evaluated(release, inputs)
    verdict = read_verdict(output, approved_with)
    row = Decision(
        assessment=assessment,
        scenario=binding.scenario,
        step=step,
        release=release,
        experiment=running.experiment,
        arm=running.arm,
        engine=ENGINE,
        as_of_date=assessment.as_of_date,
        inputs=canonical(inputs),
        defaulted=defaulted,
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
    bulk.insert_rows([row])
    if running.shadow is not None:
        _shadow(row, running.shadow, inputs, approved_with)
    return row


def serving(scenario: str, role: str, product_code: str, channel_code: str, segment: str, at: datetime) -> Binding:
    """What decides here and now. Raises NothingInForce: without a released flow nothing is decided."""
    binding = releases.in_force(
        scenario=scenario, role=role, product_code=product_code, channel_code=channel_code, segment=segment, at=at
    )
    if binding is None:
        raise NothingInForce(f"Nothing is bound to {scenario} ({role}).", scenario=scenario)
    return binding


def knock_out_in_force(scenario: str, product_code: str, channel_code: str, segment: str, at: datetime) -> bool:
    """Whether something stops the dearer stages of the scenario."""
    found = releases.in_force(
        scenario=scenario,
        role=Binding.Role.KNOCK_OUT,
        product_code=product_code,
        channel_code=channel_code,
        segment=segment,
        at=at,
    )
    return found is not None


def _evaluated(release: Release, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """(answer, microseconds)"""
    address = releases.address(release)
    started = time.perf_counter_ns()
    output = engine.evaluate(address, inputs)
    return output, (time.perf_counter_ns() - started) // 1000


def _shadow(row: Decision, experiment: Experiment, inputs: Mapping[str, Any], approved_with: Sequence[str]) -> None:
    """What the shadow would have said. That it cannot say anything is kept too, and touches nobody."""
    latency_us, said = 0, {}
    try:
        output, latency_us = _evaluated(experiment.challenger, inputs)
        verdict = read_verdict(output, approved_with)
        said = {
            "output": canonical(output),
            "outcome": verdict.outcome,
            "score": verdict.score,
            "limit_cents": verdict.limit_cents,
            "annual_rate": verdict.annual_rate,
            "reasons": list(verdict.reasons),
        }
    except (EvaluationFailed, NotAVerdict) as error:
        said = {"failure": f"{type(error).__name__}: {error}"[:300]}
    ShadowDecision.objects.create(
        decision=row, experiment=experiment, release=experiment.challenger, latency_us=latency_us, **said
    )


def verdict_of(row: Decision) -> Verdict:
    return read_verdict(json.loads(row.output))


def tags_of(rows: Iterable[Decision]) -> dict[str, str]:
    """Every tag that one of these decisions put, with what put it: "decision:17 rule", by its earliest one."""
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.pk):
        rules = {hit.get("tag"): hit.get("rule", "") for hit in reversed(row.hits)}
        for tag in row.tags:
            found.setdefault(tag, f"decision:{row.pk} {rules.get(tag, '')}".strip())
    return found


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
