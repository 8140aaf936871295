from celery import shared_task

from lending.common import clock
from review import services
from review.services import drift, feedback, figures, quality


@shared_task
def sweep(**_: object) -> int:
    return services.run_sweep(now=clock.now())


@shared_task
def look_after(**_: object) -> int:
    """Second looks at what was closed."""
    return quality.run_sampling(at=clock.now())


@shared_task
def hand_over(**_: object) -> int:
    """Drafts for rules that people judge against."""
    return feedback.run_feedback(at=clock.now())


@shared_task
def count(**_: object) -> int:
    """The daily figures."""
    return figures.run_count(at=clock.now())


@shared_task
def watch(**_: object) -> int:
    """The alarm where the figures moved."""
    return drift.run_watch(at=clock.now())
