"""Addresses of lending's API, relative to /api/v1/."""

from django.urls import URLPattern, path

from lending.api import agreements, applications, drawdowns, grants, loans, products, rights

api_urlpatterns: list[URLPattern] = [
    path("agreements", agreements.AgreementsView.as_view()),
    path("me/data-used", agreements.DataUsedView.as_view()),
    path("me/erase", rights.EraseView.as_view()),
    path("me/export", rights.ExportView.as_view()),
    path("products", products.ProductsView.as_view()),
    path("products/<slug:code>/quote", products.QuoteView.as_view()),
    path("applications", applications.ApplicationsView.as_view()),
    path("applications/<uuid:public_id>", applications.ApplicationView.as_view()),
    path("applications/<uuid:public_id>/submit", applications.SubmitView.as_view()),
    path("applications/<uuid:public_id>/cancel", applications.CancelView.as_view()),
    path("applications/<uuid:public_id>/appeal", applications.AppealView.as_view()),
    path("applications/<uuid:public_id>/supplements", applications.SupplementsView.as_view()),
    path("grants", grants.GrantsView.as_view()),
    path("drawdowns", drawdowns.DrawdownsView.as_view()),
    path("drawdowns/<uuid:public_id>", drawdowns.DrawdownView.as_view()),
    path("drawdowns/<uuid:public_id>/card", drawdowns.CardView.as_view()),
    path("drawdowns/<uuid:public_id>/cancel", drawdowns.CancelView.as_view()),
    path("drawdowns/<uuid:public_id>/contracts", drawdowns.ContractsView.as_view()),
    path("drawdowns/<uuid:public_id>/contracts/sign", drawdowns.SignView.as_view()),
    path("drawdowns/<uuid:public_id>/contracts/<uuid:contract_id>", drawdowns.ContractFileView.as_view()),
    path("loans", loans.LoansView.as_view()),
    path("loans/<uuid:public_id>", loans.LoanView.as_view()),
    path("loans/<uuid:public_id>/schedule", loans.ScheduleView.as_view()),
    path("loans/<uuid:public_id>/repayments", loans.RepaymentsView.as_view()),
    path("loans/<uuid:public_id>/settlement-quote", loans.SettlementQuoteView.as_view()),
    path("loans/<uuid:public_id>/withdrawal", loans.WithdrawalView.as_view()),
]
