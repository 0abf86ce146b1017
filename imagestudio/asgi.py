import os
from typing import cast

from django.core.asgi import get_asgi_application
from django.db import connections

from imagestudio.lib.bodies import App, Cap, bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagestudio.settings")
KIB = 1024
application = bounded(
    cast(App, get_asgi_application()),
    caps={"/webhooks/": Cap(256 * KIB, seconds=20)},
    default=Cap(1024 * KIB, seconds=60),
)
# Each request runs in a thread of its own here. A connection kept for the next one would be kept
# for nobody, and a few hundred pages would take every connection that the database grants.
connections.settings["default"]["CONN_MAX_AGE"] = 0
