from django.urls import path

from generations import live, webhooks
from generations.views import create, files, gallery, show

urlpatterns = [
    path("", create.create, name="create"),
    path("generate/", create.submit, name="submit"),
    path("quote/", create.quote, name="quote"),
    path("g/<uuid:public_id>/", show.detail, name="generation"),
    path("g/<uuid:public_id>/card/", show.card, name="card"),
    path("g/<uuid:public_id>/cancel/", create.cancel, name="cancel"),
    path("g/<uuid:public_id>/<int:position>/", show.detail, name="image"),
    path("gallery/", gallery.gallery, name="gallery"),
    path("live/stream", live.stream, name="live"),
    path("live/changes", live.changes, name="changes"),
    path("files/t/<str:token>/<uuid:public_id>/<int:side>.webp", files.thumb, name="thumb"),
    path("files/<uuid:public_id>/original", files.original, name="original"),
    path("files/<uuid:public_id>/download", files.download, name="download"),
    path("webhooks/<slug:protocol>/<str:token>", webhooks.receive, name="webhook"),
]
