from celery import shared_task

from lending.common import clock
from review import services


@shared_task
def sweep(**_: object) -> int:
    return services.run_sweep(now=clock.now())
