"""Four processes decide without pause while one release after another comes into force."""

import multiprocessing
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from lending.common import clock
from risk import services
from risk.models import Release
from risk.rules.document import Flow
from risk.rules.jdm import decision, expression, graph, input_node, output_node
from risk.rules.strategy import schema_of
from risk.services import decisions
from risk.services.releases import Scope
from tests.unit.risk.conftest import Apply, assessment

pytestmark = pytest.mark.django_db(transaction=True)

PROCESSES, VERSIONS, EVERY, WITHIN = 4, 5, 1.0, 2.0  # seconds
VALUES = {"as_of": "2026-09-07", "product": "LINE", "purpose": "consumer", "amount_cents": 1, "months": 12}
Seen = list[tuple[float, list[str]]]


def released(version: int, at: datetime) -> Release:
    """A flow and its sub-decision, each of which says which version it is."""
    first, last = input_node(schema_of("admission")), output_node()
    said = {"outcome": "'approve'", "reasons": "[]", "tags": f"['part {version}']"}
    part = Flow("real_time_part", graph(first, expression("say", said), last), "admission")
    asked = decision("part", "real_time_part", output_path="part")
    said["tags"] = f"flatMap([part.tags, ['whole {version}']], #)"
    whole = Flow("real_time", graph(first, asked, expression("say", said), last), "admission")
    with transaction.atomic():
        rows = [services.release(flow=flow, author="staff:1", approver="staff:2", at=at) for flow in (part, whole)]
    return rows[-1]


def decide_without_pause(assessment_id: int, until: float, pipe: Any) -> None:
    connection.close()
    row, seen, number = assessment(assessment_id), [], 0
    while time.monotonic() < until:
        number += 1
        with transaction.atomic(durable=True):
            made = decisions.decide(
                assessment=row,
                scenario="admission",
                step=f"step {number}",
                role="decide",
                values=VALUES | {"exempt_rules": []},
                defaults={"earlier_reasons": [], "earlier_tags": []},
                product_code="LINE",
                channel_code="OWN",
                spend_cents=0,
                at=clock.now(),
            )
        seen.append((time.monotonic(), made.tags))
    pipe.send(seen)


def test_every_process_serves_it_within_two_seconds_and_none_a_mixture(apply: Apply, at: datetime) -> None:
    subjects = [apply(row) for row in (3, 7, 21, 34)]
    started = time.monotonic()
    clock.set_source(lambda: at + timedelta(seconds=time.monotonic() - started))

    def bind(version: int) -> float:
        now = clock.now()
        with transaction.atomic(durable=True):
            scope = Scope("admission", product_code="LINE")
            services.bind(scope=scope, release=released(version, now), by="staff:2", reason="real time", at=now)
        return time.monotonic()

    in_force = {1: bind(1)}
    connection.close()  # the children must not share it
    context = multiprocessing.get_context("fork")
    until = time.monotonic() + VERSIONS * EVERY + WITHIN + 1
    readers, workers = [], []
    for subject in subjects[:PROCESSES]:
        reader, writer = context.Pipe(duplex=False)
        worker = context.Process(target=decide_without_pause, args=(subject, until, writer))
        worker.start()
        readers.append(reader)
        workers.append(worker)
    for version in range(2, VERSIONS + 1):
        time.sleep(EVERY)
        in_force[version] = bind(version)
    seen: list[Seen] = [reader.recv() for reader in readers]
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0] * PROCESSES, "none failed"
    assert all(len(each) > 10 for each in seen), "each was busy"
    latest = 0.0
    for each in seen:
        for _, tags in each:
            part, whole = (int(tag.rsplit(" ", 1)[1]) for tag in tags)
            assert part == whole, "a mixture of two releases"
        for version, since in in_force.items():
            first = min(moment for moment, tags in each if tags[1] == f"whole {version}")
            late = [moment for moment, tags in each if moment > since + WITHIN and tags[1] < f"whole {version}"]
            assert not late, "an older release more than two seconds after the new one"
            latest = max(latest, first - since)
    assert latest < WITHIN
    made = sum(map(len, seen))
    print(f"{made} decisions of {PROCESSES} processes; the last one served a release {latest * 1000:.0f} ms after")
