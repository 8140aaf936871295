"""Back office of contracts: everything is read; templates are approved by somebody other than their author."""

from contracts.admin import contracts, templates

__all__ = ["contracts", "templates"]
