"""Applying, one question a page. Each step keeps what was entered; any device can go on with it."""

import uuid
from abc import ABC, abstractmethod
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from lending import flow, queries
from lending.common import clock, web
from lending.common.crypto import mask_id, mask_name
from lending.pages import words
from lending.pages.forms import NOTHING, AmountForm, KeyForm, Yuan, choices
from lending.queries import ApplicationView
from lending.services import applications, idempotency
from traffic import queries as traffic
from users import queries as users
from users.models import Province
from users.services import checks, contacts, profiles

CONTACTS_SHOWN = 2
PROVINCES_EN = {
    "BJ": "Beijing", "TJ": "Tianjin", "HE": "Hebei", "SX": "Shanxi", "NM": "Inner Mongolia", "LN": "Liaoning",
    "JL": "Jilin", "HL": "Heilongjiang", "SH": "Shanghai", "JS": "Jiangsu", "ZJ": "Zhejiang", "AH": "Anhui",
    "FJ": "Fujian", "JX": "Jiangxi", "SD": "Shandong", "HA": "Henan", "HB": "Hubei", "HN": "Hunan", "GD": "Guangdong",
    "GX": "Guangxi", "HI": "Hainan", "CQ": "Chongqing", "SC": "Sichuan", "GZ": "Guizhou", "YN": "Yunnan",
    "XZ": "Tibet", "SN": "Shaanxi", "GS": "Gansu", "QH": "Qinghai", "NX": "Ningxia", "XJ": "Xinjiang",
}  # fmt: skip


class StartPage(web.BorrowerPage):
    """What to borrow: begins a draft, or leads on to the one that is open."""

    def get(self, request: HttpRequest) -> HttpResponse:
        offered = queries.products()
        product = next((row for row in offered if row.code == request.GET.get("product")), None)
        if product is None:
            return self.show("lending/choose_product.html", products=offered)
        given = {name: request.GET[name] for name in ("amount", "months", "method") if request.GET.get(name)}
        form = AmountForm(product=product, initial={"months": product.terms_months[0], **given})
        return self._show(form, uuid.uuid4())

    def post(self, request: HttpRequest) -> HttpResponse:
        product = queries.product(request.GET.get("product", ""))
        form, key = AmountForm(request.POST, product=product), KeyForm(request.POST)
        if not (form.is_valid() and key.is_valid()):
            return self._show(form, uuid.uuid4())
        started: list[str] = []
        if self.does(form, lambda: started.append(self._start(product.code, form.cleaned_data, key))):
            return redirect("application", started[0])
        return self._show(form, uuid.uuid4())

    def _start(self, product_code: str, asked: dict[str, Any], key: KeyForm) -> str:
        def act() -> idempotency.Answer:
            pk = applications.start(
                user_id=self.user_id(),
                product_code=product_code,
                channel_code=traffic.channel_of_visit(self.request.session.get(traffic.VISIT), product_code),
                by=self.by(),
                at=self.now(),
                amount_cents=asked["amount"],
                months=asked["months"],
                method=asked["method"],
                purpose=asked["purpose"],
            )
            return idempotency.Answer(201, str(queries.application(pk).public_id))

        answer, _again = idempotency.once(
            caller=self.by(),
            key=f"page-{key.cleaned_data['key']}",
            request={"product": product_code, **asked},
            at=self.now(),
            act=act,
        )
        return str(answer.body)

    def _show(self, form: AmountForm, key: UUID) -> HttpResponse:
        waiting = [row for row in queries.applications_of(self.user_id()) if row.status in ("DRAFT", "SUPPLEMENT")]
        return self.show(
            "lending/apply/amount.html",
            form,
            product=form.product,
            key=key,
            step="amount",
            progress=progress("amount"),
            waiting=waiting[:1],
        )


def progress(step: str) -> dict[str, Any]:
    """Where a step stands: "2 of 5"."""
    names = list(queries.STEPS)
    return {
        "number": names.index(step) + 1,
        "of": len(names),
        "title": words.STEPS[step],
        "names": words.STEPS.values(),
    }


class StepPage(web.BorrowerPage, ABC):
    """A step of one draft. What is no longer a draft is shown where it now stands."""

    step = ""
    template = ""
    draft: ApplicationView

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        return self._moved_on(public_id) or self.page(self.form())

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        if moved := self._moved_on(public_id):
            return moved
        form = self.form(request.POST)
        if form.is_valid() and self.does(form, lambda: self.save(form)):
            return redirect("application", public_id)
        return self.page(form)

    def _moved_on(self, public_id: UUID) -> HttpResponse | None:
        self.draft = queries.application_for(self.user_id(), public_id)
        return None if self.draft.status == "DRAFT" else redirect("application", public_id)

    @abstractmethod
    def form(self, data: Any = None) -> Any: ...

    @abstractmethod
    def save(self, form: Any) -> None: ...

    def page(self, form: forms.BaseForm, **values: Any) -> HttpResponse:
        return self.show(
            self.template, form, application=self.draft, step=self.step, progress=progress(self.step), **values
        )


class AmountPage(StepPage):
    step, template = "amount", "lending/apply/amount.html"

    def form(self, data: Any = None) -> AmountForm:
        draft = self.draft
        initial = {
            "amount": draft.amount_cents // 100 if draft.amount_cents else "",
            "months": draft.months,
            "method": draft.method,
            "purpose": draft.purpose,
        }
        return AmountForm(data, product=queries.product(draft.product_code), initial=initial)

    def save(self, form: AmountForm) -> None:
        asked = form.cleaned_data
        applications.plan(
            application_id=self.draft.id,
            amount_cents=asked["amount"],
            months=asked["months"],
            method=asked["method"],
            purpose=asked["purpose"],
        )

    def page(self, form: forms.BaseForm, **values: Any) -> HttpResponse:
        return super().page(form, product=queries.product(self.draft.product_code))


class IdentityForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=60, widget=forms.TextInput({"autocomplete": "name"}))
    id_number = forms.CharField(
        label=_("Resident ID number"),
        max_length=24,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    id_expires_on = forms.DateField(
        label=_("Valid until"),
        required=False,
        help_text=_("Leave empty where the card says “long-term”."),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    accept = forms.BooleanField(
        label=_("I allow this check"), error_messages={"required": _("Without this consent nobody can be checked.")}
    )


class IdentityPage(StepPage):
    step, template = "identity", "lending/apply/identity.html"

    def form(self, data: Any = None) -> IdentityForm:
        me = users.person(self.user_id())
        initial = {"name": me.name, "id_number": me.id_number, "id_expires_on": me.id_expires_on}
        return IdentityForm(data, initial=initial)

    def save(self, form: IdentityForm) -> None:
        document = users.document("identity", self.now())
        flow.identify(
            user_id=self.user_id(),
            name=form.cleaned_data["name"],
            id_number=form.cleaned_data["id_number"],
            id_expires_on=form.cleaned_data["id_expires_on"],
            consent_version=document.version if document else "",
            ip=self.ip(),
            by=self.by(),
            at=self.now(),
        )

    def page(self, form: forms.BaseForm, **values: Any) -> HttpResponse:
        me = users.person(self.user_id())
        result = users.identity_result(self.user_id(), self.now())
        confirmed = result is not None and result.state == "passed"
        return super().page(
            form,
            document=users.document("identity", self.now()),
            confirmed=confirmed,
            shown={"name": mask_name(me.name), "id_number": mask_id(me.id_number)} if confirmed else None,
        )


class DetailsForm(forms.Form):
    province = forms.ChoiceField(label=_("Province"))
    city = forms.CharField(label=_("City"), max_length=40)
    address = forms.CharField(label=_("Street and number"), max_length=200)
    housing = forms.ChoiceField(label=_("How you live"), choices=choices(words.HOUSING), widget=forms.RadioSelect)
    employment = forms.ChoiceField(label=_("Time in your present job"), choices=[NOTHING, *choices(words.EMPLOYMENT)])
    employer = forms.CharField(label=_("Employer"), max_length=100, required=False)
    job = forms.CharField(label=_("Job"), max_length=32, required=False)
    net_income = Yuan(label=_("Net income a month"), help_text=_("After tax, in yuan."))
    instalments_elsewhere = Yuan(
        label=_("Instalments you pay elsewhere, a month"), help_text=_("0 where there are none.")
    )
    savings = forms.ChoiceField(label=_("Savings"), choices=[NOTHING, *choices(words.SAVINGS)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["province"].choices = [NOTHING, *_provinces()]  # type: ignore[attr-defined]


def _provinces() -> list[tuple[str, str]]:
    return [(code, name if words.is_chinese() else PROVINCES_EN[code]) for code, name in Province.choices]


class DetailsPage(StepPage):
    step, template = "details", "lending/apply/details.html"

    def form(self, data: Any = None) -> DetailsForm:
        me = users.person(self.user_id())
        declared = me.declared
        initial = {
            "province": me.province,
            "city": me.city,
            "address": me.address,
            "housing": declared.get("housing"),
            "employment": me.employment,
            "employer": me.employer,
            "job": me.job,
            "net_income": _yuan(me.net_income_cents),
            "instalments_elsewhere": _yuan(me.instalments_elsewhere_cents),
            "savings": declared.get("savings"),
        }
        return DetailsForm(data, initial=initial)

    def save(self, form: DetailsForm) -> None:
        told = form.cleaned_data
        same = {name: told[name] for name in ("province", "city", "address", "employment", "employer", "job")}
        profiles.save(
            user_id=self.user_id(),
            net_income_cents=told["net_income"],
            instalments_elsewhere_cents=told["instalments_elsewhere"],
            declared={"housing": told["housing"], "savings": told["savings"]},
            by=self.by(),
            at=self.now(),
            **same,
        )


def _yuan(amount_cents: int | None) -> str:
    if amount_cents is None:
        return ""
    return str(amount_cents // 100) if amount_cents % 100 == 0 else f"{amount_cents / 100:.2f}"


class ContactForm(forms.Form):
    relation = forms.ChoiceField(label=_("Who"), choices=[NOTHING, *choices(words.RELATIONS)])
    name = forms.CharField(label=_("Name"), max_length=60)
    phone = forms.CharField(
        label=_("Mobile number"), max_length=20, widget=forms.TextInput({"type": "tel", "inputmode": "tel"})
    )


Contacts = forms.formset_factory(
    ContactForm, extra=CONTACTS_SHOWN - 1, min_num=1, max_num=contacts.AT_MOST, validate_min=True, validate_max=True
)


class ContactsPage(StepPage):
    step, template = "contacts", "lending/apply/contacts.html"

    def form(self, data: Any = None) -> Any:
        named = users.person(self.user_id()).contacts
        initial = [{"relation": row.relation, "name": row.name, "phone": row.phone} for row in named]
        return Contacts(data, initial=initial, prefix="contact")

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        if moved := self._moved_on(public_id):
            return moved
        form = self.form(request.POST)
        first = form.forms[0] if form.forms else ContactForm({})
        if form.is_valid() and self.does(first, lambda: self.save(form)):
            return redirect("application", public_id)
        return self.page(form)

    def save(self, form: Any) -> None:
        named = [contacts.NewContact(**row) for row in form.cleaned_data if row]
        contacts.replace(user_id=self.user_id(), contacts=named, at=self.now())


class ConfirmPage(web.BorrowerPage):
    """Everything at a glance, and the button that sends it."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        return self._page(public_id, forms.Form())

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        draft = queries.application_for(self.user_id(), public_id)
        form = forms.Form(request.POST)
        if "check_again" in request.POST:
            self.does(form, lambda: checks.request(user_id=self.user_id(), kind="id2", at=self.now()))
            return self._page(public_id, form)
        return self._send(draft, form)

    def _send(self, draft: ApplicationView, form: forms.Form) -> HttpResponse:
        sent = form.is_valid() and self.does(
            form,
            lambda: applications.submit(
                application_id=draft.id,
                amount_cents=draft.amount_cents or 0,
                months=draft.months or 0,
                method=draft.method,
                purpose=draft.purpose,
                by=self.by(),
                at=self.now(),
            ),
        )
        return redirect("application", draft.public_id) if sent else self._page(draft.public_id, form)

    def _page(self, public_id: UUID, form: forms.Form) -> HttpResponse:
        draft = queries.application_for(self.user_id(), public_id)
        if draft.status != "DRAFT":
            return redirect("application", public_id)
        if left := queries.unfinished(draft, self.now()):
            return redirect_to_step(public_id, left[0])
        me = users.person(self.user_id())
        result = users.identity_result(self.user_id(), self.now())
        product = queries.product(draft.product_code)
        return self.show(
            "lending/apply/confirm.html",
            form,
            application=draft,
            product=product,
            purpose=words.PURPOSES.get(draft.purpose, draft.purpose),
            method=words.METHODS[draft.method],
            me={"name": mask_name(me.name), "id_number": mask_id(me.id_number)},
            person=me,
            employment=words.EMPLOYMENT.get(me.employment, ""),
            identity=result.state if result else "pending",
            live="" if result else "checking",
            operator=users.operator(self.user_id(), self.now()),
            quote=queries.quote(
                product_code=product.code,
                amount_cents=draft.amount_cents or 0,
                months=draft.months or 0,
                method=draft.method,
                on=clock.business_date(self.now()),
            ),
        )


def redirect_to_step(public_id: UUID, step: str) -> HttpResponseRedirect:
    return redirect(f"apply_{step}", public_id)
