"""Before money is taken: consent, the camera on the vendor's own page, and back with what it saw."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from lending.common import web
from lending.pages import words
from users import queries as users
from users.services import consents, face_reviews, faces

CONSENT, RECIPIENT, HOME = "biometric", "face_vendor", "/home/"
PHOTOS = tuple(face_reviews.PICTURES.values())


class FaceConsentForm(forms.Form):
    accept = forms.BooleanField(
        label=_("I have read this and agree"),
        error_messages={"required": _("Without this consent no face is compared.")},
    )


class FacePage(web.BorrowerPage):
    """The consent, then the way to the camera, then how the comparison stands."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(FaceConsentForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.POST.get("ask") == "person":
            return self._ask_a_person()
        form, document = FaceConsentForm(request.POST), users.document(CONSENT, self.now())
        if form.is_valid() and self.does(
            form,
            lambda: consents.give(
                user_id=self.user_id(),
                code=CONSENT,
                version=document.version if document else "",
                recipients=(),
                ip=self.ip(),
                at=self.now(),
            ),
        ):
            return redirect(request.get_full_path())
        return self._page(form)

    def _ask_a_person(self) -> HttpResponse:
        form = FaceConsentForm(self.request.POST)
        form.fields["accept"].required = False  # nothing is agreed to here: the page only has one form for its errors
        if self.does(form, lambda: face_reviews.ask(user_id=self.user_id(), at=self.now())):
            return redirect(self.request.get_full_path())
        return self._page(form)

    def _page(self, form: FaceConsentForm) -> HttpResponse:
        user_id, at = self.user_id(), self.now()
        back = web.inside(self.request, self.request.GET.get("next"), HOME)
        agreed = users.live_consent(user_id, CONSENT, RECIPIENT, at) is not None
        needed = users.face_needed(user_id, at)
        check = next((check for check in users.checks(user_id) if check.kind == "face"), None)
        if check is not None and check.state == "passed" and needed:
            check = None  # it holds no more
        review = users.face_review(user_id)
        if review is not None and review.state == "passed" and needed:
            review = None
        kept = {row.kind for row in users.certificates_in_use(user_id)}
        photos = [{"title": words.CERTIFICATES[kind], "kept": kind in kept} for kind in PHOTOS]
        return_url = self.request.build_absolute_uri(reverse("face_return"))
        camera = (
            faces.address(user_id=user_id, back=back, return_url=return_url, at=at)
            if agreed and not form.is_bound
            else ""
        )
        return self.show(
            "lending/face.html",
            form,
            document=users.document(CONSENT, at),
            camera=camera,
            back=back,
            needed=needed,
            check=check,
            said=words.FACES[check.reason or check.state] if check else "",
            review=review,
            told=words.FACE_REVIEWS.get(review.state, "") if review else "",
            photos=photos,
            live=(check.state if check and check.state == "pending" else "")
            or (review.state if review and review.state == "waiting" else ""),
        )


class ReturnPage(web.BorrowerPage):
    """From the camera. The state says that we sent this borrower there: what a form's token is elsewhere."""

    def get(self, request: HttpRequest) -> HttpResponse:
        with transaction.atomic(durable=True):
            back = faces.come_back(
                user_id=self.user_id(),
                state=request.GET.get("state", ""),
                liveness=request.GET.get("liveness_token", ""),
                at=self.now(),
            )
        return redirect(f"{reverse('face')}?{urlencode({'next': back})}")

    def refused(self, error: Any) -> HttpResponse:
        messages.error(self.request, web.says(error))
        return redirect("face")
