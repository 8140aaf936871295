"""Fields and forms that several pages share. Amounts are typed in yuan and cleaned to cents."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lending.common.errors import Invalid
from lending.common.money import cents
from lending.pages import words
from lending.queries import ProductView
from users import queries as users

NOTHING = ("", "—")  # the empty choice of a list: nobody is given a fact they did not tell


class Yuan(forms.CharField):
    """`10000`, `10,000` or `10000.50`, to cents."""

    default_error_messages = {"invalid": _("Enter an amount like 10000 or 10000.50.")}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput({"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(max_length=20, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            amount = cents(text.replace(",", "").replace("，", "").replace("¥", "").strip())
        except Invalid as error:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid") from error
        if amount < 0:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return amount


def choices(texts: Mapping[str, words.Text], among: Sequence[str] | None = None) -> list[tuple[str, Any]]:
    return [(code, texts[code]) for code in (texts if among is None else among) if code in texts]


class AmountForm(forms.Form):
    """Amount, term, way of repaying, and optionally what it is for, of one product."""

    amount = Yuan(label=_("Amount"))
    months = forms.TypedChoiceField(label=_("Term in months"), coerce=int, widget=forms.RadioSelect)
    method = forms.ChoiceField(label=_("How you repay"), widget=forms.RadioSelect)
    purpose = forms.ChoiceField(label=_("What it is for"))

    def __init__(
        self, *args: Any, product: ProductView, least_cents: int = 0, most_cents: int = 0, with_purpose: bool = True,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self.product = product
        self.least_cents = least_cents or product.amount_min_cents
        self.most_cents = most_cents or product.amount_max_cents
        self.fields["amount"].widget.attrs |= {
            "data-slider": "",
            "data-min": self.least_cents // 100,
            "data-max": self.most_cents // 100,
            "data-step": product.step_cents // 100,
        }
        self.fields["months"].choices = [(str(count), str(count)) for count in product.terms_months]  # type: ignore[attr-defined]
        self.fields["method"].choices = choices(words.METHODS, product.methods)  # type: ignore[attr-defined]
        if len(product.methods) == 1:
            self.fields["method"].widget = forms.HiddenInput()
            self.fields["method"].initial = product.methods[0]
        if not with_purpose:
            del self.fields["purpose"]
            return
        allowed = [
            code for code in words.PURPOSES if code == "other" or (code == "business") == (product.family == "business")
        ]
        self.fields["purpose"].choices = [NOTHING, *choices(words.PURPOSES, allowed)]  # type: ignore[attr-defined]

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if not self.least_cents <= amount <= self.most_cents:
            raise forms.ValidationError(
                _("Between ¥%(least)s and ¥%(most)s."),
                params={"least": f"{self.least_cents // 100:,}", "most": f"{self.most_cents // 100:,}"},
            )
        if amount % self.product.step_cents:
            raise forms.ValidationError(_("In steps of ¥%(step)s."), params={"step": self.product.step_cents // 100})
        return amount


class KeyForm(forms.Form):
    """One press of a button that moves money: pressed twice, or sent again, it is still one."""

    key = forms.UUIDField(widget=forms.HiddenInput)


class CardForm(forms.Form):
    """One of the borrower's confirmed cards."""

    card = forms.ChoiceField(
        label=_("Bank card"), widget=forms.RadioSelect, error_messages={"required": _("Choose a bank card.")}
    )

    def __init__(self, *args: Any, cards: Sequence[users.CardView], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["card"].choices = [(str(card.public_id), f"{card.bank} ···· {card.last4}") for card in cards]  # type: ignore[attr-defined]


def confirmed_cards(user_id: int) -> list[users.CardView]:
    return [card for card in users.cards(user_id) if card.state == "confirmed"]
