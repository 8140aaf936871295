"""The gate of traffic's partner doors."""

from typing import cast

from lending.common.partner import Gate, SignedView, problems
from traffic import services

__all__ = ["GATE", "PartnerView", "problems"]

GATE = cast(Gate, services)


class PartnerView(SignedView):
    gate = GATE
