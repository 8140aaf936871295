"""The register of sources: every value is changed with a reason, and its history stands below it. Drills start here."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.acting import Act, ActingAdmin, ReasonForm
from lending.common.admin import money
from lending.common.errors import DomainError, Invalid
from lending.common.money import cents
from lending.common.shown import badge
from users.models import AskedIn, DeadRule, Document, DrillMode, NeededAuthorisation, Source
from users.rules import freshness
from users.services import drills, sources

WHOLE = ("timeout_ms", "retries", "pause_ms", "max_parallel", "fresh_days", "retention_days")


class SourceForm(ReasonForm):
    """Everything of a source but its switch, its address and its credentials."""

    name_en = forms.CharField(label="Name", max_length=80, widget=UnfoldAdminTextInputWidget)
    name_zh = forms.CharField(label="Name in Chinese", max_length=80, widget=UnfoldAdminTextInputWidget)
    vendor = forms.CharField(max_length=40, widget=UnfoldAdminTextInputWidget, help_text="Spend is summed by it.")
    product = forms.CharField(max_length=80, widget=UnfoldAdminTextInputWidget)
    price = forms.CharField(
        label="Price of a call", max_length=12, widget=UnfoldAdminTextInputWidget, help_text="As 3.50"
    )
    currency = forms.CharField(max_length=3, widget=UnfoldAdminTextInputWidget)
    timeout_ms = forms.IntegerField(label="Time limit, ms", widget=UnfoldAdminIntegerFieldWidget)
    retries = forms.IntegerField(
        widget=UnfoldAdminIntegerFieldWidget, help_text="Of a call that certainly did nothing: 0 to 5."
    )
    pause_ms = forms.IntegerField(label="Pause before the first repeat, ms", widget=UnfoldAdminIntegerFieldWidget)
    max_parallel = forms.IntegerField(label="Calls at the same time", widget=UnfoldAdminIntegerFieldWidget)
    fresh_days = forms.IntegerField(
        label="An answer keeps, days", widget=UnfoldAdminIntegerFieldWidget, help_text="0: asked every time."
    )
    freshness = forms.CharField(
        label="But in a scenario",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="As: credit once, drawdown 7, antifraud every time",
    )
    retention_days = forms.IntegerField(label="The raw answer is kept, days", widget=UnfoldAdminIntegerFieldWidget)
    fallback = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    dead = forms.ChoiceField(
        label="When it and its fallback are silent",
        choices=DeadRule.choices,
        widget=UnfoldAdminSelectWidget,
    )
    consent_code = forms.ChoiceField(label="Consent it needs", widget=UnfoldAdminSelectWidget)
    recipient = forms.CharField(max_length=40, widget=UnfoldAdminTextInputWidget)
    authorisation = forms.ChoiceField(
        label="Authorisation it needs",
        choices=[("", "none"), *NeededAuthorisation.choices],
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Of the borrower's own, beside the consent.",
    )

    field_order = ("name_en", "name_zh", "vendor", "product", "price", "currency", *WHOLE[:5], "freshness")

    def __init__(self, *args: Any, source: Source, **kwargs: Any) -> None:
        initial = {name: getattr(source, name) for name in sources.VALUES} | {
            "price": f"{source.price_cents / 100:.2f}",
            "freshness": freshness.told(source.freshness).strip("-"),
            "fallback": source.fallback.code if source.fallback else "",
        }
        super().__init__(*args, initial=initial, **kwargs)
        others = Source.objects.exclude(pk=source.pk).order_by("code").values_list("code", "name_en")
        codes = Document.objects.order_by("code").values_list("code", flat=True).distinct()
        self.fields["fallback"].choices = [("", "none"), *((code, f"{code} {name}") for code, name in others)]  # type: ignore[attr-defined]
        self.fields["consent_code"].choices = [(code, code) for code in codes]  # type: ignore[attr-defined]
        self.order_fields([name for name in self.fields if name != "reason"])

    def clean_price(self) -> int:
        try:
            return cents(self.cleaned_data["price"].strip())
        except Invalid as error:
            raise forms.ValidationError("An amount, as 3.50") from error

    def clean_freshness(self) -> dict[str, int | None]:
        try:
            return freshness.parsed(self.cleaned_data["freshness"])
        except Invalid as error:
            raise forms.ValidationError(error.detail) from error

    def values(self) -> dict[str, Any]:
        cleaned = dict(self.cleaned_data)
        cleaned["price_cents"] = cleaned.pop("price")
        cleaned.pop("reason")
        return cleaned


class NewSourceForm(SourceForm):
    """Everything of a source but its credentials and its switch, which are set once it is there."""

    code = forms.CharField(max_length=32, widget=UnfoldAdminTextInputWidget, help_text="As bureau_c; never changed.")
    stage = forms.IntegerField(
        widget=UnfoldAdminIntegerFieldWidget, help_text="0 is free; a stage runs if the earlier one did not decline."
    )
    scenario = forms.ChoiceField(choices=AskedIn.choices, widget=UnfoldAdminSelectWidget)
    protocol = forms.ChoiceField(widget=UnfoldAdminSelectWidget, help_text="Which of our adapters speaks to it.")
    endpoint = forms.CharField(
        label="Address",
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="A path behind the gateway, or a whole address with https://.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, source=Source(price_cents=0, fresh_days=0, timeout_ms=3000), **kwargs)
        self.fields["protocol"].choices = [(each, each) for each in sources.protocols()]  # type: ignore[attr-defined]
        self.order_fields(["code", "name_en", "name_zh", "vendor", "product", "scenario", "stage", "protocol"])
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])


class ConnectionForm(ReasonForm):
    """Credentials go in and never come out: nothing is filled in, nothing is shown again."""

    endpoint = forms.CharField(
        label="Address",
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="A path behind the gateway, or a whole address with https://.",
    )
    client_id = forms.CharField(
        max_length=100, required=False, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    )
    secret = forms.CharField(
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(
            attrs={
                "autocomplete": "new-password",
                "class": " ".join(UnfoldAdminTextInputWidget().attrs["class"].split()),
            }
        ),
        help_text="Both empty: the credentials that are there stay.",
    )

    def __init__(self, *args: Any, source: Source, **kwargs: Any) -> None:
        super().__init__(*args, initial={"endpoint": source.endpoint}, **kwargs)
        self.order_fields(["endpoint", "client_id", "secret", "reason"])

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("endpoint", "client_id", "secret")}


class DrillForm(ReasonForm):
    mode = forms.ChoiceField(label="It seems", choices=DrillMode.choices, widget=UnfoldAdminSelectWidget)
    minutes = forms.IntegerField(
        label="For how many minutes",
        initial=5,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=f"1 to {drills.MOST_MINUTES}. It ends by itself, and may be stopped.",
    )

    def __init__(self, *args: Any, source: Source, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(["mode", "minutes", "reason"])

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("mode", "minutes")}


def _add(values: Mapping[str, Any], **why: Any) -> str:
    return reverse("admin:users_source_change", args=[sources.add(values=values, **why)])


def _change(source_id: int, values: Mapping[str, Any], **why: Any) -> str:
    sources.change(source_id=source_id, values=values, **why)
    return reverse("admin:users_source_change", args=[source_id])


def _connect(source_id: int, values: Mapping[str, Any], **why: Any) -> str:
    sources.connect(source_id=source_id, **values, **why)
    return reverse("admin:users_source_change", args=[source_id])


def _drill(source_id: int, values: Mapping[str, Any], **why: Any) -> str:
    drill_id = drills.start(source_id=source_id, **values, **why)
    return reverse("admin:users_drill_change", args=[drill_id])


NEW = (
    "Nobody asks it yet: it starts switched off and without credentials. It is asked as the fallback of another source,"
    " or for variables of the catalogue that name it."
)
# name: (title, button, form, service, permission, what is told above the form)
FORMS: dict[str, tuple[str, str, Any, Any, str, str]] = {
    "values": ("Change {}", "Change", SourceForm, _change, sources.MAY_CHANGE, ""),
    "connection": (
        *("Connect {}", "Connect", ConnectionForm, _connect, sources.MAY_CONNECT),
        "Personal data is sent to this address. Credentials are kept encrypted and are never shown.",
    ),
    "drill": (
        *("Outage drill of {}", "Start the drill", DrillForm, _drill, drills.MAY_RUN),
        "The source is not called while the drill lasts: real applications take the path of its outage.",
    ),
}


@admin.register(Source)
class SourceAdmin(ActingAdmin):
    list_display = (
        *("code", "name_en", "vendor", "stage", "scenario", "price", "limit", "fresh", "fallback", "dead"),
        *("consent_code", "recipient", "state"),
    )
    list_filter = ("enabled", "stage", "scenario", "dead", "vendor")
    search_fields = ("code", "name_zh", "name_en", "vendor")
    list_select_related = ("fallback",)
    fieldsets = (
        (None, {"fields": (("code", "state"), ("name_en", "name_zh"), ("vendor", "product"), ("stage", "scenario"))}),
        ("Price and keeping", {"fields": (("price", "currency"), ("fresh", "retention_days"))}),
        ("Calls", {"fields": (("limit", "retries"), ("pause_ms", "max_parallel"), ("fallback", "dead"))}),
        ("Consent", {"fields": (("consent_code", "recipient"),)}),
        ("Connection", {"fields": (("protocol", "endpoint"), "secrets")}),
    )
    readonly_fields = ("state", "price", "fresh", "limit", "secrets")
    change_form_outer_after_template = "users/source_after.html"
    actions_detail = ("to_values", "to_connection", "to_drill")
    price = money("price_cents")
    acts = {
        "switch_on": Act(
            title="Switch on",
            question="Why is it asked from now on?",
            done="switched on",
            permission=sources.MAY_CHANGE,
            perform=lambda pk, **why: sources.switch(source_id=pk, on=True, **why),
            can=lambda source: not source.enabled,
            icon="toggle_on",
        ),
        "switch_off": Act(
            title="Switch off",
            question="Why is it asked no more?",
            done="switched off",
            permission=sources.MAY_CHANGE,
            perform=lambda pk, **why: sources.switch(source_id=pk, on=False, **why),
            can=lambda source: source.enabled,
            icon="toggle_off",
        ),
    }

    @admin.display(description="state", ordering="enabled")
    def state(self, source: Source) -> SafeString:
        return badge("green", "on") if source.enabled else badge("grey", "off")

    @admin.display(description="an answer keeps", ordering="fresh_days")
    def fresh(self, source: Source) -> str:
        usual = f"{source.fresh_days} days" if source.fresh_days else freshness.EVERY_TIME
        return f"{usual}; {freshness.told(source.freshness)}" if source.freshness else usual

    @admin.display(description="time limit", ordering="timeout_ms")
    def limit(self, source: Source) -> str:
        return f"{source.timeout_ms / 1000:g} s"

    @admin.display(description="credentials")
    def secrets(self, source: Source) -> str:
        return "set, never shown" if source.credentials else "none"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.form_view)
        return [path("<int:source_id>/set/<slug:name>/", view, name="users_source_set"), *super().get_urls()]

    def has_values_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(sources.MAY_CHANGE)

    def has_connection_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(sources.MAY_CONNECT)

    def has_drill_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(drills.MAY_RUN)

    @action(description="Change", url_path="to-values", permissions=["values"], icon="edit")
    def to_values(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:users_source_set", object_id, "values")

    @action(description="Connect", url_path="to-connection", permissions=["connection"], icon="key")
    def to_connection(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:users_source_set", object_id, "connection")

    @action(description="Outage drill", url_path="to-drill", permissions=["drill"], icon="crisis_alert")
    def to_drill(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return redirect("admin:users_source_set", object_id, "drill")

    def form_view(self, request: HttpRequest, source_id: int, name: str) -> HttpResponse:
        """GET shows one of FORMS; POST hands it to its service, or says by field what is wrong."""
        source = get_object_or_404(Source.objects.select_related("fallback"), pk=source_id)
        title, button, form_class, perform, permission, told = FORMS.get(name) or _nothing()
        if not (self.has_view_permission(request) and request.user.has_perm(permission)):
            raise PermissionDenied
        form = form_class(request.POST or None, source=source)
        back = reverse("admin:users_source_change", args=[source_id])
        shown = {"title": title.format(source.code), "button": button, "told": told, "form": form, "back": back}
        return self._done_or_shown(request, partial(perform, source_id), shown)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms((sources.MAY_CHANGE, sources.MAY_CONNECT))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A new source, by a form of its own: what it says is checked by its service, and its history begins here."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, back = NewSourceForm(request.POST or None), reverse("admin:users_source_changelist")
        shown = {"title": "Add a source", "button": "Add", "told": NEW, "form": form, "back": back}
        return self._done_or_shown(request, _add, shown)

    def _done_or_shown(self, request: HttpRequest, perform: Callable[..., str], shown: dict[str, Any]) -> HttpResponse:
        form = shown["form"]
        if request.method == "POST" and form.is_valid():
            why = {"reason": form.cleaned_data["reason"], "by": f"staff:{request.user.pk}", "at": clock.now()}
            try:
                with transaction.atomic(durable=True):
                    done = perform(form.values(), **why)
                messages.success(request, "Done.")
                return redirect(done)
            except DomainError as error:
                say(form, error)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media + form.media}
        return render(request, "users/source_form.html", context | shown)


def _nothing() -> Any:
    raise Http404


def say(form: forms.Form, error: DomainError) -> None:
    """What the service refused, at its fields where they are the form's."""
    fields: dict[str, str] = error.data.get("fields") or {}
    for field, text in fields.items():
        shown = {"price_cents": "price"}.get(field, field)
        form.add_error(shown if shown in form.fields else None, text)
    if not fields:
        form.add_error(None, error.detail)
