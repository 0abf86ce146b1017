from django.urls import path

from accounts import views

urlpatterns = [
    path("mailbox/", views.mailbox, name="mailbox"),
]
