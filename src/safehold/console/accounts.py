"""How staff sign in: allauth with our own rules, second factors sealed, every sign-in on the record."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_changed
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from safehold.audit import service as audit
from safehold.staff.models import Member


class ClosedSignup(DefaultAccountAdapter):  # type: ignore[misc]
    """Staff accounts are made by an administrator, never by signing up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False


class SealedSecrets(DefaultMFAAdapter):  # type: ignore[misc]
    """The secrets of second factors are encrypted with a key file that is not in the database."""

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> Fernet:
    """A box whose key comes from the installation's secret, a key file outside the database."""
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"safehold second factor").derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def _record(act: str, member: Any, **details: str) -> None:
    if isinstance(member, Member):
        with transaction.atomic():
            audit.record(act, actor=member.actor, about=member, **details)


@receiver(user_logged_in)
def _signed_in(sender: object, user: Any, **_: Any) -> None:  # noqa: ARG001
    _record("staff.signed_in", user)


@receiver(user_logged_out)
def _signed_out(sender: object, user: Any, **_: Any) -> None:  # noqa: ARG001
    _record("staff.signed_out", user)


@receiver(user_login_failed)
def _sign_in_failed(sender: object, **_: Any) -> None:  # noqa: ARG001
    # Neither the name nor the password that was typed: people type one into the other's field.
    audit.refused("staff.signed_in", actor="anonymous", about="staff", reason="wrong name or password")


@receiver(authentication_failed)
def _second_factor_failed(sender: object, user: Any, **_: Any) -> None:  # noqa: ARG001
    if isinstance(user, Member):
        audit.refused("staff.signed_in", actor=user.actor, about=user, reason="wrong second factor")


@receiver(password_changed)
def _password_changed(sender: object, user: Any, **_: Any) -> None:  # noqa: ARG001
    _record("staff.password_changed", user)


@receiver(authenticator_added)
def _factor_added(sender: object, user: Any, authenticator: Any, **_: Any) -> None:  # noqa: ARG001
    _record("staff.second_factor_added", user, kind=str(authenticator.type))


@receiver(authenticator_removed)
def _factor_removed(sender: object, user: Any, authenticator: Any, **_: Any) -> None:  # noqa: ARG001
    _record("staff.second_factor_removed", user, kind=str(authenticator.type))


@receiver(authenticator_reset)
def _codes_renewed(sender: object, user: Any, **_: Any) -> None:  # noqa: ARG001
    _record("staff.recovery_codes_renewed", user)
