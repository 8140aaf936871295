"""What data may cost in a business day. Pure."""

from decimal import Decimal

DAY_BUDGET_CENTS = 500_000
ALARM_SHARE = Decimal("0.8")
ALARM_CENTS = int(DAY_BUDGET_CENTS * ALARM_SHARE)
