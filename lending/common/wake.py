"""A nudge for the workers after commit. It is only latency: the sweep is the guarantee, so a dead broker is logged."""

import logging
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def wake(task: str, **kwargs: Any) -> None:
    """Queue the Celery task `app.tasks.name` once the surrounding transaction has committed."""
    transaction.on_commit(lambda: _send(task, kwargs))


def _send(task: str, kwargs: dict[str, Any]) -> None:
    try:
        current_app.send_task(task, kwargs=kwargs, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("nudge lost; the sweep will find the row", extra={"task": task, "error": str(error)})
