"""The back office of risk: what may be decided with, what was decided."""

from risk.admin import assessments, catalogue, datasets, strategy

__all__ = ["assessments", "catalogue", "datasets", "strategy"]
