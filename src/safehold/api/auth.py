"""Who calls: a host by its key and the key's scope, or a partner by theirs."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from safehold.api.problems import ApiError
from safehold.audit import service as audit
from safehold.hosts import keys
from safehold.hosts.models import HostKey, PartnerKey, Scope


class HostBearer(HttpBearer):
    """`Authorization: Bearer shk_…`, issued for one host with the scope that the route names; None = any."""

    def __init__(self, scope: Scope | None = None) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> HostKey | None:  # noqa: ARG002
        """The key's row. Raises 403 where the key was not issued for this."""
        key = keys.authenticate(f"Bearer {token}")
        if key is not None and self.scope is not None and not key.allows(self.scope):
            audit.refused("host_key.used", actor=key.actor, about=key, reason=f"without scope {self.scope.value}")
            message = f"This key was not issued for {self.scope.value!r}. Ask the operator for one."
            raise ApiError(403, "missing_scope", message)
        return key


class PartnerBearer(HttpBearer):
    """`Authorization: Bearer shp_…`, issued to a trusted flagger or an authority."""

    def authenticate(self, request: HttpRequest, token: str) -> PartnerKey | None:  # noqa: ARG002
        """The partner's row."""
        return keys.authenticate_partner(f"Bearer {token}")
