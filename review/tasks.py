from celery import shared_task

from lending.common import clock
from review import services
from review.services import drift, feedback, figures, quality


@shared_task
def sweep(**_: object) -> int:
    return services.run_sweep(now=clock.now())


@shared_task
def look_after(**_: object) -> int:
    """Second looks at what was closed, and drafts for rules that people judge against."""
    at = clock.now()
    return quality.run_sampling(at=at) + feedback.run_feedback(at=at)


@shared_task
def count(**_: object) -> int:
    """The daily figures, and the alarm where they moved."""
    at = clock.now()
    return figures.run_count(at=at) + drift.run_watch(at=at)
