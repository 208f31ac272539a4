"""The report form's fields: what is typed, kept, checked, and handed on. Nothing in it demands evidence (S55).

`Typed.read(request)` takes what was sent, `problems()` names what must be shortened or corrected,
`new_report()` makes the input record of `path.commands.receive_report`. The removal form (`removal_form`) uses
`fresh_key`, `known_key`, `line`, `is_email` and `only_host` too.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field

from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from safehold.intake import service as intake
from safehold.intake.models import Relationship
from safehold.public.pages import LANGUAGES
from safehold.subjects.models import Host

LONGEST: dict[str, int] = {"account_name": 255, "reason": intake.TEXT_LIMIT, "contact_email": 254}

KINDS = (
    ("cse", gettext_lazy("Child sexual exploitation")),
    ("physical-abuse", gettext_lazy("Media of physical abuse of a child")),
    ("altercation", gettext_lazy("Media of young people in a fight")),
    ("", gettext_lazy("I am not sure")),
)
RELATIONSHIPS = (
    (Relationship.MINOR, gettext_lazy("the young person it is about")),
    (Relationship.PARENT, gettext_lazy("parent or guardian")),
    (Relationship.LAWYER, gettext_lazy("lawyer of the young person")),
    (Relationship.REPRESENTATIVE, gettext_lazy("legal representative")),
    (Relationship.OTHER, gettext_lazy("somebody else")),
)
_signer = signing.Signer(salt="safehold.public.report")


def fresh_key() -> str:
    """A one-time key for a new form, signed so that nobody can choose one."""
    return _signer.sign(secrets.token_urlsafe(18))


@dataclass
class Typed:
    """What a person typed, as it is, so that it can be shown again."""

    account_name: str = ""
    links: str = ""
    host: str = ""
    reason: str = ""
    class_id: str = ""
    relationship: str = ""
    urgent: bool = False
    contact_email: str = ""
    language: str = "en"
    country: str = ""
    key: str = field(default_factory=fresh_key)
    kind_given: bool = False

    @classmethod
    def read(cls, sent: QueryDict, language: str) -> "Typed":
        """Take the fields of a sent form. Choices that the form does not offer count as not made."""

        def get(name: str, default: str) -> str:
            return str(sent.get(name) or default)

        kind = get("class_id", "")
        hosts = set(Host.objects.filter(enabled=True).values_list("slug", flat=True))
        wished = get("language", "")
        return cls(
            account_name=line(get("account_name", "")),
            links=get("links", ""),
            host=get("host", "") if get("host", "") in hosts else "",
            reason=get("reason", ""),
            class_id=kind if kind in dict(KINDS) else "",
            relationship=_relationship(kind, get("relationship", "")),
            urgent=get("urgent", "") == "1",
            contact_email=line(get("contact_email", "")),
            language=wished if wished in LANGUAGES else language,
            country=country_code(get("country", "")),
            key=known_key(get("key", "")),
            kind_given="class_id" in sent,
        )

    def problems(self) -> dict[str, str]:
        """What must change before the report can be taken, by field. Nothing here asks for more than one word."""
        found: dict[str, str] = {}
        for name, most in LONGEST.items():
            length = len(getattr(self, name))
            if length > most:
                found[name] = _(
                    "This has %(length)s characters; at most %(most)s can be taken. Nothing was saved yet."
                ) % {
                    "length": length,
                    "most": most,
                }
        if links := self._too_many_or_long():
            found["links"] = links
        if self.contact_email and "contact_email" not in found and not is_email(self.contact_email):
            found["contact_email"] = _(
                "This does not look like an e-mail address. Correct it, or leave the field empty."
            )
        if not (self.account_name or self.links.strip() or self.reason.strip()):
            found["links"] = _("Write a name, a link, or a few words: one of them is enough.")
        return found

    def _too_many_or_long(self) -> str:
        named = self.locators()
        if len(named) + bool(self.account_name) > intake.LOCATOR_LIMIT:
            return _("At most %(most)s links and names can be taken at once. Send the others in a second report.") % {
                "most": intake.LOCATOR_LIMIT
            }
        if any(len(one) > intake.LOCATOR_LENGTH for one in named):
            return _("One line is longer than %(most)s characters. Put each link on a line of its own.") % {
                "most": intake.LOCATOR_LENGTH
            }
        return ""

    def locators(self) -> tuple[str, ...]:
        """The links and names, one for each line or word."""
        return intake.split(self.links)

    def new_report(self) -> intake.NewReport:
        """The input record. The same form sent twice has the same one-time key; a changed form has another."""
        return intake.NewReport(
            channel="form",
            once_key=self.once_key(),
            locators=self.locators(),
            account_name=self.account_name,
            host=self.host or only_host(),
            reason=self.reason.strip(),
            class_id=self.class_id,
            relationship=self.relationship,
            urgent=self.urgent,
            language=self.language,
            country=self.country,
            contact_email=self.contact_email,
        )

    def once_key(self) -> str:
        """The form's key with a digest of its contents.

        Somebody who goes back, adds a link and sends again must not get the first receipt while the
        link is dropped; somebody whose browser sends the same twice must.
        """
        contents = "\0".join(
            (self.account_name, self.links, self.host, self.reason, self.class_id, self.relationship,
             str(self.urgent), self.contact_email, self.language, self.country)
        )  # fmt: skip
        return f"{self.key.rsplit(':', 1)[0]}.{hashlib.sha256(contents.encode('utf-8', 'replace')).hexdigest()[:32]}"


def country_code(text: str) -> str:
    """An ISO 3166-1 code as chosen, or nothing. Never guessed from an address."""
    code = text.strip().upper()
    return code if re.fullmatch("[A-Z]{2}", code) else ""


def known_key(text: str) -> str:
    """The form's one-time key where it is one of ours, else a fresh one."""
    try:
        _signer.unsign(text)
    except signing.BadSignature:
        return fresh_key()
    return text


def _relationship(kind: str, text: str) -> str:
    """Asked only where the policy asks for it (S45)."""
    return text if kind == "altercation" and text in Relationship.values else ""


def line(text: str) -> str:
    """What was typed into one line, without stray spaces."""
    return " ".join(text.split())


def is_email(text: str) -> bool:
    """Whether it can be an e-mail address."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def only_host() -> str:
    """The one host of an installation that has one; its name need not be asked."""
    slugs = list(Host.objects.filter(enabled=True).values_list("slug", flat=True)[:2])
    return slugs[0] if len(slugs) == 1 else ""
