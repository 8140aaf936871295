"""Addresses of lending's API: `api_urlpatterns` under /api/v1/, `partner_urlpatterns` under /partner/v1/."""

from django.urls import URLPattern, path

from lending.api import agreements, applications, drawdowns, grants, loans, offers, products, rights
from lending.api.partner import agreements as partner_agreements
from lending.api.partner import cards as partner_cards
from lending.api.partner import drawdowns as partner_drawdowns
from lending.api.partner import limits as partner_limits
from lending.api.partner import loans as partner_loans
from lending.api.partner import quote as partner_quote

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
    path("offers", offers.OffersView.as_view()),
    path("offers/<uuid:public_id>", offers.OfferView.as_view()),
    path("offers/<uuid:public_id>/accept", offers.AcceptView.as_view()),
]
partner_urlpatterns: list[URLPattern] = [
    path("agreements", partner_agreements.AgreementsView.as_view()),
    path("bank-cards", partner_cards.BankCardsView.as_view()),
    path("bank-cards/<uuid:card_id>/confirm", partner_cards.CardConfirmView.as_view()),
    path("drawdowns", partner_drawdowns.DrawdownsView.as_view()),
    path("drawdowns/<uuid:public_id>", partner_drawdowns.DrawdownView.as_view()),
    path("drawdowns/<uuid:public_id>/cancel", partner_drawdowns.CancelView.as_view()),
    path("drawdowns/<uuid:public_id>/card", partner_drawdowns.CardView.as_view()),
    path("drawdowns/<uuid:public_id>/contracts", partner_drawdowns.ContractsView.as_view()),
    path("drawdowns/<uuid:public_id>/contracts/<uuid:contract_id>", partner_drawdowns.ContractFileView.as_view()),
    path("drawdowns/<uuid:public_id>/sign", partner_drawdowns.SignView.as_view()),
    path("limits", partner_limits.LimitsView.as_view()),
    path("loans/<uuid:public_id>/repayment-plan", partner_loans.PlanView.as_view()),
    path("loans/<uuid:public_id>/repayments", partner_loans.RepaymentsView.as_view()),
    path("loans/<uuid:public_id>/settlement-quote", partner_loans.SettlementQuoteView.as_view()),
    path("quote", partner_quote.QuoteView.as_view()),
]
