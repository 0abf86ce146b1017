"""Refuse to start on a catalogue that cannot be served."""

from typing import Any

from django.core import checks

from generations.catalog.spec import BrokenCatalog, catalog
from generations.protocols import registry

# What serves the catalogue asks for this check by name, since it skips the slower ones.
TAG = "catalog"


def register_all() -> None:
    checks.register(catalog_is_sound, TAG)


def catalog_is_sound(**_: Any) -> list[checks.CheckMessage]:
    try:
        models = catalog()
    except BrokenCatalog as error:
        return [checks.Error(str(error), id="generations.E001")]
    return [
        checks.Error(
            f"[{model.id}]: no protocol {offering.protocol!r} is spoken here", id="generations.E002"
        )
        for model in models.values()
        for offering in model.offerings
        if not registry.is_known(offering.protocol)
    ]
