"""The first page: what an amount costs, before anything is asked."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict

from lending import queries
from lending.common import clock, web
from lending.pages.forms import AmountForm
from lending.queries import ProductView, QuoteView

FIRST = {"amount": "10000", "months": "12"}


class LandingPage(web.Page):
    def get(self, request: HttpRequest) -> HttpResponse:
        offered = sorted(queries.products(), key=lambda row: (row.family == "business", row.code))
        product = next((row for row in offered if row.code == request.GET.get("product")), next(iter(offered), None))
        if product is None:
            return self.show("lending/landing.html", products=())
        form = AmountForm(_asked(request.GET, product), product=product, with_purpose=False)
        quote = quoted(product, form.cleaned_data) if form.is_valid() else None
        link = urlencode({"product": product.code, **{name: form.data.get(name, "") for name in form.fields}})
        answer = self.show("lending/landing.html", form, products=offered, product=product, quote=quote, link=link)
        answer.status_code = 200  # looking around with an amount out of range is no mistake
        return answer


def _asked(data: QueryDict, product: ProductView) -> dict[str, Any]:
    """What the address says, filled up: the nearest term the product has, the first way to repay."""
    months = data.get("months") or FIRST["months"]
    if not months.isdigit() or int(months) not in product.terms_months:
        months = str(min(product.terms_months, key=lambda term: abs(term - int(FIRST["months"]))))
    method = data.get("method", "")
    return {
        "amount": data.get("amount") or FIRST["amount"],
        "months": months,
        "method": method if method in product.methods else product.methods[0],
    }


def quoted(product: ProductView, asked: dict[str, Any]) -> QuoteView:
    """At the dearest price: an offer can only be cheaper."""
    return queries.quote(
        product_code=product.code,
        amount_cents=asked["amount"],
        months=asked["months"],
        method=asked["method"],
        on=clock.business_date(clock.now()),
    )
