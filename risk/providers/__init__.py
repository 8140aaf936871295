"""Data sources by the vendor protocol that their row in the register names."""

from risk.providers import risk_v1
from risk.providers.base import Query

QUERIES: dict[str, Query] = {"risk-v1": risk_v1.query}
