"""The back office of the product: every shared table, read; the steps that are stuck, tried again."""

from lending.admin import (
    applications,
    certificates,
    configuration,
    credit,
    customers,
    drills,
    faces,
    ledger,
    operations,
)

__all__ = [
    "applications",
    "certificates",
    "configuration",
    "credit",
    "customers",
    "drills",
    "faces",
    "ledger",
    "operations",
]
