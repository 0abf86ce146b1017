from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    name = "generations"

    def ready(self) -> None:
        from accounts import frame
        from generations import checks, queries

        checks.register_all()
        frame.register("open_count", queries.open_count)
