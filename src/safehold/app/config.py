"""Where an installation keeps its settings: the data folder, environment variables, key files.

Others may call: `load()`; everything else reads `django.conf.settings.SAFEHOLD`.
Every setting is listed, with its default, in docs/operations.md.
"""

import os
import secrets
from datetime import date
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import unquote, urlsplit

import msgspec

from safehold.sealing.files import make_once

ENVIRONMENTS = ("practice", "test", "production")
Unscreened = Literal["not_screened", "review", "hide"]


class ConfigError(Exception):
    """A setting that cannot be used: says which, what was read, and what is allowed."""


class Cybertip(msgspec.Struct, frozen=True):
    """Where CyberTips go. `environment` is where `url` leads; filing refuses a mismatch."""

    url: str
    username: str
    password: str
    environment: str  # practice (the simulator) | test (NCMEC's exttest) | production


class Provider(msgspec.Struct, frozen=True):
    """Who files: the profile that every CyberTip carries (18 USC 2258A(a)(1)(B)(i))."""

    name: str  # the service's name, as users know it
    first_name: str
    last_name: str
    email: str
    phone: str
    company: str  # who we are, how to serve legal process, how long data is kept
    legal_url: str

    @property
    def complete(self) -> bool:
        """Whether production filing may be turned on."""
        required = (self.name, self.first_name, self.last_name, self.email, self.phone, self.company, self.legal_url)
        return all(required)


class Uk(msgspec.Struct, frozen=True):
    """The provider's registration with the United Kingdom's NCA (SI 2026/268 reg. 4), before the first report to it."""

    registration: str = ""
    registered_on: date | None = None

    @property
    def registered(self) -> bool:
        """Whether a report to the NCA may be prepared."""
        return bool(self.registration) and self.registered_on is not None


class Screening(msgspec.Struct, frozen=True):
    """How uploads are screened (docs/screening.md)."""

    flood_accounts: int = 20  # so many different accounts within the window, and an entry is held back
    flood_minutes: int = 60
    file_bytes: int = 128 * 1024 * 1024  # of an uploaded or fetched file
    decoders: int = 2  # child processes that decode files, for each process that takes files
    fetch: bool = False  # whether hosts may have files fetched by their address
    not_screened: Literal["not_screened", "review", "hide"] = (
        "not_screened"  # what hosts are told to do with what could not be screened; or review, hide
    )
    stale_seconds: int = 15  # without news of the database, after which no answer is given
    index_changes: int = 100_000  # changes on top of the index's files, after which it is built anew
    metrics_token: str = ""  # "" = /metrics answers loopback addresses alone


class Classifier(msgspec.Struct, frozen=True):
    """The operator's own model that orders the queue by texts (docs/screening-links.md). Off without an address."""

    url: str = ""  # the part before /chat/completions
    model: str = ""
    api_key: str = ""
    allowed_hosts: tuple[str, ...] = ()  # outside this machine and private networks, called their own by the operator
    threshold: float = 0.75  # of a score from 0 to 1, from which on it counts
    opens: bool = False  # whether it may bring a person where there is no case yet


class Config(msgspec.Struct, frozen=True):
    """One installation's settings, read once at start."""

    data: Path
    database_url: str
    base_url: str
    environment: str
    cybertip: Cybertip
    provider: Provider
    debug: bool
    appeal_window_days: int
    read_private_key: bool  # False in a process that only writes evidence (design: invariant 14)
    object_store: str  # "" = the data folder; else an obstore URL such as s3://bucket/prefix
    email_url: str  # "" = messages are written as files to <data>/mail
    mail_from: str
    trusted_proxies: str  # addresses whose X-Forwarded-* headers are believed; "" = none
    policy_folder: Path | None = None  # the operator's own policies and versions (docs/policy-packs.md)
    policy_start: date | None = None  # the day from which the operator applies its policy (readings A01)
    key_store: str = ""  # "" = <data>/keystore.sqlite3; else sqlite:///PATH or postgresql://…[?schema=NAME]
    private_key: str = ""  # where the vault's private key is: "" = key files; see evidence/opening.py
    key_service_token: str = ""
    key_backups: str = ""  # "" = <data>/key-backups
    key_backup_days: int = 7
    report_alarm_hours: int = 24  # what is known for longer and not filed raises an alarm (path/clock.py)
    exchange_alarm_hours: int = 24  # a list that was not read for longer raises an alarm (path/exchanges.py)
    uk: Uk = Uk()
    removal_hide_at_once: bool = False  # a removal request hides before a person has checked it (docs/removals.md)
    two_people_look: bool = False  # a grant to look at evidence needs a second custodian
    screening: Screening = Screening()
    classifier: Classifier = Classifier()
    guard_agreement_percent: int = 99  # below it, automation of screening turns itself off (screening/guard.py)
    look_back_percent: int = 5  # of decisions made unseen: so many are shown to a person afterwards
    archive_days: int = 90  # for which hashes of what was screened are kept, for lists that grow; 0 = none are

    @property
    def keys(self) -> Path:
        """Folder of key files. Backed up apart from the data, see docs/operations.md."""
        return self.data / "keys"


def load(environ: "os._Environ[str] | dict[str, str]" = os.environ) -> Config:
    """Read settings from the environment. Raises ConfigError naming the variable."""
    get = environ.get
    data = Path(get("SAFEHOLD_DATA", "data")).resolve()
    environment = get("SAFEHOLD_ENVIRONMENT", "practice")
    for name in ("SAFEHOLD_ENVIRONMENT", "SAFEHOLD_CYBERTIP_ENVIRONMENT"):
        if get(name, "practice") not in ENVIRONMENTS:
            raise ConfigError(f"{name} is {get(name)!r}; it must be one of: {', '.join(ENVIRONMENTS)}.")
    loaded = Config(
        data=data,
        database_url=get("SAFEHOLD_DATABASE_URL", f"sqlite:///{data}/safehold.sqlite3"),
        base_url=get("SAFEHOLD_BASE_URL", "http://127.0.0.1:8000").rstrip("/"),
        environment=environment,
        cybertip=Cybertip(
            url=get("SAFEHOLD_CYBERTIP_URL", ""),
            username=get("SAFEHOLD_CYBERTIP_USERNAME", ""),
            password=get("SAFEHOLD_CYBERTIP_PASSWORD", ""),
            environment=get("SAFEHOLD_CYBERTIP_ENVIRONMENT", "practice"),
        ),
        provider=Provider(
            name=get("SAFEHOLD_PROVIDER_NAME", "Safehold installation"),
            first_name=get("SAFEHOLD_PROVIDER_FIRST_NAME", ""),
            last_name=get("SAFEHOLD_PROVIDER_LAST_NAME", ""),
            email=get("SAFEHOLD_PROVIDER_EMAIL", ""),
            phone=get("SAFEHOLD_PROVIDER_PHONE", ""),
            company=get("SAFEHOLD_PROVIDER_COMPANY", ""),
            legal_url=get("SAFEHOLD_PROVIDER_LEGAL_URL", ""),
        ),
        debug=get("SAFEHOLD_DEBUG", "") == "1",
        appeal_window_days=_whole_number(
            get("SAFEHOLD_APPEAL_WINDOW_DAYS", "184"), "SAFEHOLD_APPEAL_WINDOW_DAYS", least=184
        ),
        read_private_key=get("SAFEHOLD_EVIDENCE_WRITE_ONLY", "") != "1",
        object_store=get("SAFEHOLD_OBJECT_STORE", ""),
        email_url=get("SAFEHOLD_EMAIL_URL", ""),
        mail_from=get("SAFEHOLD_MAIL_FROM", "safety@safehold.example"),
        trusted_proxies=get("SAFEHOLD_TRUSTED_PROXIES", ""),
        policy_folder=_folder(get("SAFEHOLD_POLICY_FOLDER", ""), "SAFEHOLD_POLICY_FOLDER"),
        policy_start=_day(get("SAFEHOLD_POLICY_START", ""), "SAFEHOLD_POLICY_START"),
        key_store=get("SAFEHOLD_KEY_STORE", ""),
        private_key=get("SAFEHOLD_EVIDENCE_PRIVATE_KEY", ""),
        key_service_token=get("SAFEHOLD_EVIDENCE_KEY_SERVICE_TOKEN", ""),
        key_backups=get("SAFEHOLD_KEY_BACKUPS", ""),
        key_backup_days=_whole_number(get("SAFEHOLD_KEY_BACKUP_DAYS", "7"), "SAFEHOLD_KEY_BACKUP_DAYS", least=1),
        report_alarm_hours=_whole_number(
            get("SAFEHOLD_REPORT_ALARM_HOURS", "24"), "SAFEHOLD_REPORT_ALARM_HOURS", least=1
        ),
        exchange_alarm_hours=_whole_number(
            get("SAFEHOLD_EXCHANGE_ALARM_HOURS", "24"), "SAFEHOLD_EXCHANGE_ALARM_HOURS", least=1
        ),
        uk=Uk(
            registration=get("SAFEHOLD_UK_REGISTRATION", ""),
            registered_on=_day(get("SAFEHOLD_UK_REGISTERED_ON", ""), "SAFEHOLD_UK_REGISTERED_ON"),
        ),
        removal_hide_at_once=get("SAFEHOLD_REMOVAL_HIDE_AT_ONCE", "") == "1",
        two_people_look=get("SAFEHOLD_EVIDENCE_TWO_PEOPLE", "") == "1",
        screening=_screening(environ),
        classifier=_classifier(environ),
        guard_agreement_percent=_percent(get("SAFEHOLD_GUARD_AGREEMENT", "99"), "SAFEHOLD_GUARD_AGREEMENT", least=80),
        look_back_percent=_percent(get("SAFEHOLD_LOOK_BACK", "5"), "SAFEHOLD_LOOK_BACK", least=1),
        archive_days=_whole_number(get("SAFEHOLD_ARCHIVE_DAYS", "90"), "SAFEHOLD_ARCHIVE_DAYS", least=0),
    )
    if loaded.cybertip.environment == "production" and not loaded.provider.complete:
        raise ConfigError(
            "Production filing needs a complete provider profile: set SAFEHOLD_PROVIDER_NAME, _FIRST_NAME, _LAST_NAME, "
            "_EMAIL, _PHONE, _COMPANY and _LEGAL_URL."
        )
    return loaded


def database(url: str) -> dict[str, object]:
    """Django's DATABASES entry for `sqlite:///path` or `postgresql://user:pass@host:port/name`."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:] if parts.path.startswith("//") else parts.path),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    if parts.scheme in ("postgresql", "postgres"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
        }
    raise ConfigError(
        f"SAFEHOLD_DATABASE_URL starts with {parts.scheme!r}; use sqlite:///PATH or postgresql://USER@HOST/NAME."
    )


def secret_file(path: Path, size: int = 32) -> bytes:
    """The secret in `path`, made on first use with permissions for its owner only."""
    return make_once(path, lambda: secrets.token_bytes(size))


def _screening(environ: "os._Environ[str] | dict[str, str]") -> Screening:
    usual = Screening()

    def number(name: str, usual: int, least: int = 1) -> int:
        return _whole_number(environ.get(name, str(usual)), name, least)

    told = environ.get("SAFEHOLD_SCREEN_NOT_SCREENED", usual.not_screened)
    if told not in get_args(Unscreened):
        raise ConfigError(f"SAFEHOLD_SCREEN_NOT_SCREENED is {told!r}; it must be one of: not_screened, review, hide.")
    return Screening(
        flood_accounts=number("SAFEHOLD_FLOOD_ACCOUNTS", usual.flood_accounts, least=2),
        flood_minutes=number("SAFEHOLD_FLOOD_MINUTES", usual.flood_minutes),
        file_bytes=number("SAFEHOLD_SCREEN_FILE_BYTES", usual.file_bytes),
        decoders=number("SAFEHOLD_SCREEN_DECODERS", usual.decoders),
        fetch=environ.get("SAFEHOLD_SCREEN_FETCH", "") == "1",
        not_screened=cast(Unscreened, told),
        stale_seconds=number("SAFEHOLD_SCREEN_STALE_SECONDS", usual.stale_seconds, least=2),
        index_changes=number("SAFEHOLD_SCREEN_INDEX_CHANGES", usual.index_changes),
        metrics_token=environ.get("SAFEHOLD_METRICS_TOKEN", ""),
    )


def _classifier(environ: "os._Environ[str] | dict[str, str]") -> Classifier:
    get = environ.get
    hosts = (one.strip() for one in get("SAFEHOLD_CLASSIFIER_ALLOWED_HOSTS", "").split(","))
    url, model = get("SAFEHOLD_CLASSIFIER_URL", ""), get("SAFEHOLD_CLASSIFIER_MODEL", "")
    if url and not model:
        raise ConfigError("SAFEHOLD_CLASSIFIER_URL is set and SAFEHOLD_CLASSIFIER_MODEL is not: say which model.")
    return Classifier(
        url=url,
        model=model,
        api_key=get("SAFEHOLD_CLASSIFIER_API_KEY", ""),
        allowed_hosts=tuple(filter(None, hosts)),
        threshold=_part(get("SAFEHOLD_CLASSIFIER_THRESHOLD", "0.75"), "SAFEHOLD_CLASSIFIER_THRESHOLD"),
        opens=get("SAFEHOLD_CLASSIFIER_OPENS", "") == "1",
    )


def _part(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise ConfigError(f"{name} is {text!r}; it must be a number above 0 and not above 1.")
    return number


def _whole_number(text: str, name: str, least: int) -> int:
    if not text.isdigit() or int(text) < least:
        raise ConfigError(f"{name} is {text!r}; it must be a whole number of at least {least}.")
    return int(text)


def _percent(text: str, name: str, least: int) -> int:
    if _whole_number(text, name, least) > 100:
        raise ConfigError(f"{name} is {text!r}; it must be at most 100.")
    return int(text)


def _folder(text: str, name: str) -> Path | None:
    if text and not Path(text).is_dir():
        raise ConfigError(f"{name} is {text!r}; there is no such folder.")
    return Path(text).resolve() if text else None


def _day(text: str, name: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ConfigError(f"{name} is {text!r}; write a date as YYYY-MM-DD.") from None


def host_of(base_url: str) -> str:
    """The host name of a base URL, as Django's ALLOWED_HOSTS wants it."""
    return urlsplit(base_url).hostname or "127.0.0.1"


def mail(config: Config) -> tuple[str, dict[str, object]]:
    """Django's mail backend and its settings, from `smtp://user:pass@host:port` or files in the data folder."""
    if not config.email_url:
        return "django.core.mail.backends.filebased.EmailBackend", {"EMAIL_FILE_PATH": str(config.data / "mail")}
    parts = urlsplit(config.email_url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ConfigError("SAFEHOLD_EMAIL_URL must look like smtp://USER:PASSWORD@HOST:PORT or smtps://….")
    return "django.core.mail.backends.smtp.EmailBackend", {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp",
    }
