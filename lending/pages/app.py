"""The site as an app on the home screen: its manifest, its service worker, and the page without a connection."""

from django.contrib.staticfiles.finders import find
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.utils import translation
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from lending.common import web

GROUND, ACCENT = "#faf9f7", "#0e5a5a"


@require_safe
def manifest(request: HttpRequest) -> JsonResponse:
    icons = [
        {"src": static(f"lending/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in (192, 512)
        for purpose in ("any", "maskable")
    ]
    content = {
        "id": "/",
        "name": gettext("Cash loan"),
        "short_name": gettext("Cash loan"),
        "lang": translation.get_language(),
        "start_url": "/home/",
        "scope": "/",
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": ACCENT,
        "icons": icons,
    }
    return JsonResponse(content, content_type="application/manifest+json")


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Served from the root, because a worker looks after what lies below its own address."""
    path = find("lending/sw.js")
    if not isinstance(path, str):
        raise Http404
    with open(path) as file:
        answer = HttpResponse(file.read(), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer


class OfflinePage(web.Page):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show("offline.html")
