"""What a reviewer fills in for each action: always a code, often a note. Money is typed in yuan."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django import forms
from django.utils.translation import get_language
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from lending import queries as lending
from lending.common.money import cents
from lending.rules.terms import Terms
from review import queries
from review.services import feedback
from risk import queries as risk
from users import queries as users

VERDICTS = [("approve", "通过 Approve"), ("decline", "拒绝 Decline")]
PAUSES = [(1, "1 小时 hour"), (4, "4 小时 hours"), (24, "1 天 day"), (72, "3 天 days")]


def _chinese() -> bool:
    return (get_language() or "").startswith("zh")


class Codes:
    """What an act is explained with, read once for all forms of a page. `decisions`: of the application, where they
    have been read."""

    def __init__(self, decisions: Sequence[risk.DecisionView] = ()) -> None:
        self.decisions = {row.id: row for row in decisions}

    @cached_property
    def findings(self) -> Mapping[str, tuple[queries.FindingView, ...]]:
        return queries.all_findings()

    @cached_property
    def reasons(self) -> Sequence[lending.ReasonView]:
        return lending.reasons()

    def finding_choices(self, action: str) -> list[tuple[str, str]]:
        return [_choice(row) for row in self.findings.get(action, ())]

    def reason_choices(self) -> list[tuple[str, str]]:
        """Decline reasons a person can give; the ones of funders and borrowers are not theirs."""
        return [_choice(row) for row in self.reasons if row.cls not in ("M", "B")]

    def verdict_choices(self) -> list[tuple[str, str]]:
        return [*self.finding_choices("approve"), *self.reason_choices()]


def _choice(row: queries.FindingView | lending.ReasonView) -> tuple[str, str]:
    return row.code, f"{row.code} {row.text_zh if _chinese() else row.text_en}"


class ReasonForm(forms.Form):
    """Codes and a note. `action` names the findings to choose from."""

    action = ""
    reasons = forms.MultipleChoiceField(
        label="原因 Reasons",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        error_messages={"required": "Choose at least one.", "invalid_choice": "There is no reason %(value)s."},
    )
    note = forms.CharField(label="备注 Note", required=False, max_length=2000, widget=UnfoldAdminTextareaWidget)

    def __init__(
        self,
        *args: Any,
        application: lending.ApplicationView,
        at: datetime,
        known: Codes | None = None,
        **kwargs: Any,
    ) -> None:
        self.application, self.at, self.known = application, at, known or Codes()
        super().__init__(*args, **kwargs)
        self.fields["reasons"].choices = self.codes()  # type: ignore[attr-defined]

    def codes(self) -> list[tuple[str, str]]:
        return self.known.finding_choices(self.action)

    def values(self) -> dict[str, Any]:
        """The keywords of the service."""
        return {"reasons": self.cleaned_data["reasons"], "note": self.cleaned_data["note"]}


class VerdictForm(ReasonForm):
    outcome = forms.ChoiceField(label="结论 Verdict", choices=VERDICTS, widget=UnfoldAdminSelectWidget)
    disagrees = forms.MultipleChoiceField(
        label="与机审不一致 Against the machine",
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="The rule or score that this verdict is against. What the reasons name is counted by itself.",
    )
    field_order = ["outcome", "reasons", "disagrees", "note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pk = self.application.decision_id
        decision = self.known.decisions.get(pk) if pk else None
        said = feedback.choices(decision_id=pk, reasons=self.application.reasons, decision=decision)
        self.fields["disagrees"].choices = [(row.subject, row.text) for row in said]  # type: ignore[attr-defined]

    def codes(self) -> list[tuple[str, str]]:
        return self.known.verdict_choices()

    def values(self) -> dict[str, Any]:
        return super().values() | {name: self.cleaned_data[name] for name in ("outcome", "disagrees")}


class DecisionForm(VerdictForm):
    """The offer stands in the fields; it can be lowered. The price is not a field."""

    amount = forms.DecimalField(
        label="金额 Amount, ¥", required=False, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget
    )
    months = forms.IntegerField(label="期限 Months", required=False, widget=UnfoldAdminIntegerFieldWidget)
    field_order = ["outcome", "amount", "months", "reasons", "disagrees", "note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if offer := self.application.terms:
            self.initial = {"amount": Decimal(offer.amount_cents) / 100, "months": offer.months} | dict(self.initial)

    def values(self) -> dict[str, Any]:
        return super().values() | {"terms": self._terms()}

    def _terms(self) -> Terms | None:
        offer, data = self.application.terms, self.cleaned_data
        if data["outcome"] != "approve" or offer is None:
            return None
        amount_cents = offer.amount_cents if data["amount"] is None else cents(data["amount"])
        return Terms(amount_cents, data["months"] or offer.months, offer.annual_rate, offer.method, offer.fees_cents)


class SupplementForm(ReasonForm):
    action = "supplement"
    question = forms.CharField(
        label="向借款人提问 Question to the borrower", required=False, max_length=200, widget=UnfoldAdminTextareaWidget
    )
    field_order = ["reasons", "question", "note"]

    def values(self) -> dict[str, Any]:
        chosen = {row.code: row for row in self.known.findings.get(self.action, ())}
        language = users.account(self.application.user_id).language
        items = []
        for code in self.cleaned_data["reasons"]:
            text = chosen[code].for_borrower(language)
            asked = self.cleaned_data["question"] if chosen[code].item_kind == "answer" else ""
            items.append((chosen[code].item_kind, asked or text))
        return super().values() | {"items": items}


class SuspendForm(ReasonForm):
    action = "suspend"
    hours = forms.TypedChoiceField(label="时长 For", choices=PAUSES, coerce=int, widget=UnfoldAdminSelectWidget)
    field_order = ["hours", "reasons", "note"]

    def values(self) -> dict[str, Any]:
        return super().values() | {"until": self.at + timedelta(hours=self.cleaned_data["hours"])}


class ReturnForm(ReasonForm):
    action = "return"


class EscalateForm(ReasonForm):
    action = "escalate"


class ReleaseForm(ReasonForm):
    action = "release"


class RecuseForm(ReasonForm):
    action = "recuse"


class SkipForm(ReasonForm):
    action = "skip"


class AmountForm(ReasonForm):
    action = "amount"
    amount = forms.DecimalField(label="金额 Amount, ¥", decimal_places=2, widget=UnfoldAdminDecimalFieldWidget)
    field_order = ["amount", "reasons", "note"]

    def values(self) -> dict[str, Any]:
        return super().values() | {"amount_cents": cents(self.cleaned_data["amount"])}
