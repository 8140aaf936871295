"""Signing in to the back office: password and, where settings ask for it, the code of a registered device."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_otp import match_token
from unfold.forms import AuthenticationForm
from unfold.widgets import BASE_INPUT_CLASSES


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
        cleaned = super().clean() or {}
        user = self.get_user()
        if settings.STAFF_SECOND_FACTOR and user is not None:
            device = match_token(user, cleaned.get("otp_token", ""))
            if device is None:
                raise forms.ValidationError(_("The code is not valid."), code="invalid_token")
            user.otp_device = device  # django_otp's login receiver stores it in the session
        return cleaned
