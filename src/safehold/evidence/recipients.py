"""An authority's public key for sealed packages (age, https://age-encryption.org/v1). For this room."""

import pyrage


def check_recipient(text: str) -> str:
    """The recipient in its one spelling: `age1…`. Raises ValueError for anything else."""
    try:
        return str(pyrage.x25519.Recipient.from_str(text.strip()))
    except pyrage.RecipientError:
        raise ValueError("The authority's key must be an age recipient: age1 and 58 more letters and digits.") from None
