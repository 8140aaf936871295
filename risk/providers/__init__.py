"""Data sources by the vendor protocol that their row in the register names."""

from risk.providers import bureau_b, phone3_b, risk_v1
from risk.providers.base import Query
from risk.providers.drilled import drillable

QUERIES: dict[str, Query] = {
    protocol: drillable(query)
    for protocol, query in {
        "risk-v1": risk_v1.query,
        "bureau-b": bureau_b.query,
        "phone3-b": phone3_b.query,
    }.items()
}
