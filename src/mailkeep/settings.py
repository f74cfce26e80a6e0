"""Django's settings: the environment, read once.

`MAILKEEP_HOME` and `DATABASE_URL` are all that matter. Without `DATABASE_URL` the database is the embedded one, whose
socket and password `mailkeep.host` keeps in the home folder; `host.home.prepare()` comes before the first look at
these settings.
"""

from __future__ import annotations

import os

from mailkeep.host import environment

HOME = environment.home()
SECRET_KEY = environment.django_secret()
DEBUG = False
ALLOWED_HOSTS = os.environ.get("MAILKEEP_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [one.strip() for one in os.environ.get("MAILKEEP_ORIGINS", "").split(",") if one.strip()]

# Behind a web server with a certificate: the header by which it says that a request came by HTTPS. Only whoever sets it strips what
# strangers send under that name, so nothing is believed by default.
PROXY_HEADER = os.environ.get("MAILKEEP_PROXY_HEADER", "").strip()
if PROXY_HEADER:
    SECURE_PROXY_SSL_HEADER = ("HTTP_" + PROXY_HEADER.upper().replace("-", "_"), "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "mailkeep.catalog",
    "mailkeep.web",
]
ROOT_URLCONF = "mailkeep.urls"
WSGI_APPLICATION = "mailkeep.wsgi.application"

# --- Database and jobs ------------------------------------------------------------------------------------------------
DATABASES = {
    "default": {
        **environment.database(),
        "CONN_MAX_AGE": 600,  # threads of the console and the workers live long; each keeps its connection
        "CONN_HEALTH_CHECKS": True,  # … and notices that the database was restarted
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""  # jobs are declared by `operations`, which whoever runs a worker imports

# --- People -----------------------------------------------------------------------------------------------------------
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# --- Console: middleware, templates, static files, security headers ---------------------------------------------------
MIDDLEWARE = [  # outermost first
    "django.middleware.gzip.GZipMiddleware",  # static files too: WhiteNoise serves them as they lie in the package
    "mailkeep.web.headers.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "mailkeep.web.choices.own_zone",
    "mailkeep.web.problems.Problems",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mailkeep.web.choices.page_context",
            ],
        },
    }
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "tasks"
CSRF_COOKIE_HTTPONLY = True
STATIC_URL = "/static/"
STORAGES = {"staticfiles": {"BACKEND": "mailkeep.web.static_files.StaticFiles"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 365 * 24 * 3600  # addresses change with the content

# --- Language and time ------------------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "mailkeep.web.formats"
LANGUAGES = [("en", "English")]  # every text is marked for translation; the next language comes in here

# --- Log: to standard error; the supervisor's terminal or the service manager keeps it
# ---------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname:<7} {name} {message}", "style": "{"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("MAILKEEP_LOG", "WARNING").upper()},
    "loggers": {
        "procrastinate": {"level": "WARNING"},  # at INFO it writes two lines per job
        "django": {"handlers": [], "propagate": True},
    },
}
