"""A vendor of checks or messages during an outage drill: it fails as drilled, and is not called."""

import time

from lending.common import clock, drill
from users.providers.base import Checker, Subject, Verdict
from users.queries import SourceView


def drillable(check: Checker) -> Checker:
    """The adapter, heeding drills."""

    def asked(source: SourceView, subject: Subject) -> Verdict:
        heed(source)
        return check(source, subject)

    return asked


def heed(source: SourceView) -> None:
    """Raises the fault of the drill that the source is in; returns where it is in none."""
    mode = source.drilled(clock.now())
    if mode == "slow":
        time.sleep(source.timeout_ms / 1000)
    if mode:
        raise drill.fault(mode, source.code)
