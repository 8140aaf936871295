"""Vendors of identity and card checks, by the protocol their source row names."""

from users.providers import face, four_element, four_element_b, id_card, two_element, two_element_b
from users.providers.base import Checker
from users.providers.drilled import drillable

CHECKERS: dict[str, Checker] = {
    protocol: drillable(check)
    for protocol, check in {
        "two-element-v1": two_element.check,
        "two-element-b": two_element_b.check,
        "four-element-v1": four_element.check,
        "four-element-b": four_element_b.check,
        "ocr-v1": id_card.check,
        "face-v1": face.check,
    }.items()
}
