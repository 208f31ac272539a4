"""Normal forms: when two spellings of an e-mail address or a telephone number are the same one. Pure.

Others may call `email`, `phone`. Whoever changes a rule changes every digest made with it: stored
identifiers made under the old rule then match no more.
"""

import unicodedata

import idna
import phonenumbers


class BadIdentifier(ValueError):
    """The text is no e-mail address, or no telephone number in international form. The text is not repeated."""


# Providers that deliver other spellings to the same mailbox, by their own documentation. Kept small:
# a rule too many would bar a stranger, a rule too few only misses a spelling.
GMAIL = frozenset({"gmail.com", "googlemail.com"})  # one mailbox under both names, with and without dots and "+tag"
PLUS_TAGS = GMAIL | frozenset(
    {
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "icloud.com",
        "me.com",
        "mac.com",
        "fastmail.com",
        "proton.me",
        "protonmail.com",
        "pm.me",
    }
)
LONGEST = 320  # characters: 64 + "@" + 255 (RFC 5321 4.5.3.1)


def email(text: str) -> str:
    """The address in lower case, NFC, its domain in IDNA (ASCII), provider spellings undone.

    `First.Last+list@GoogleMail.com` is `firstlast@gmail.com`; elsewhere dots and tags are kept.
    Raises BadIdentifier.
    """
    address = unicodedata.normalize("NFC", text.strip())
    local, at, domain = address.rpartition("@")
    if not at or not local or len(address) > LONGEST or any(c.isspace() or not c.isprintable() for c in address):
        raise BadIdentifier("This is no e-mail address.")
    local = _folded(local)
    try:
        domain = idna.encode(domain.rstrip("."), uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise BadIdentifier("The domain of this e-mail address cannot exist.") from None
    if domain in PLUS_TAGS:
        local = local.partition("+")[0]
    if domain in GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    if not local:
        raise BadIdentifier("This e-mail address names no mailbox.")
    return f"{local}@{domain}"


def phone(text: str) -> str:
    """The number in E.164 (`+12025550123`). Without `+` and country code it names nobody: BadIdentifier."""
    try:
        number = phonenumbers.parse(text.strip(), None)
    except phonenumbers.NumberParseException:
        raise BadIdentifier("This is no telephone number in international form (+ and country code).") from None
    if not phonenumbers.is_possible_number(number):
        raise BadIdentifier("No telephone number of that country has this length.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _folded(local: str) -> str:
    """Lower case to a fixed point: folding and composing can each undo the other once."""
    while True:
        folded = unicodedata.normalize("NFC", local.casefold())
        if folded == local:
            return local
        local = folded
