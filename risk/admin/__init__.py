"""The back office of risk: what may be decided with, who writes and releases it, what was decided."""

from risk.admin import (
    assessments,
    backtests,
    builds,
    catalogue,
    datasets,
    drafts,
    experiments,
    monitoring,
    spend,
    strategy,
)

__all__ = [
    "assessments",
    "backtests",
    "builds",
    "catalogue",
    "datasets",
    "drafts",
    "experiments",
    "monitoring",
    "spend",
    "strategy",
]
