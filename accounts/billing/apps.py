from django.apps import AppConfig
from django.db.models.signals import post_migrate


class BillingConfig(AppConfig):
    name = "accounts.billing"
    label = "billing"

    def ready(self) -> None:
        from accounts.billing import triggers

        post_migrate.connect(triggers.after_migrate, sender=self)
