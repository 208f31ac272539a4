"""Members of staff. The only user model; account holders and reporters never have one."""

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _


class StaffRole(models.TextChoices):
    """The six staff roles (design: section 4). A member may hold several; rights add up, with limits in RIGHTS."""

    REVIEWER = "reviewer", _("reviewer")
    SENIOR = "senior", _("senior reviewer")
    CUSTODIAN = "custodian", _("evidence custodian")
    POLICY_OWNER = "policy_owner", _("policy owner")
    AUDITOR = "auditor", _("auditor")
    ADMINISTRATOR = "administrator", _("administrator")


class Members(BaseUserManager["Member"]):
    """Makes members; a password is always hashed."""

    def create_user(
        self, username: str, password: str | None = None, *, roles: list[str] | None = None, **extra: object
    ) -> "Member":
        """A member with these roles. Without a password nobody can sign in as them."""
        unknown = set(roles or []) - set(StaffRole.values)
        if unknown:
            raise ValueError(f"Unknown staff role: {', '.join(sorted(unknown))}.")
        member = self.model(username=username, roles=sorted(roles or []), **extra)
        member.set_password(password)
        member.save(using=self._db)
        return member


class Member(AbstractBaseUser):
    """A person on the staff."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=150, unique=True)
    name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    roles = models.JSONField(default=list)
    language = models.CharField(max_length=10, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = Members()

    # Django's own admin and permission system is not used: rights are in `service.RIGHTS`.
    is_staff = False
    is_superuser = False

    @property
    def actor(self) -> str:
        """How the record names this person."""
        return f"staff:{self.pk}"

    def __str__(self) -> str:
        return self.name or self.username
