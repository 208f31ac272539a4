"""Django's settings, derived from `config`. Nothing here is edited by an operator."""

import base64
import os

from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from safehold import policy
from safehold.app import config

# Whatever a process of this installation writes (database, keys, mail, evidence) is its owner's alone.
os.umask(0o077)
SAFEHOLD = config.load()
if SAFEHOLD.policy_folder:
    policy.use_folder(SAFEHOLD.policy_folder)

DEBUG = SAFEHOLD.debug
SECRET_KEY = base64.b64encode(config.secret_file(SAFEHOLD.keys / "django.secret", 50)).decode()
ALLOWED_HOSTS = ["*"] if DEBUG else [config.host_of(SAFEHOLD.base_url), "127.0.0.1", "localhost", "[::1]"]
DATABASES = {"default": config.database(SAFEHOLD.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "staff.Member"
ROOT_URLCONF = "safehold.app.urls"
WSGI_APPLICATION = "safehold.app.wsgi.application"

ROOMS = [
    "audit",
    "work",
    "subjects",
    "staff",
    "hosts",
    "evidence",
    "persons",
    "intake",
    "screening",
    "cases",
    "enforcement",
    "cybertip",
    "authorities",
    "removals",
    "notices",
    "redress",
    "path",
    "api",
    "public",
    "console",
    "transparency",
]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    *(f"safehold.{room}" for room in ROOMS),
    "safehold.app",
    "allauth",  # after our rooms: the console's own login templates win
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "safehold.public.refuse_files.RefuseFiles",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "safehold.public.context.installation",
            ],
        },
    },
]

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_ADAPTER = "safehold.console.accounts.ClosedSignup"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False  # a closed browser is signed out
MFA_ADAPTER = "safehold.console.accounts.SealedSecrets"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Safehold"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an administrator makes the accounts; an address proves nothing
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SAFEHOLD.base_url.startswith("https://")  # loopback only
LOGIN_REDIRECT_URL = "/console/"
LOGIN_URL = "account_login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese")), ("ar", _("Arabic"))]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

SECURE = SAFEHOLD.base_url.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_AGE = 60 * 60 * 10
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31536000 if SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"  # with "no-referrer" browsers send `Origin: null`, which the CSRF check refuses
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [SAFEHOLD.base_url]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# A report holds text alone: a megabyte is far more than a person types (docs/operations.md).
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

DEFAULT_FROM_EMAIL = SAFEHOLD.mail_from
EMAIL_BACKEND, EMAIL_SETTINGS = config.mail(SAFEHOLD)
globals().update(EMAIL_SETTINGS)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"safehold": {"level": "INFO"}},
}
