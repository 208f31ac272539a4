"""The fields of a removal request (47 USC 223a): what is typed, kept, checked, and handed on.

`Typed.read(request)` takes what was sent, `problems()` names what the law asks for and is not there, `new_removal()`
makes the input record of `path.removals`. With `completing` only what was asked for must be there.
"""

import hashlib
from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from safehold.intake import service as intake
from safehold.public.pages import LANGUAGES
from safehold.public.report_form import fresh_key, is_email, known_key, line, only_host
from safehold.removals import service as removals
from safehold.removals.models import Removal
from safehold.subjects.models import Host

MINOR = (
    (Removal.Minor.NO, gettext_lazy("No, 18 or older")),
    (Removal.Minor.YES, gettext_lazy("Yes, under 18")),
    (Removal.Minor.NOT_SURE, gettext_lazy("I am not sure")),
)
BEHALF = (
    (Removal.Behalf.SELF, gettext_lazy("I am the person shown")),
    (Removal.Behalf.AUTHORISED, gettext_lazy("The person shown has authorised me")),
)
# What is missing, by the part of the law, with the field where it belongs.
LACKING: dict[str, tuple[str, Promise]] = {
    "location": ("links", gettext_lazy("Say where it is: a link, or words that let us find it.")),
    "identification": ("depiction", gettext_lazy("Say which picture or film you mean.")),
    "statement": (
        "statement",
        gettext_lazy("State that it was published without consent: a few words on why, and the tick below."),
    ),
    "signature": (
        "signature",
        gettext_lazy("Sign with your name. If you act for somebody, say who you are to them."),
    ),
    "contact": (
        "email",
        gettext_lazy("Tell us how to reach you: by e-mail, by telephone, or by post."),
    ),
}


@dataclass
class Typed:
    """What a person typed, as it is, so that it can be shown again."""

    links: str = ""
    host: str = ""
    place: str = ""
    depiction: str = ""
    statement: str = ""
    good_faith: bool = False
    minor: str = ""
    behalf: str = Removal.Behalf.SELF
    relationship: str = ""
    signature: str = ""
    email: str = ""
    other_contact: str = ""
    language: str = "en"
    key: str = field(default_factory=fresh_key)

    @classmethod
    def read(cls, sent: QueryDict, language: str) -> "Typed":
        """Take the fields of a sent form. Choices that the form does not offer count as not made."""

        def get(name: str) -> str:
            return str(sent.get(name) or "")

        hosts = set(Host.objects.filter(enabled=True).values_list("slug", flat=True))
        return cls(
            links=get("links"),
            host=get("host") if get("host") in hosts else "",
            place=get("place"),
            depiction=get("depiction"),
            statement=get("statement"),
            good_faith=get("good_faith") == "1",
            minor=get("minor") if get("minor") in Removal.Minor.values else "",
            behalf=get("behalf") if get("behalf") in Removal.Behalf.values else Removal.Behalf.SELF,
            relationship=line(get("relationship")),
            signature=line(get("signature")),
            email=line(get("email")),
            other_contact=get("other_contact"),
            language=get("language") if get("language") in LANGUAGES else language,
            key=known_key(get("key")),
        )

    def problems(self, asked: tuple[str, ...] = removals.ELEMENTS, *, minor: bool = True) -> dict[str, str]:
        """What must change before the request can be taken, by field: too long, wrong, or not there.

        `asked` are the parts that must be there; `minor` is whether the question about age must be answered.
        """
        found: dict[str, str] = {}
        for name, most in removals.LIMITS.items():
            length = len(getattr(self, name))
            if length > most:
                found[name] = _(
                    "This has %(length)s characters; at most %(most)s can be taken. Nothing was saved yet."
                ) % {"length": length, "most": most}
        if links := self._too_many_or_long():
            found["links"] = links
        if self.email and "email" not in found and not is_email(self.email):
            found["email"] = _("This does not look like an e-mail address. Correct it, or leave the field empty.")
        for part in self.new_removal().missing():
            place, words = LACKING[part]
            if part in asked:
                found.setdefault(place, str(words))
        if minor and not self.minor:
            found["minor"] = _("Say whether the person shown was under 18. If you do not know, choose “I am not sure”.")
        return found

    def _too_many_or_long(self) -> str:
        named = intake.split(self.links)
        if len(named) > intake.LOCATOR_LIMIT:
            return _("At most %(most)s links can be taken at once. Send the others in a second request.") % {
                "most": intake.LOCATOR_LIMIT
            }
        if any(len(one) > intake.LOCATOR_LENGTH for one in named):
            return _("One line is longer than %(most)s characters. Put each link on a line of its own.") % {
                "most": intake.LOCATOR_LENGTH
            }
        return ""

    def new_removal(self) -> removals.NewRemoval:
        """The input record. The same form sent twice has the same one-time key; a changed form has another."""
        return removals.NewRemoval(
            once_key=self.once_key(),
            signature=self.signature,
            depiction=self.depiction,
            statement=self.statement,
            good_faith=self.good_faith,
            links=intake.split(self.links),
            place=self.place,
            email=self.email,
            other_contact=self.other_contact,
            behalf=self.behalf,
            relationship=self.relationship,
            minor=self.minor or Removal.Minor.NOT_SURE,
            host=self.host or only_host(),
            language=self.language,
        )

    def once_key(self) -> str:
        """The form's key with a digest of its contents, as of the report form."""
        contents = "\0".join(
            (self.links, self.host, self.place, self.depiction, self.statement, str(self.good_faith), self.minor,
             self.behalf, self.relationship, self.signature, self.email, self.other_contact, self.language)
        )  # fmt: skip
        return f"{self.key.rsplit(':', 1)[0]}.{hashlib.sha256(contents.encode('utf-8', 'replace')).hexdigest()[:32]}"
