"""Several workers at the same rows: each assessment runs once, and one killed in the middle is finished by another."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection

from risk import services
from risk.models import AssessmentState, DataPull, Decision, PullState
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply, assessment

pytestmark = pytest.mark.django_db(transaction=True)


def run_in_thread(assessment_id: int, at: datetime) -> None:
    try:
        services.run_assessment(assessment_id=assessment_id, now=at)
    finally:
        connection.close()


def run_in_process(assessment_id: int, at: datetime) -> None:
    connection.close()
    services.run_assessment(assessment_id=assessment_id, now=at)


def test_two_workers_and_then_a_killed_one(apply: Apply, at: datetime, sandbox: SandboxClient) -> None:
    raced, killed = apply(3), apply(7)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run_in_thread, [raced] * 4, [at] * 4))
    assert assessment(raced).state == AssessmentState.DONE
    assert Decision.objects.filter(assessment_id=raced).count() == 4
    assert len(sandbox.calls("bureau")) == 1

    sandbox.control("bureau", latency_ms=60_000)
    connection.close()  # the child must not share it
    worker = multiprocessing.get_context("fork").Process(target=run_in_process, args=(killed, at))
    worker.start()
    deadline = time.monotonic() + 20
    bankflow = DataPull.objects.filter(assessment_id=killed, source_code="bankflow", state=PullState.ANSWERED)
    while not bankflow.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    left = DataPull.objects.get(assessment_id=killed, source_code="bureau")
    assert (left.state, assessment(killed).state) == (PullState.PENDING, AssessmentState.PENDING)

    sandbox.control("bureau", latency_ms=0)
    assert services.run_due(now=at) == 0, "its lease holds"
    assert services.run_due(now=at + timedelta(minutes=2)) == 1
    done = assessment(killed)
    assert (done.state, done.application.status) == (AssessmentState.DONE, "GRANTED")
    assert len(sandbox.calls("bankflow")) == 2, "one for each application: the settled answer stood"
    keys = [call["body"]["request_id"] for call in sandbox.calls("bureau") if call["body"]]
    assert set(keys) == {f"pull-{raced}-bureau", f"pull-{killed}-bureau"}
