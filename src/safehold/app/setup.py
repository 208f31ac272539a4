"""Making an installation ready: tables, keys, the folder. May be run again at any time.

Others may call `setup`, `check_policies` and `setup_keys`.
"""

from django.conf import settings
from django.core.management import call_command

from safehold.app.config import ConfigError
from safehold.policy.versions import faults


def setup() -> None:
    """Create or bring up to date everything that `serve` needs."""
    check_policies()
    settings.SAFEHOLD.data.mkdir(parents=True, exist_ok=True)
    settings.SAFEHOLD.data.chmod(0o700)
    call_command("migrate", verbosity=0, interactive=False)
    setup_keys()


def check_policies() -> None:
    """Refuse to start with a policy of the operator's own that is not sound. Raises ConfigError."""
    if settings.SAFEHOLD.policy_folder is None:
        return
    found = [told for wrong in faults().values() for told in wrong]
    if found:
        raise ConfigError("The policies cannot be used (see `safehold policy check`):\n" + "\n".join(found))


def setup_keys() -> None:
    """Make the key files of every room that are not there yet (docs/operations.md lists them)."""
    from safehold.audit import chain
    from safehold.evidence import service as evidence
    from safehold.persons import service as persons
    from safehold.screening import service as screening

    evidence.setup_keys()
    persons.setup_key()
    screening.setup_key()
    chain.setup_keys()
