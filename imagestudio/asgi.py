import os
from typing import cast

from django.core.asgi import get_asgi_application

from imagestudio.lib.bodies import App, Cap, bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagestudio.settings")
KIB = 1024
application = bounded(
    cast(App, get_asgi_application()),
    caps={"/webhooks/": Cap(256 * KIB, seconds=20)},
    default=Cap(1024 * KIB, seconds=60),
)
