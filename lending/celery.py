"""The Celery app, what runs periodically, and a scheduler of which only one is active."""

import logging
import os
from typing import Any

import psycopg2
from celery import Celery, Task, signals
from celery.beat import Scheduler
from celery.schedules import crontab

from lending.common import health, logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lending.settings.base")

logger = logging.getLogger(__name__)

SWEEP = "lending.tasks.sweep"
SCHEDULER_LOCK = 0x6C656E64  # "lend": the advisory lock of the active scheduler


class LoggedTask(Task):
    """Every line that a task logs carries its name, its id and the ids it was called with."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        ids = {name: value for name, value in kwargs.items() if name.endswith("_id")}
        with logs.bound(**(ids | {"task": self.name, "task_id": self.request.id or ""})):
            return super().__call__(*args, **kwargs)


app = Celery("lending", task_cls=LoggedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _every(task: str, seconds: float) -> dict[str, Any]:
    # A sweep that waited longer than a few rounds is dropped: another one stands behind it.
    return {"task": task, "schedule": seconds, "options": {"expires": max(5.0, 3 * seconds)}}


app.conf.beat_schedule = {
    SWEEP: _every(SWEEP, 1.0),
    **{
        f"{name}.tasks.sweep": _every(f"{name}.tasks.sweep", 2.0)
        for name in ("users", "risk", "review", "funding", "contracts", "traffic")
    },
    # Only days that moved, and each once more after its end.
    "risk.tasks.measure": {
        "task": "risk.tasks.measure",
        "schedule": crontab(minute="*/10"),
        "options": {"expires": 500},
    },
    "risk.tasks.watch_spend": _every("risk.tasks.watch_spend", 60.0),
    "review.tasks.look_after": _every("review.tasks.look_after", 30.0),
    "review.tasks.hand_over": _every("review.tasks.hand_over", 60.0),
    "review.tasks.count": _every("review.tasks.count", 300.0),
    "review.tasks.watch": _every("review.tasks.watch", 3600.0),
    "risk.tasks.purge": {
        "task": "risk.tasks.purge",
        "schedule": crontab(minute="40"),
        "options": {"expires": 3000},
    },
    "users.tasks.purge": {
        "task": "users.tasks.purge",
        "schedule": crontab(minute="45"),
        "options": {"expires": 3000},
    },
    "lending.tasks.forget": {
        "task": "lending.tasks.forget",
        "schedule": crontab(minute="50"),
        "options": {"expires": 3000},
    },
    # Hourly, because it does nothing for a day that is closed and a scheduler that slept at midnight catches up.
    "traffic.tasks.forget": _every("traffic.tasks.forget", 3600.0),
    "traffic.tasks.settle": _every("traffic.tasks.settle", 900.0),
    "funding.tasks.settle": _every("funding.tasks.settle", 900.0),
    "lending.tasks.close_day": {
        "task": "lending.tasks.close_day",
        "schedule": crontab(minute="10"),
        "options": {"expires": 3000},
    },
}


@signals.setup_logging.connect
def _keep_django_logging(**_: Any) -> None:
    """A receiver is enough for Celery to leave logging to Django's settings."""


@signals.task_postrun.connect
def _note_life(task: Task | None = None, **_: Any) -> None:
    """What /readyz reads: that workers work, and that the sweep runs."""
    health.note_life(swept=task is not None and task.name == SWEEP)


class LockedScheduler(Scheduler):
    """Beat that ticks only while it holds a Postgres advisory lock, on a connection of its own.

    Start as many as wanted: the others stand by, and the lock of a dead one is released with its connection.
    """

    max_interval = 1
    _connection: Any = None
    _holds = False

    def setup_schedule(self) -> None:
        self.data: dict[str, Any] = {}
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if not self._may_tick():
            return float(self.max_interval)
        return float(super().tick(*args, **kwargs))

    def close(self) -> None:
        self._drop_connection()
        super().close()

    def _may_tick(self) -> bool:
        try:
            if self._connection is None:
                self._connection = _own_connection()
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1" if self._holds else f"SELECT pg_try_advisory_lock({SCHEDULER_LOCK})")
                if not self._holds and cursor.fetchone()[0]:
                    self._holds = True
                    logger.info("this scheduler is the active one")
        except psycopg2.Error as error:
            logger.warning("the scheduler lost its lock with its connection", extra={"error": str(error)})
            self._drop_connection()
        return self._holds

    def _drop_connection(self) -> None:
        self._holds = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _own_connection() -> Any:
    """Outside Django's pool, which would close it between two ticks, and the lock with it."""
    from django.db import connections

    connection = psycopg2.connect(**connections["default"].get_connection_params())
    connection.autocommit = True
    return connection
