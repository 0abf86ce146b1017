from django.urls import path

from accounts.billing import views

urlpatterns = [
    path("", views.credits_page, name="credits"),
    path("wallet/", views.wallet, name="wallet"),
]
