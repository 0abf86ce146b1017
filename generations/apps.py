from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    name = "generations"

    def ready(self) -> None:
        from accounts import frame
        from accounts.billing.queries import tell_captures
        from generations import checks, queries

        checks.register_all()
        frame.register("open_count", queries.open_count)
        tell_captures(queries.prompts)
