"""The other peer of `bench_pulls`: six Celery tasks an application and a chord, as a prefork worker runs them.

Needs BENCH_BROKER, a Redis address; knows nothing of the platform's own Celery app.
"""

import os
from typing import Any

import httpx
from celery import Celery, chord

app = Celery(
    "bench_chord",
    broker=os.environ.get("BENCH_BROKER"),
    backend=os.environ.get("BENCH_BROKER"),
    set_as_current=False,  # who imports this goes on with the platform's own
)
app.conf.update(
    broker_transport_options={"global_keyprefix": "bench_pulls:"},
    result_backend_transport_options={"global_keyprefix": "bench_pulls:"},
    task_default_queue="bench",
    worker_prefetch_multiplier=1,
)


@app.task
def call(url: str, key: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(url, json={"request_id": key, "subject": {}}, timeout=30).json()
    return answer


@app.task
def decide(answers: list[dict[str, Any]]) -> int:
    return len(answers)


def ask(urls: list[str], key: str) -> Any:
    """The chord's result, to be waited for."""
    return chord(call.s(url, f"{key}-{number}") for number, url in enumerate(urls))(decide.s())
