"""What staff do to rows in the back office: one form that asks why, one service a row, its reason kept by the service.

Nothing here decides who may: the button hides, the page refuses, and the service refuses again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin
from lending.common.errors import DomainError

AT_ONCE = 200


class ReasonForm(forms.Form):
    """`question`: what the reason answers."""

    reason = forms.CharField(
        label=_("Reason"), min_length=5, max_length=300, widget=UnfoldAdminTextInputWidget, help_text=_("It is kept.")
    )

    def __init__(self, *args: Any, question: Any = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if question:
            self.fields["reason"].label = question


@dataclass(frozen=True)
class Act:
    """`perform(pk, reason=, by=, at=)` is one service; `can` tells on which rows the act has a meaning.

    `form`: where more than a reason is asked for, all of it handed to `perform`; `initial` of the first row. `shows`:
    what `perform` returns is shown, this once.
    """

    title: Any
    question: str
    done: str
    permission: str
    perform: Callable[..., Any]
    can: Callable[[Any], bool]
    icon: str = "edit_note"
    form: type[ReasonForm] = ReasonForm
    initial: Callable[[Any], dict[str, Any]] = lambda row: {}
    shows: str = ""


def switching(permission: str, perform: Callable[..., Any], *, off: str) -> dict[str, Act]:
    """The two acts on a row that is `enabled` or not; `perform` takes `on` too. `off`: what is told once it is off."""

    def switch(on: bool) -> Act:
        return Act(
            title="Switch on" if on else "Switch off",
            question="Why?",
            done="switched on" if on else f"switched off: {off}",
            permission=permission,
            perform=partial(perform, on=on),
            can=lambda row: row.enabled != on,
            icon="toggle_on" if on else "toggle_off",
        )

    return {"switch_on": switch(True), "switch_off": switch(False)}


class ActingAdmin(ReadOnlyAdmin):
    """`acts` by name: each is an action of the list and a button of the page, and what was done stands below it."""

    acts: Mapping[str, Act] = {}
    change_form_outer_after_template = "lending/office/acts.html"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        named = cls.__dict__.get("acts", {})
        for name, act in named.items():
            setattr(cls, f"ask_{name}", _button(name, act))
            setattr(cls, f"has_ask_{name}_permission", _permission(act))
        cls.actions_detail = (*(f"ask_{name}" for name in named), *(cls.actions_detail or ()))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.act_view)
        return [path("act/<slug:name>/", view, name=self._url_name("act")), *super().get_urls()]

    def _url_name(self, view: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{view}"

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request) or {}
        allowed = {name: act for name, act in self.acts.items() if request.user.has_perm(act.permission)}
        return found | {name: (partial(_ask_for, name), name, act.title) for name, act in allowed.items()}

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Without the buttons that this row has no use for."""
        row = self.get_object(request, str(object_id))
        idle = {f"{self._url_name('ask')}_{name}" for name, act in self.acts.items() if row and not act.can(row)}
        return [shown for shown in super().get_actions_detail(request, object_id) if shown.action_name not in idle]

    def act_address(self, name: str, pks: Sequence[Any]) -> str:
        address = reverse(f"{self.admin_site.name}:{self._url_name('act')}", args=[name])
        return f"{address}?ids={','.join(map(str, pks))}"

    def act_details(self, row: Any) -> str:
        """What somebody should read before doing it to this row."""
        return ""

    def act_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """GET asks why; POST does it to every chosen row, each in a transaction of its own."""
        act = self.acts.get(name)
        if act is None:
            raise Http404
        if not (request.user.has_perm(act.permission) and self.has_view_permission(request)):
            raise PermissionDenied
        back = reverse(f"{self.admin_site.name}:{self._url_name('changelist')}")
        rows = [row for row in self._chosen(request) if act.can(row)]
        if not rows:
            messages.info(request, _("There is nothing to do here (any more)."))
            return redirect(back)
        form = act.form(request.POST or None, question=act.question, initial=act.initial(rows[0]))
        if form.is_valid():
            refused, answers = self._carry_out(request, act, rows, form.cleaned_data)
            if answers and act.shows:
                told = {**self.admin_site.each_context(request), "title": act.title, "shows": act.shows, "back": back}
                shown_once = render(request, "lending/office/shown_once.html", told | {"answers": answers})
                shown_once["Cache-Control"] = "no-store"
                return shown_once
            if len(refused) < len(rows):
                alone = f"{self.admin_site.name}:{self._url_name('change')}"
                return redirect(alone, rows[0].pk) if len(rows) == 1 else redirect(back)
            form.add_error(None, ValidationError(refused))
        shown = {
            **self.admin_site.each_context(request),
            "title": act.title,
            "opts": self.opts,
            "form": form,
            "rows": [(row, self.act_details(row)) for row in rows],
            "back": back,
        }
        return render(request, "lending/office/act.html", shown)

    def _chosen(self, request: HttpRequest) -> QuerySet[Any]:
        key = self.model._meta.pk
        try:
            ids = [key.to_python(text) for text in request.GET.get("ids", "").split(",") if text][:AT_ONCE]
        except ValidationError:
            ids = []
        chosen: QuerySet[Any] = self.get_queryset(request).filter(pk__in=ids).order_by("pk")
        return chosen

    def _carry_out(
        self, request: HttpRequest, act: Act, rows: Sequence[Any], said: dict[str, Any]
    ) -> tuple[list[str], list[tuple[Any, Any]]]:
        """Why some were refused, and what the acts on the others returned."""
        refused: list[str] = []
        answers: list[tuple[Any, Any]] = []
        for row in rows:
            try:
                with transaction.atomic(durable=True):
                    answer = act.perform(row.pk, **said, by=f"staff:{request.user.pk}", at=clock.now())
                answers.append((row, answer))
            except DomainError as error:
                refused.append(f"{row}: {error.detail}")
        if len(refused) < len(rows):
            messages.success(request, f"{len(rows) - len(refused)} {act.done}.")
            for text in refused:
                messages.error(request, text)
        return refused, answers


def _ask_for(name: str, page: ActingAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
    return HttpResponseRedirect(page.act_address(name, list(queryset.values_list("pk", flat=True)[:AT_ONCE])))


def _button(name: str, act: Act) -> Any:
    def ask(self: ActingAdmin, request: HttpRequest, object_id: Any) -> HttpResponse:
        return HttpResponseRedirect(self.act_address(name, [object_id]))

    return action(description=act.title, url_path=f"ask-{name}", permissions=[f"ask_{name}"], icon=act.icon)(ask)


def _permission(act: Act) -> Callable[..., bool]:
    def allowed(self: ActingAdmin, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(act.permission)

    return allowed
