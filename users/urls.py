"""Addresses of users' doors. `api_urlpatterns` hang under /api/v1/, `page_urlpatterns` at the root,
`callback_urlpatterns` under /callbacks/users/."""

from django.urls import URLPattern, path

from users.api import auth, cards, certificates, consents, me, operator
from users.pages import sign_in, wechat

api_urlpatterns: list[URLPattern] = [
    path("auth/otp", auth.OtpView.as_view()),
    path("auth/token", auth.TokenView.as_view()),
    path("auth/wechat", auth.WechatView.as_view()),
    path("auth/refresh", auth.RefreshView.as_view()),
    path("auth/sign-out", auth.SignOutView.as_view()),
    path("me", me.MeView.as_view()),
    path("me/level", me.LevelView.as_view()),
    path("me/profile", me.ProfileView.as_view()),
    path("me/checks", me.ChecksView.as_view()),
    path("me/face", me.FaceView.as_view()),
    path("me/operator", operator.OperatorView.as_view()),
    path("me/operator/code", operator.OperatorCodeView.as_view()),
    path("me/face/person", me.FaceReviewView.as_view()),
    path("me/contacts", me.ContactsView.as_view()),
    path("me/devices", me.DevicesView.as_view()),
    path("me/device-data", me.DeviceDataView.as_view()),
    path("me/bank-cards", cards.BankCardsView.as_view()),
    path("me/bank-cards/<uuid:card_id>/confirm", cards.BankCardConfirmView.as_view()),
    path("me/certificates", certificates.CertificatesView.as_view()),
    path("me/certificates/<uuid:public_id>", certificates.CertificateView.as_view()),
    path("me/files/<str:token>", certificates.FileView.as_view()),
    path("me/consents", consents.ConsentsView.as_view()),
    path("me/consents/<uuid:consent_id>", consents.ConsentView.as_view()),
    path("me/consents/<uuid:consent_id>/withdraw", consents.ConsentWithdrawView.as_view()),
]
page_urlpatterns: list[URLPattern] = [
    path("sign-in/", sign_in.PhonePage.as_view(), name="sign_in"),
    path("sign-in/code/", sign_in.CodePage.as_view(), name="sign_in_code"),
    path("sign-out/", sign_in.SignOutPage.as_view(), name="sign_out"),
    path("language/", sign_in.LanguagePage.as_view(), name="language"),
    path("wechat/", wechat.start, name="wechat"),
    path("wechat/return", wechat.come_back, name="wechat-return"),
]
callback_urlpatterns: list[URLPattern] = [path("operator", operator.callback, name="users-operator-callback")]
