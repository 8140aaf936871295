"""The page on which anybody checks a PDF that is said to be ours. Nothing of it is kept."""

from typing import Any

from django import forms
from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt

from contracts import services
from lending.common import errors, throttle, web


class _InMemory(MemoryFileUploadHandler):
    """Whatever its size, the file is never written to disk; one that grows too large is dropped."""

    seen = 0

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self.seen += len(raw_data)
        if self.seen > services.LARGEST_TO_VERIFY:
            raise StopUpload(connection_reset=True)
        return super().receive_data_chunk(raw_data, start)


class VerifyForm(forms.Form):
    file = forms.FileField(
        label=_("PDF file"),
        allow_empty_file=True,
        widget=forms.FileInput({"accept": "application/pdf"}),
        help_text=_("As you received it, at most 10 MB."),
        error_messages={"required": _("Choose a PDF of at most 10 MB.")},
    )


# Nobody's session is used and nothing changes: a form of another site may ask as well. The check would read the body
# before the page says where it goes.
@method_decorator(csrf_exempt, name="dispatch")
class VerifyPage(web.Page):
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        answer = super().dispatch(request, *args, **kwargs)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show("contracts/site/verify.html", VerifyForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        throttle.check(request, "verify")
        request.upload_handlers = [_InMemory(request)]
        form, found = VerifyForm({}, request.FILES), None
        if form.is_valid():
            try:
                found = services.recognise(form.cleaned_data["file"].read())
            except errors.Invalid as error:
                web.put(form, error)
        return self.show("contracts/site/verify.html", form, found=found)

    def refused(self, error: errors.DomainError) -> HttpResponse:
        form = VerifyForm({})
        form.errors.clear()
        form.add_error(None, web.says(error))
        answer = self.show("contracts/site/verify.html", form)
        answer.status_code = error.status
        if isinstance(error, errors.TooManyRequests):
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer
