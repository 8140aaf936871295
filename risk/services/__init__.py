"""Every write of the risk engine."""

from risk.services.assessments import (
    cancel,
    run_assessment,
    run_due,
    start_assessment,
    start_drawdown_check,
)
from risk.services.decisions import Replay, replay
from risk.services.releases import Scope, bind, release

__all__ = [
    "Replay",
    "Scope",
    "bind",
    "cancel",
    "release",
    "replay",
    "run_assessment",
    "run_due",
    "start_assessment",
    "start_drawdown_check",
]
