"""Keys of the screening path: read at most a few times a second, and a revoked one opens nothing after a second."""

import time

import pytest
from django.db import connections

from safehold.api import screen
from safehold.api.screen_keys import TRUSTED_FOR, Keyring
from safehold.api.screen_wire import Refused
from safehold.hosts import keys
from safehold.hosts.models import HostKey
from safehold.subjects.models import Host
from tests.api.asking import CHECK, ask

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"surface": "public_posts", "jurisdiction": "US", "items": [{"sha256": "0" * 64}]}


@pytest.fixture(autouse=True)
def threads_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)


def test_a_revoked_key_opens_nothing_after_a_second(key: str) -> None:
    assert ask(CHECK, BODY, key)[0] == 200
    keys.revoke_key(HostKey.objects.get().pk, actor="staff:1")
    began, status = time.monotonic(), 200
    while status == 200:
        assert time.monotonic() - began < 1
        status = ask(CHECK, BODY, key)[0]
    assert status == 401
    assert TRUSTED_FOR < 1


def test_a_host_that_is_switched_off_too(key: str, blog: Host) -> None:
    assert ask(CHECK, BODY, key)[0] == 200
    blog.enabled = False
    blog.save()
    time.sleep(TRUSTED_FOR)
    assert ask(CHECK, BODY, key)[0] == 401


def test_the_key_is_not_read_for_each_request(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str | None] = []
    authenticate = keys.authenticate

    def counted(header: str | None) -> HostKey | None:
        read.append(header)
        return authenticate(header)

    monkeypatch.setattr(keys, "authenticate", counted)
    ring = Keyring()
    header = f"Bearer {key}"
    assert ring.at_hand(header) is None
    assert ring.read(header).host_id == "blog"
    for _ in range(100):
        assert ring.at_hand(header) is not None
    assert len(read) == 1
    assert not ring.due(header)
    time.sleep(0.45)
    assert [ring.due(header), ring.due(header)] == [True, False]  # one reads it again, the others go on
    assert ring.at_hand(header) is not None
    ring.read(header)
    assert not ring.due(header)


def test_a_key_without_the_scope_is_never_kept(blog: Host) -> None:
    ring = Keyring()
    blind = f"Bearer {keys.issue_key(blog, ['reports'], 'staff:1')[1]}"
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            ring.read(blind)
        assert refused.value.status == 403
        assert ring.at_hand(blind) is None


def test_a_key_like_another_is_another(key: str) -> None:
    ring = Keyring()
    ring.read(f"Bearer {key}")
    for header in ("", f"Bearer {key[:-1]}", f"Bearer {key}0", key):
        assert ring.at_hand(header) is None


def test_the_last_use_is_noted_to_the_minute(key: str) -> None:
    ask(CHECK, BODY, key)
    noted = HostKey.objects.get().last_used_at
    assert noted is not None
    time.sleep(TRUSTED_FOR)
    ask(CHECK, BODY, key)
    assert HostKey.objects.get().last_used_at == noted
