"""What the pages about people read."""

from django.db.models import QuerySet

from accounts.models import Letter


def newest_letters() -> QuerySet[Letter]:
    return Letter.objects.order_by("-sent_at", "-pk")[:50]
