"""Django's settings: the environment, read once.

`MAILKEEP_HOME` and `DATABASE_URL` are all that matter. Without `DATABASE_URL` the database is the embedded one, whose socket and
password `mailkeep.host` keeps in the home folder.
"""

from __future__ import annotations

import os

from mailkeep.host import environment

HOME = environment.home()
SECRET_KEY = environment.django_secret()
DEBUG = False
ALLOWED_HOSTS = os.environ.get("MAILKEEP_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "mailkeep.catalog",
    "mailkeep.web",
]
DATABASES = {"default": environment.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
ROOT_URLCONF = "mailkeep.urls"
