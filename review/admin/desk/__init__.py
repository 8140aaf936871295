"""The page of one case: the evidence on the left, what can be done about it on the right."""

from review.admin.desk.views import CaseDesk

__all__ = ["CaseDesk"]
