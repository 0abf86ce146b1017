from django.contrib import admin
from django.urls import include, path

from imagestudio import views

handler500 = "imagestudio.views.broken"

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics_text, name="metrics"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("credits/", include("accounts.billing.urls")),
    path("", include("accounts.urls")),
    path("", include("generations.urls")),
]
