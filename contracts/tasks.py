"""The worker's door: render and seal."""

import logging

from celery import shared_task

from contracts import services
from lending.common import clock

logger = logging.getLogger(__name__)

ROWS_A_PASS = 20


@shared_task
def run_contract(*, contract_id: int, **_: object) -> None:
    services.run_contract(contract_id=contract_id, now=clock.now())


@shared_task
def sweep(**_: object) -> int:
    """Do what is due; one row that fails is put off by itself and does not keep the others waiting."""
    done = 0
    for contract_id in services.due(at=clock.now(), limit=ROWS_A_PASS):
        try:
            done += services.run_contract(contract_id=contract_id, now=clock.now())
        except Exception:
            logger.exception("contract could not be made", extra={"contract_id": contract_id})
    return done
