"""Addresses of the borrower site."""

from django.urls import URLPattern, path

from lending.pages import agreements, app, applications, apply, cards, drawdowns, grants, landing, loans, me

urlpatterns: list[URLPattern] = [
    path("", landing.LandingPage.as_view(), name="landing"),
    path("home/", me.HomePage.as_view(), name="home"),
    path("documents/<slug:code>/", agreements.DocumentPage.as_view(), name="document"),
    path("agreements/<slug:code>/", agreements.SignDocumentPage.as_view(), name="sign_document"),
    path("apply/", apply.StartPage.as_view(), name="apply"),
    path("applications/<uuid:public_id>/", applications.ApplicationPage.as_view(), name="application"),
    path("applications/<uuid:public_id>/amount/", apply.AmountPage.as_view(), name="apply_amount"),
    path("applications/<uuid:public_id>/identity/", apply.IdentityPage.as_view(), name="apply_identity"),
    path("applications/<uuid:public_id>/details/", apply.DetailsPage.as_view(), name="apply_details"),
    path("applications/<uuid:public_id>/contacts/", apply.ContactsPage.as_view(), name="apply_contacts"),
    path("applications/<uuid:public_id>/agreements/", agreements.AgreementsPage.as_view(), name="apply_agreements"),
    path("applications/<uuid:public_id>/confirm/", apply.ConfirmPage.as_view(), name="apply_confirm"),
    path("applications/<uuid:public_id>/supplement/", applications.SupplementPage.as_view(), name="supplement"),
    path("applications/<uuid:public_id>/cancel/", applications.CancelPage.as_view(), name="cancel_application"),
    path("applications/<uuid:public_id>/appeal/", applications.AppealPage.as_view(), name="appeal"),
    path("grants/<uuid:public_id>/", grants.GrantPage.as_view(), name="grant"),
    path("grants/<uuid:public_id>/draw/", grants.DrawPage.as_view(), name="draw"),
    path("drawdowns/<uuid:public_id>/", drawdowns.DrawdownPage.as_view(), name="drawdown"),
    path("drawdowns/<uuid:public_id>/sign/", drawdowns.SignPage.as_view(), name="sign"),
    path("drawdowns/<uuid:public_id>/card/", drawdowns.CardPage.as_view(), name="card_fix"),
    path("drawdowns/<uuid:public_id>/cancel/", drawdowns.CancelPage.as_view(), name="cancel_drawdown"),
    path("drawdowns/<uuid:public_id>/contracts/<uuid:contract_id>/", drawdowns.ContractPage.as_view(), name="contract"),
    path(
        "drawdowns/<uuid:public_id>/contracts/<uuid:contract_id>.pdf",
        drawdowns.ContractFilePage.as_view(),
        name="contract_file",
    ),
    path("loans/<uuid:public_id>/", loans.LoanPage.as_view(), name="loan"),
    path("loans/<uuid:public_id>/repay/", loans.RepayPage.as_view(), name="repay"),
    path("loans/<uuid:public_id>/settle/", loans.SettlePage.as_view(), name="settle"),
    path("loans/<uuid:public_id>/return/", loans.ReturnPage.as_view(), name="return"),
    path("me/", me.MePage.as_view(), name="me"),
    path("me/consents/", me.ConsentsPage.as_view(), name="consents"),
    path("me/consents/<uuid:consent_id>/withdraw/", me.WithdrawConsentPage.as_view(), name="withdraw_consent"),
    path("me/data/", me.DataUsedPage.as_view(), name="data_used"),
    path("cards/new/", cards.NewCardPage.as_view(), name="card_new"),
    path("cards/<uuid:card_id>/", cards.CardPage.as_view(), name="card"),
    path("cards/<uuid:card_id>/remove/", cards.RemoveCardPage.as_view(), name="card_remove"),
    path("manifest.webmanifest", app.manifest, name="manifest"),
    path("sw.js", app.service_worker, name="service_worker"),
    path("offline/", app.OfflinePage.as_view(), name="offline"),
]
