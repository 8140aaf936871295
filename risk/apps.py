from django.apps import AppConfig


class RiskConfig(AppConfig):
    name = "risk"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Risk"

    def ready(self) -> None:
        from risk.providers import QUERIES
        from users.services import sources

        sources.spoken_by(QUERIES)
