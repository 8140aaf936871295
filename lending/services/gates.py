"""Checks of what a borrower asks for, shared by quote, submit and drawdown."""

from lending.common.errors import Invalid
from lending.models import Product

# What the money may be said to be for, and the kind of use the risk rules look at: they refuse the prohibited ones
# with a reason, and a word that is not here is a mistake of the caller.
PURPOSES = {
    "consumer": "consumer",
    "appliances": "consumer",
    "car_new": "consumer",
    "car_used": "consumer",
    "education": "consumer",
    "electronics": "consumer",
    "furniture": "consumer",
    "medical": "consumer",
    "renovation": "consumer",
    "repairs": "consumer",
    "training": "consumer",
    "travel": "consumer",
    "other": "consumer",
    "business": "business",
    "property": "prohibited",
    "securities": "prohibited",
    "lending_on": "prohibited",
    "loan_repayment": "prohibited",
}


def purpose_category(purpose: str) -> str:
    """consumer, business or prohibited; empty for a draft."""
    return PURPOSES.get(purpose, "")


class InvalidRequest(Invalid):
    code, title = "invalid", "Some fields are not valid"


def check_asked(
    *, product: Product, amount_cents: int, months: int, method: str, minimum_cents: int | None = None
) -> None:
    """Raises InvalidRequest with a message per field."""
    low = product.amount_min_cents if minimum_cents is None else minimum_cents
    fields = {}
    if not low <= amount_cents <= product.amount_max_cents:
        fields["amount_cents"] = f"between {low} and {product.amount_max_cents}"
    elif amount_cents % product.step_cents:
        fields["amount_cents"] = f"a multiple of {product.step_cents}"
    if months not in product.terms_months:
        fields["months"] = "one of " + ", ".join(map(str, product.terms_months))
    if method not in product.methods:
        fields["method"] = "one of " + ", ".join(product.methods)
    if fields:
        raise InvalidRequest("Some fields are not valid.", fields=fields)


def check_purpose(purpose: str) -> None:
    if purpose not in PURPOSES:
        raise InvalidRequest("Some fields are not valid.", fields={"purpose": "one of " + ", ".join(PURPOSES)})
