"""Signing in to the back office: password and, where settings ask for it, the code of a registered device.

Wrong ones are limited by name and address, by address, and by name. Where the cache cannot count, staff still come in:
an outage is when they are needed, and in production the second factor stands behind the password.
"""

import logging
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_otp import match_token
from unfold.forms import AuthenticationForm
from unfold.widgets import BASE_INPUT_CLASSES

from lending.common.attempts import Limit, Uncounted

logger = logging.getLogger(__name__)

QUARTER = 15 * 60
BY_NAME_AND_ADDRESS = Limit("staff-name-address", 5, QUARTER)
BY_ADDRESS = Limit("staff-address", 20, QUARTER)
BY_NAME = Limit("staff-name", 50, QUARTER)  # high: whoever knows a name must not be able to lock its owner out


class StaffLoginForm(AuthenticationForm):
    """Adds `otp_token`; absent where STAFF_SECOND_FACTOR is off (development)."""

    otp_token = forms.CharField(label=_("Code of your device"), max_length=8)

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        if settings.STAFF_SECOND_FACTOR:
            self.fields["otp_token"].widget.attrs |= {
                "class": " ".join(BASE_INPUT_CLASSES),
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "form": "login-form",  # stands beside the form in the template
            }
        else:
            del self.fields["otp_token"]

    def clean(self) -> dict[str, Any]:
        counted = self._count()
        cleaned = super().clean() or {}
        user = self.get_user()
        if settings.STAFF_SECOND_FACTOR and user is not None:
            device = match_token(user, cleaned.get("otp_token", ""))
            if device is None:
                raise forms.ValidationError(_("The code is not valid."), code="invalid_token")
            user.otp_device = device  # django_otp's login receiver stores it in the session
        for limit, who in counted:
            limit.give_back(who)
        return cleaned

    def _count(self) -> list[tuple[Limit, str]]:
        """Count this try against every limit, before the password is looked at."""
        name = str(self.cleaned_data.get("username", "")).casefold()
        address = str(self.request.META.get("REMOTE_ADDR", "")) if self.request else ""
        tries = [(BY_NAME_AND_ADDRESS, f"{name}\0{address}"), (BY_ADDRESS, address), (BY_NAME, name)]
        try:
            allowed = [limit.begin(who) for limit, who in tries]
        except Uncounted as error:
            logger.warning("staff sign-in not limited: the cache does not answer", extra={"limit": str(error)})
            return []
        if not all(allowed):
            logger.warning("staff sign-in refused: too many wrong passwords", extra={"address": address})
            raise forms.ValidationError(
                _("Too many wrong passwords. Try again in 15 minutes."), code="too_many_attempts"
            )
        return tries
