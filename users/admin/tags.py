"""Tags, put on and taken off for a reason, and loyalty levels with what became of them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from lending.common import clock
from lending.common.acting import Act, ActingAdmin, ReasonForm
from lending.common.admin import ReadOnlyAdmin
from lending.common.crypto import mask_name, mask_phone
from lending.common.errors import DomainError
from users import queries
from users.admin.search import PersonSearch
from users.models import Level, Tag, TagKind, User, UserLevel, UserLevelChange
from users.services import tags
from users.services.lists import ExpiryRequired


class TagForm(ReasonForm):
    tag = forms.ChoiceField(label="Tag", widget=UnfoldAdminSelectWidget)
    until = forms.DateField(
        label="Until",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text="The last day it is on.",
    )

    field_order = ("tag", "until", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(row.code, f"{row.name_zh} {row.name_en} ({row.code})") for row in queries.tags_by_hand()]
        self.fields["tag"].choices = kinds  # type: ignore[attr-defined]


@admin.register(Tag)
class TagAdmin(PersonSearch, ActingAdmin):
    """Rules put most of them on; staff put some on from the page of a customer, for a reason and a time."""

    large = True
    ordering = ("-pk",)
    list_display = ("user", "tag", "source", "reason", "put_at", "expires_at")
    list_filter = ("tag",)
    list_select_related = ("user",)
    acts = {
        "take_off": Act(
            title="Take the tag off",
            question="Why does it no longer hold?",
            done="taken off",
            permission=tags.MAY_TAG,
            perform=lambda pk, **why: tags.take_off(tag_id=pk, **why),
            can=lambda tag: tag.expires_at is None or tag.expires_at > clock.now(),
            icon="label_off",
        )
    }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.put_view)
        return [path("put/<int:user_id>/", view, name="users_tag_put"), *super().get_urls()]

    def put_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """GET asks which tag, until when and why; POST puts it on."""
        if not request.user.has_perm(tags.MAY_TAG):
            raise PermissionDenied
        if not User.objects.filter(pk=user_id, kind="borrower").exists():
            raise Http404
        form = TagForm(request.POST or None, question="Why?")
        back = reverse("admin:lending_customer_change", args=[user_id])
        if form.is_valid():
            until = clock.end_of(form.cleaned_data["until"])
            why = {"reason": form.cleaned_data["reason"], "by": f"staff:{request.user.pk}", "at": clock.now()}
            try:
                with transaction.atomic(durable=True):
                    tags.put_by_hand(user_id=user_id, tag=form.cleaned_data["tag"], expires_at=until, **why)
                self.message_user(request, f"{form.cleaned_data['tag']} is on.")
                return redirect(back)
            except DomainError as error:
                form.add_error("until" if isinstance(error, ExpiryRequired) else None, error.detail or error.title)
        person = queries.person(user_id)
        shown = {
            **self.admin_site.each_context(request),
            "title": "Put a tag on",
            "opts": self.opts,
            "form": form,
            "who": f"{mask_name(person.name) or 'No name yet'} {mask_phone(person.phone)}",
            "tags": queries.tags_of(user_id, clock.now()),
            "back": back,
        }
        return TemplateResponse(request, "users/tag_put.html", shown)


@admin.register(TagKind)
class TagKindAdmin(ReadOnlyAdmin):
    """Comes with the configuration; a rule may also put on a tag that nobody has named."""

    list_display = ("code", "name_zh", "name_en", "days", "by_hand")
    list_filter = ("by_hand",)


@admin.register(Level)
class LevelAdmin(ReadOnlyAdmin):
    list_display = (
        "code",
        "name_zh",
        "name_en",
        "on_time_instalments",
        "settled_loans",
        "max_dpd",
        "limit_factor",
        "price_delta",
    )


@admin.register(UserLevel)
class UserLevelAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    list_display = ("user", "level", "since_at")
    list_filter = ("level",)
    list_select_related = ("user", "level")


@admin.register(UserLevelChange)
class UserLevelChangeAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("user", "before", "level", "at")
    list_filter = ("level", "at")
    list_select_related = ("user", "before", "level")
