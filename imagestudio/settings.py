"""All settings. An empty environment gives the demo; DEPLOYED=1 makes every secret required.

Each variable that is read here stands in .env.example.
"""

import hashlib
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from csp.constants import NONE, SELF

from imagestudio.lib import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("VAR", "var"))
VAR = VAR if VAR.is_absolute() else BASE_DIR / VAR

DEPLOYED = env.flag("DEPLOYED")
DEBUG = False
PORT = env.number("PORT", 8000)
if not 0 < PORT < 65_536:
    raise env.ConfigurationError(f"PORT is {PORT}; choose one from 1024 to 65535.")
SITE_URL = env.text("SITE_URL").rstrip("/") or f"http://localhost:{PORT}"
if urlsplit(SITE_URL).scheme not in {"http", "https"} or not urlsplit(SITE_URL).hostname:
    raise env.ConfigurationError("SITE_URL must look like https://studio.example.com.")


def _secret(name: str) -> str:
    value = env.text(name)
    if value:
        return value
    return env.required(name) if DEPLOYED else env.generated(name, folder=VAR)


SECRET_KEY = _secret("SECRET_KEY")
SEALING_KEYS = [key.strip() for key in _secret("SEALING_KEYS").split(",") if key.strip()]
if not SEALING_KEYS:
    raise env.ConfigurationError("SEALING_KEYS holds no key.")

_site = urlsplit(SITE_URL)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or [_site.hostname or "localhost"]
if not DEPLOYED:
    ALLOWED_HOSTS = sorted({*ALLOWED_HOSTS, "localhost", "127.0.0.1", "[::1]"})
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"]
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)

# --- The upstream made for trying things out -------------------------------------------------

SANDBOX_ENABLED = env.flag("SANDBOX", default=not DEPLOYED)
SANDBOX_PORT = PORT + 10_000 if PORT + 10_000 < 65_536 else PORT - 10_000
SANDBOX_STORE = VAR / "sandbox" / "sandbox.db"
SANDBOX_API_KEY = _secret("SANDBOX_API_KEY") if SANDBOX_ENABLED else ""

# Exact host:port pairs that may lie on a private network; everything else must be public.
EGRESS_ALLOW = frozenset(pair.lower() for pair in env.words("EGRESS_ALLOW"))
for _pair in EGRESS_ALLOW:
    if not _pair.rpartition(":")[0] or not _pair.rpartition(":")[2].isdigit():
        raise env.ConfigurationError(f"EGRESS_ALLOW names {_pair!r}; write host:port.")
if SANDBOX_ENABLED:
    EGRESS_ALLOW |= {f"127.0.0.1:{SANDBOX_PORT}", f"localhost:{SANDBOX_PORT}"}

# --- Applications ----------------------------------------------------------------------------

INSTALLED_APPS = [
    "imagestudio",
    "accounts",
    "accounts.billing",
    "generations",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "template_partials",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "imagestudio.caching.private_unless_said",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.team_of_the_request",
]

ROOT_URLCONF = "imagestudio.urls"
WSGI_APPLICATION = "imagestudio.wsgi.application"
ASGI_APPLICATION = "imagestudio.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.frame",
            ],
        },
    },
]

# --- Database --------------------------------------------------------------------------------

_database_url = env.text("DATABASE_URL") or f"sqlite:///{VAR / 'imagestudio.sqlite3'}"
if urlsplit(_database_url).scheme not in {"sqlite", "postgres", "postgresql"}:
    raise env.ConfigurationError("DATABASE_URL must begin with postgres:// or sqlite:///.")
DATABASES = {"default": dj_database_url.parse(_database_url)}
DATABASE = DATABASES["default"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue for the whole file: they must ask for the lock at BEGIN, or two that have
    # read would both wait for the other to let go. WAL lets readers go on meanwhile.
    DATABASE["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32000;"
        ),
    }
else:
    DATABASE["CONN_HEALTH_CHECKS"] = True
    DATABASE["CONN_MAX_AGE"] = 60
    # A process that froze in the middle of a transaction holds a wallet: not for ever.
    DATABASE.setdefault("OPTIONS", {}).setdefault(
        "options", "-c lock_timeout=20s -c idle_in_transaction_session_timeout=60s"
    )

# --- Redis -----------------------------------------------------------------------------------


def _socket_path() -> Path:
    path = VAR / "valkey" / "valkey.sock"
    if len(str(path)) < 100:
        return path
    # A socket's address holds 107 bytes; a deep folder gets a short, private stand-in.
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"imagestudio-{digest}" / "valkey.sock"


REDIS_URL = env.text("REDIS_URL")
if REDIS_URL and urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    raise env.ConfigurationError("REDIS_URL must begin with redis://, rediss:// or unix://.")
EMBEDDED_REDIS_SOCKET = None if REDIS_URL else _socket_path()
REDIS_URL = REDIS_URL or f"unix://{EMBEDDED_REDIS_SOCKET}"

# One queue a worker process: with several, RQ takes a job out of Redis before anything else knows
# of it. JSON, because whoever can write pickles to Redis can run code here.
RQ_QUEUES = {"steps": {"URL": REDIS_URL, "SERIALIZER": "rq.serializers.JSONSerializer"}}

# --- Cache: guards log-ins, so it must not vanish with Redis ------------------------------------

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
    },
    # For figures that may differ between processes for a minute.
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

# --- Storage ---------------------------------------------------------------------------------

_bucket = env.group("AWS_STORAGE_BUCKET_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
MEDIA_ROOT = VAR / "media"
S3_CONFIGURED = bool(_bucket["AWS_STORAGE_BUCKET_NAME"])
for _name in ("AWS_S3_ENDPOINT_URL", "AWS_S3_REGION_NAME"):
    if env.text(_name) and not S3_CONFIGURED:
        raise env.ConfigurationError(f"{_name} is set, but AWS_STORAGE_BUCKET_NAME is not.")
if S3_CONFIGURED:
    from botocore.config import Config

    _media = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": _bucket["AWS_STORAGE_BUCKET_NAME"],
            "access_key": _bucket["AWS_ACCESS_KEY_ID"],
            "secret_key": _bucket["AWS_SECRET_ACCESS_KEY"],
            "endpoint_url": env.text("AWS_S3_ENDPOINT_URL") or None,
            "region_name": env.text("AWS_S3_REGION_NAME", "us-east-1"),
            "default_acl": None,
            "querystring_expire": 60,
            "file_overwrite": True,
            # Without limits of its own a dead bucket would hold a page for minutes.
            "client_config": Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=30,
                max_pool_connections=50,
                retries={"mode": "standard", "total_max_attempts": 3},
            ),
        },
    }
else:
    _media = {
        "BACKEND": "imagestudio.lib.files.DurableFileSystemStorage",
        "OPTIONS": {"location": MEDIA_ROOT, "allow_overwrite": True},
    }
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": _media,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- People ----------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _site.scheme

WELCOME_CREDITS = env.number("WELCOME_CREDITS", 0 if DEPLOYED else 20)

EMAIL_URL = env.text("EMAIL_URL")
if EMAIL_URL:
    # The library takes smtps for STARTTLS and lets unknown words pass; we ask for plain ones.
    if urlsplit(EMAIL_URL).scheme not in {"submission", "smtp", "console"}:
        raise env.ConfigurationError(
            "EMAIL_URL must begin with submission:// (STARTTLS) or smtp:// (with ?ssl=True for TLS "
            "from the first byte)."
        )
    _email = dj_email_url.parse(EMAIL_URL)
    EMAIL_BACKEND = _email["EMAIL_BACKEND"]
    EMAIL_HOST = _email["EMAIL_HOST"]
    EMAIL_PORT = _email["EMAIL_PORT"]
    EMAIL_HOST_USER = _email["EMAIL_HOST_USER"]
    EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS = _email["EMAIL_USE_TLS"]
    EMAIL_USE_SSL = _email["EMAIL_USE_SSL"]
    EMAIL_TIMEOUT = 10
elif DEPLOYED:
    raise env.ConfigurationError("EMAIL_URL is not set. With DEPLOYED=1 it must be.")
else:
    EMAIL_BACKEND = "accounts.mailbox.DemoMailBackend"
DEMO_MAILBOX = not EMAIL_URL and not DEPLOYED
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"ImageStudio <studio@{_site.hostname}>")

# --- Sessions, cookies, headers --------------------------------------------------------------

# Cookies do not know ports: two studios on one machine must not log each other out.
_cookie_suffix = "" if DEPLOYED else f"_{PORT}"
SESSION_COOKIE_NAME = f"session{_cookie_suffix}"
CSRF_COOKIE_NAME = f"csrf{_cookie_suffix}"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if _site.scheme == "https":
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    if TRUSTED_PROXIES:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- The pipeline ----------------------------------------------------------------------------

UNKNOWN_SECONDS = env.number("UNKNOWN_SECONDS", 900, minimum=1)
LEASE_SECONDS = env.number("LEASE_SECONDS", 30, minimum=1)
KILLPOINT = env.flag("KILLPOINT")

# --- The rest --------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper() or "INFO"
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise env.ConfigurationError(f"LOG_LEVEL is {LOG_LEVEL!r}; write INFO or WARNING.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "imagestudio.lib.logs.LineFormatter"}},
    "filters": {"brief": {"()": "imagestudio.lib.logs.Brief"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "rq": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "uvicorn": {"level": "WARNING"},
        "django.server": {"level": "WARNING"},
        "django.security.DisallowedHost": {"filters": ["brief"]},
        "PIL": {"level": "WARNING"},
    },
}
