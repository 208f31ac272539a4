"""Keys and secrets: shown once, kept unreadable, refused once revoked, everything recorded."""

import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.models import Detail, Entry, FailedAttempt
from safehold.hosts import keys
from safehold.hosts.models import HostKey, HostSecret, PartnerKey
from safehold.sealing.box import CannotUnseal
from safehold.subjects.models import Host

pytestmark = pytest.mark.django_db
ADMIN = "staff:0000"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


@pytest.fixture
def host(data: object) -> Host:
    return Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url="http://blog.test")


def bearer(plain: str) -> str:
    return f"Bearer {plain}"


def test_a_key_opens_what_it_was_issued_for(host: Host) -> None:
    row, plain = keys.issue_key(host, ["reports", "events"], ADMIN)
    assert plain.startswith(f"shk_{row.prefix}_")
    found = keys.authenticate(bearer(plain))
    assert found == row
    assert found.actor == "host:blog"
    assert found.allows("reports")
    assert not found.allows("screen")


def test_two_keys_are_never_alike(host: Host) -> None:
    first, second = (keys.issue_key(host, ["reports"], ADMIN)[1] for _ in range(2))
    assert first.split("_")[1] != second.split("_")[1]
    assert first.split("_")[2] != second.split("_")[2]


def test_the_database_and_the_record_hold_no_readable_key(host: Host) -> None:
    row, plain = keys.issue_key(host, ["reports"], ADMIN, label="app")
    secret = plain.split("_")[2]
    assert secret not in str(HostKey.objects.values().get())
    assert secret not in str(list(Detail.objects.values()))
    assert secret not in str(row)
    assert [entry.act for entry in audit.history(row)] == ["host_key.issued"]


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer shk", "Bearer shk__", "Bearer shk_x_y", "Bearer shk_é_é", "Basic shk_a_b",
     "shk_a_b", "Bearer " + "x" * 10_000, "Bearer shk_a_b_c"],
)  # fmt: skip
def test_anything_else_opens_nothing(host: Host, header: str | None) -> None:
    keys.issue_key(host, ["reports"], ADMIN)
    assert keys.authenticate(header) is None
    assert keys.authenticate_partner(header) is None


def test_a_wrong_secret_with_a_known_prefix_is_refused_and_noted(host: Host) -> None:
    row, plain = keys.issue_key(host, ["reports"], ADMIN)
    assert keys.authenticate(bearer(plain[:-1] + ("0" if plain[-1] != "0" else "1"))) is None
    attempt = FailedAttempt.objects.get()
    assert (attempt.act, attempt.about, attempt.reason) == ("host_key.used", audit.ref(row), "wrong secret")
    row.refresh_from_db()
    assert row.last_used_at is None


def test_a_revoked_key_opens_nothing(host: Host) -> None:
    row, plain = keys.issue_key(host, ["reports"], ADMIN)
    keys.revoke_key(row.pk, ADMIN)
    keys.revoke_key(row.pk, ADMIN)
    assert keys.authenticate(bearer(plain)) is None
    assert FailedAttempt.objects.get().reason == "revoked key"
    assert [entry.act for entry in audit.history(row)] == ["host_key.issued", "host_key.revoked"]


def test_a_key_of_a_disabled_host_opens_nothing(host: Host) -> None:
    _row, plain = keys.issue_key(host, ["reports"], ADMIN)
    Host.objects.update(enabled=False)
    assert keys.authenticate(bearer(plain)) is None


def test_the_last_use_is_kept_to_the_minute(host: Host, django_assert_num_queries: object) -> None:
    row, plain = keys.issue_key(host, ["reports"], ADMIN)
    keys.authenticate(bearer(plain))
    row.refresh_from_db()
    first = row.last_used_at
    assert first is not None
    keys.authenticate(bearer(plain))
    row.refresh_from_db()
    assert row.last_used_at == first
    HostKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    keys.authenticate(bearer(plain))
    row.refresh_from_db()
    assert row.last_used_at > first


@pytest.mark.parametrize("scopes", [[], ["everything"], ["reports", "root"]])
def test_unknown_scopes_are_refused(host: Host, scopes: list[str]) -> None:
    with pytest.raises(keys.UnknownScope, match="reports, events, screen, signup, flags"):
        keys.issue_key(host, scopes, ADMIN)
    assert not HostKey.objects.exists()


def test_partners_have_keys_of_their_own_kind(host: Host) -> None:
    _row, of_host = keys.issue_key(host, ["reports"], ADMIN)
    partner, plain = keys.issue_partner_key("Hotline 3", "flagger", ADMIN)
    assert plain.startswith("shp_")
    assert keys.authenticate_partner(bearer(plain)) == partner
    assert partner.actor == f"flagger:{partner.pk}"
    assert keys.authenticate(bearer(plain)) is None
    assert keys.authenticate_partner(bearer(of_host)) is None
    assert keys.authenticate(bearer(plain.replace("shp_", "shk_"))) is None


def test_a_partner_keeps_its_identity_when_its_key_is_rotated(host: Host) -> None:
    partner, old = keys.issue_partner_key("Office 4", "authority", ADMIN)
    same, new = keys.rotate_partner_key(partner.pk, ADMIN)
    assert same.pk == partner.pk
    assert keys.authenticate_partner(bearer(old)) is None
    assert keys.authenticate_partner(bearer(new)) == partner
    keys.revoke_partner_key(partner.pk, ADMIN)
    assert keys.authenticate_partner(bearer(new)) is None
    with pytest.raises(keys.PartnerRevoked):
        keys.rotate_partner_key(partner.pk, ADMIN)
    acts = ["partner_key.issued", "partner_key.rotated", "partner_key.revoked"]
    assert [entry.act for entry in audit.history(partner)] == acts


def test_an_unknown_kind_of_partner_is_refused(host: Host) -> None:
    with pytest.raises(ValueError, match="friend"):
        keys.issue_partner_key("Somebody", "friend", ADMIN)
    assert not PartnerKey.objects.exists()


def test_a_secret_is_sealed_in_the_database(host: Host, data: object) -> None:
    keys.set_secret(host, "webhook", SECRET, ADMIN)
    assert keys.get_secret(host, "webhook") == SECRET
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM hosts_hostsecret")
        stored = bytes(cursor.fetchone()[0])
    assert SECRET.encode() not in stored
    assert SECRET.encode()[6:] not in stored
    assert SECRET not in str(list(Detail.objects.values()))
    assert (data / "keys" / "secrets.key").stat().st_mode & 0o077 == 0  # type: ignore[operator]


def test_setting_a_secret_again_replaces_it_and_is_recorded(host: Host) -> None:
    keys.set_secret(host, "admin_token", "one", ADMIN)
    keys.set_secret(host, "admin_token", "two", ADMIN)
    assert keys.get_secret(host, "admin_token") == "two"
    assert HostSecret.objects.count() == 1
    said = [entry.detail.body for entry in Entry.objects.filter(act="host_secret.set").order_by("id")]
    assert [one["replaced"] for one in said] == [False, True]
    assert all("one" not in str(one) and "two" not in str(one) for one in said)


def test_a_sealed_secret_opens_only_in_its_place(host: Host) -> None:
    keys.set_secret(host, "admin_token", "value-1", ADMIN)
    HostSecret.objects.update(name="other")
    with pytest.raises(CannotUnseal, match="blog/other"):
        keys.get_secret(host, "other")


def test_another_key_file_says_what_to_do(host: Host, data: object) -> None:
    keys.set_secret(host, "admin_token", "value-1", ADMIN)
    (data / "keys" / "secrets.key").write_bytes(b"0" * 32)  # type: ignore[operator]
    with pytest.raises(CannotUnseal, match="Restore the key file"):
        keys.get_secret(host, "admin_token")
    (data / "keys" / "secrets.key").write_bytes(b"0" * 5)  # type: ignore[operator]
    with pytest.raises(CannotUnseal, match="holds 5 bytes"):
        keys.get_secret(host, "admin_token")


def test_a_missing_secret_says_so(host: Host) -> None:
    with pytest.raises(keys.NoSecret, match="no secret 'webhook' yet"):
        keys.webhook_secrets(host)


@pytest.mark.parametrize(
    "value", ["", "  ", "hunter2", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!!", f"{SECRET} nonsense", "whsec_é"]
)
def test_a_weak_webhook_secret_is_refused(host: Host, value: str) -> None:
    with pytest.raises(keys.BadSecret, match="24 to 64 random bytes"):
        keys.set_secret(host, "webhook", value, ADMIN)
    assert not HostSecret.objects.exists()


def test_a_new_webhook_secret_can_be_set(host: Host) -> None:
    first, second = keys.new_webhook_secret(), keys.new_webhook_secret()
    assert first != second
    keys.set_secret(host, "webhook", f"{second} {first}", ADMIN)
    assert keys.webhook_secrets(host) == [second, first]


def test_nothing_secret_is_logged(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _row, plain = keys.issue_key(host, ["reports"], ADMIN)
    keys.set_secret(host, "webhook", SECRET, ADMIN)
    keys.authenticate(bearer(plain + "0"))
    keys.get_secret(host, "webhook")
    said = " ".join(record.getMessage() for record in caplog.records if record.name != "django.db.backends")
    assert plain.split("_")[2] not in said
    assert SECRET not in said
