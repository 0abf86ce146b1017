from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from imagestudio import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics_text, name="metrics"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("accounts.urls")),
]
if find_spec("accounts.billing.urls"):
    urlpatterns.append(path("credits/", include("accounts.billing.urls")))
if find_spec("generations.urls"):
    urlpatterns.append(path("", include("generations.urls")))
