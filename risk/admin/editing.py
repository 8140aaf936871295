"""The visual editor in the back office: a draft to work on, a release or a decision to look at. Thin doors around
`services.drawing` and `services.drafts`; what the page's own scripts ask is answered in JSON, refusals as problems."""

from dataclasses import asdict
from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from unfold.decorators import action

from lending.common import clock, problem
from lending.common.errors import NotFound
from risk.admin.answering import answering, body_of, json_of, revision_of
from risk.models import Draft
from risk.rules.spreadsheet import MAX_BYTES, TooLarge
from risk.services import drafts, drawing
from risk.services.drawing import Drawing

WRITE = "risk.write_strategy"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Drawn(ModelAdmin):
    """A row that has a page on which it is drawn, named `risk_<model>_<page>`."""

    page = "drawing"

    def drawing(self, pk: int) -> Drawing:
        """Raises NotFound."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.draw_view)
        return [path(f"<int:pk>/{self.page}/", view, name=self._address(self.page)), *super().get_urls()]

    def _address(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def _url(self, name: str, *args: Any) -> str:
        return reverse(f"{self.admin_site.name}:{self._address(name)}", args=args)

    @action(description="Graph", url_path="to-drawing", permissions=["view"], icon="account_tree")
    def draw(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return redirect(self._url(self.page, object_id))

    def draw_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            drawn = self.drawing(pk)
        except NotFound as error:
            raise Http404(error.detail) from error
        data = asdict(drawn) | {
            "read_only": not self._may_write(request, drawn),
            "urls": self._urls(request, pk, drawn),
            "csrf": get_token(request),
        }
        shown = {
            **self.admin_site.each_context(request),
            "title": drawn.title,
            "opts": self.opts,
            "data": data,
        }
        return render(request, "risk/editor.html", shown)

    def _may_write(self, request: HttpRequest, drawn: Drawing) -> bool:
        return False

    def _urls(self, request: HttpRequest, pk: int, drawn: Drawing) -> dict[str, str]:
        return {"back": self._url("change", pk)}


class DrawnRelease(Drawn):
    def drawing(self, pk: int) -> Drawing:
        return drawing.of_release(pk)


class DrawnDecision(Drawn):
    """With the path that the decision took."""

    def drawing(self, pk: int) -> Drawing:
        return drawing.of_decision(pk)


class EditedDraft(Drawn):
    """A flow or table that is drawn and changed; what the editor asks of the server."""

    page = "editor"

    def drawing(self, pk: int) -> Drawing:
        return drawing.of_draft(pk)

    def get_urls(self) -> list[URLPattern]:
        doors = {
            "save": self.save_view,
            "check": self.check_view,
            "simulate": self.simulate_view,
            "excel_out": self.excel_out_view,
            "excel_in": self.excel_in_view,
        }
        own = [
            path(f"<int:pk>/editor/{name}/", self.admin_site.admin_view(door), name=self._address(f"editor_{name}"))
            for name, door in doors.items()
        ]
        return [*own, *super().get_urls()]

    def _may_write(self, request: HttpRequest, drawn: Drawing) -> bool:
        return drawn.is_open and request.user.has_perm(WRITE)

    def _urls(self, request: HttpRequest, pk: int, drawn: Drawing) -> dict[str, str]:
        names = ["check", "excel_out"]
        if self._may_write(request, drawn):
            names += ["save", "simulate", "excel_in"]
        asked = {name: self._url(f"editor_{name}", pk) for name in names}
        return super()._urls(request, pk, drawn) | asked | {"tests": self._url("tests", pk)}

    @answering(permission=WRITE)
    def save_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST {graph, revision} → {revision}; 409 where somebody else saved meanwhile."""
        body = body_of(request)
        graph, revision = _graph(body), revision_of(body)
        by = f"staff:{request.user.pk}"
        with transaction.atomic(durable=True):
            saved: Draft = drafts.save(draft_id=pk, revision=revision, authored=graph, by=by, at=clock.now())
        return JsonResponse({"revision": saved.revision})

    @answering()
    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST {graph} → {problems: [{file, node, field, code, message}]}."""
        problems = drawing.checked(draft_id=pk, graph=_graph(body_of(request)))
        return JsonResponse({"problems": [asdict(each) for each in problems]})

    @answering(permission=WRITE)
    def simulate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST {graph, context} → {result} or {error}, as the editor reads them."""
        body = body_of(request)
        return JsonResponse(drawing.simulated(draft_id=pk, graph=_graph(body), context=body.get("context")))

    @answering()
    def excel_out_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST {graph, node} → the workbook of that table, as it stands on the page."""
        body = body_of(request)
        data = drawing.sheet_of(_graph(body), str(body.get("node")))
        return HttpResponse(
            data, content_type=XLSX, headers={"Content-Disposition": 'attachment; filename="table.xlsx"'}
        )

    @answering(permission=WRITE)
    def excel_in_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST a form of file, graph and node → {content, rows}: nothing is stored, the page takes it over."""
        try:
            fields, sheet = request.POST, request.FILES.get("file")
        except RequestDataTooBig as error:
            raise problem.TooLarge("The graph is too large. Nothing was changed.") from error
        if sheet is None:
            raise problem.Malformed("`file` is missing.")
        if (sheet.size or 0) > MAX_BYTES:
            raise TooLarge(f"The file has {sheet.size} bytes; at most {MAX_BYTES} are read. Nothing was changed.")
        graph = _graph({"graph": json_of(fields.get("graph", ""))})
        content = drawing.read_sheet(graph, fields.get("node", ""), sheet.read())
        return JsonResponse({"content": content, "rows": len(content["rules"])})


def _graph(body: dict[str, Any]) -> dict[str, Any]:
    """Two lists of objects; what is wrong inside them is the gate's to say."""
    graph = body.get("graph")
    if not isinstance(graph, dict):
        raise problem.Malformed("`graph` is an object.")
    for part in ("nodes", "edges"):
        if not isinstance(graph.get(part), list) or not all(isinstance(each, dict) for each in graph[part]):
            raise problem.Malformed(f"`graph.{part}` is a list of objects.")
    return {"nodes": graph["nodes"], "edges": graph["edges"]}
