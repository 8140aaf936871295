"""Vendors of identity and card checks, by the protocol their source row names."""

from users.providers import four_element, two_element, two_element_b
from users.providers.base import Checker

CHECKERS: dict[str, Checker] = {
    "two-element-v1": two_element.check,
    "two-element-b": two_element_b.check,
    "four-element-v1": four_element.check,
}
