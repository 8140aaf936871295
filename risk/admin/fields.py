"""Form fields of the risk pages, and what they offer."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from lending import queries as lending
from risk.models import Binding, ReleaseForm, Scenario, Segment

ANY = ("", "any")


def text(label: str, help_text: str = "", **options: Any) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, widget=UnfoldAdminTextInputWidget, **options)


def choice(label: str, choices: Any, help_text: str = "", **options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=choices, help_text=help_text, widget=UnfoldAdminSelectWidget, **options
    )


def number(label: str, help_text: str = "", **options: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, help_text=help_text, widget=UnfoldAdminIntegerFieldWidget, **options)


def reason(label: str = "Reason", help_text: str = "It is kept.") -> forms.CharField:
    return text(label, help_text, min_length=5, max_length=300)


def moment(label: str, help_text: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "class": UnfoldAdminTextInputWidget().attrs["class"]})
    return forms.DateTimeField(
        label=label, help_text=help_text, required=False, widget=widget, input_formats=["%Y-%m-%dT%H:%M"]
    )


def day(label: str, help_text: str) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date", "class": UnfoldAdminTextInputWidget().attrs["class"]})
    return forms.DateField(label=label, help_text=help_text, widget=widget)


def scenarios() -> list[tuple[str, str]]:
    return [(row.code, f"{row.code} {row.title_zh}") for row in Scenario.objects.all()]


def products() -> list[tuple[str, str]]:
    return [ANY, *((row.code, f"{row.code} {row.name}") for row in lending.products())]


def segments() -> list[tuple[str, str]]:
    return [ANY, *Segment.choices]


def roles() -> list[tuple[str, str]]:
    return list(Binding.Role.choices)


def release_forms() -> list[tuple[str, str]]:
    return list(ReleaseForm.choices)
