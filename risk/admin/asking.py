"""Pages that ask for more than a reason: a form, one service, and back."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from lending.common import clock
from lending.common.errors import DomainError


class AskingAdmin(ModelAdmin):
    def ask(
        self,
        request: HttpRequest,
        form: forms.Form,
        *,
        title: str,
        permission: str,
        perform: Callable[..., str],
        done: str,
        back: str = "",
    ) -> HttpResponse:
        """GET shows the form; a valid POST calls `perform(by=, at=, **cleaned)`, which returns where to go on."""
        if not (request.user.has_perm(permission) and self.has_view_permission(request)):
            raise PermissionDenied
        if form.is_bound and form.is_valid():
            try:
                with transaction.atomic(durable=True):
                    onwards = perform(by=f"staff:{request.user.pk}", at=clock.now(), **form.cleaned_data)
            except DomainError as error:
                _add(form, error)
            else:
                messages.success(request, done)
                return redirect(onwards)
        shown = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "back": back or self.list_address(),
        }
        return render(request, "lending/office/act.html", shown)

    def list_address(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def page_address(self, pk: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[pk])


def _add(form: forms.Form, error: DomainError) -> None:
    fields = dict(error.data.get("fields") or {})
    for name in [name for name in fields if name in form.fields]:
        form.add_error(name, str(fields.pop(name)))
    told = [error.detail, *fields.values(), *error.data.get("blockers", ())]
    if fields or not error.data.get("fields"):
        for text in dict.fromkeys(map(str, told)):
            form.add_error(None, text)
