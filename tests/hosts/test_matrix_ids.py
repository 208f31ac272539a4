"""What people paste, and what it means on a Matrix host."""

import pytest

from safehold.hosts import matrix_ids as ids
from safehold.hosts.matrix_ids import Event, Media, Room, User

ROOM_12 = "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"
EVENT = "$3zLgl7vizZvumMNoAi_3OxsT6ClO87N9QEcad-VQ350"


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("@user-17:chat.test", User("user-17", "chat.test")),
        (" <@user-17:chat.test> ", User("user-17", "chat.test")),
        ("@User/17=x:chat.test:8448", User("User/17=x", "chat.test:8448")),
        ("@user-17", User("user-17", "")),
        ("user-17", User("user-17", "")),
        ("mxc://chat.test/vfexDDbmnnxlXJSgPjgpMpjc", Media("chat.test", "vfexDDbmnnxlXJSgPjgpMpjc")),
        (f"{ROOM_12}/{EVENT}", Event(ROOM_12, EVENT)),
        ("!abc:chat.test/$one:chat.test", Event("!abc:chat.test", "$one:chat.test")),
        ("!abc:chat.test/$with/slash+plus", Event("!abc:chat.test", "$with/slash+plus")),
        ("#general:chat.test", Room("#general:chat.test")),
        ("!abc:chat.test", Room("!abc:chat.test")),
        ("https://matrix.to/#/@user-17:chat.test", User("user-17", "chat.test")),
        ("https://matrix.to/#/%40user-17%3Achat.test", User("user-17", "chat.test")),
        (f"https://matrix.to/#/{ROOM_12}/{EVENT}?via=chat.test", Event(ROOM_12, EVENT)),
        ("https://matrix.to/#/%21abc%3Achat.test/%24one?via=chat.test", Event("!abc:chat.test", "$one")),
        ("https://matrix.to/#/!abc:chat.test/$with%2Fslash", Event("!abc:chat.test", "$with/slash")),
        (f"https://matrix.to/#/#general:chat.test/{EVENT}", Event("#general:chat.test", EVENT)),
        ("https://matrix.to/#/#general:chat.test", Room("#general:chat.test")),
        (f"https://app.client.example/#/room/!abc:chat.test/{EVENT}", Event("!abc:chat.test", EVENT)),
        ("https://app.client.example/#/user/@user-17:chat.test", User("user-17", "chat.test")),
        ("matrix:u/user-17:chat.test", User("user-17", "chat.test")),
        ("matrix:u/user-17:chat.test?action=chat", User("user-17", "chat.test")),
        ("matrix:roomid/abc:chat.test/e/one?via=chat.test", Event("!abc:chat.test", "$one")),
        ("matrix:r/general:chat.test/e/one", Event("#general:chat.test", "$one")),
        ("matrix:r/general:chat.test", Room("#general:chat.test")),
        ("https://chat.test/_matrix/client/v1/media/download/chat.test/abc", Media("chat.test", "abc")),
        ("https://chat.test/_matrix/client/v1/media/download/chat.test/abc/a%20name.png", Media("chat.test", "abc")),
        ("https://chat.test/_matrix/client/v1/media/thumbnail/chat.test/abc?width=9", Media("chat.test", "abc")),
        ("http://chat.test/_matrix/media/v3/download/chat.test/abc", Media("chat.test", "abc")),
        ("http://chat.test/_matrix/media/r0/thumbnail/chat.test/abc", Media("chat.test", "abc")),
    ],
)
def test_what_was_pasted_is_understood(pasted: str, meant: object) -> None:
    assert ids.parse(pasted) == meant


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "   ",
        "two words",
        "https://pictures.example/1.png",
        "https://[broken",
        "https://matrix.to/#/",
        "https://matrix.to/#/general:chat.test",
        "https://chat.test/_matrix/media/v3/download/chat.test/../../x",
        "mxc://chat.test/",
        "mxc://chat.test/..",
        "mxc://chat.test/a/b",
        "mxc://chat test/abc",
        "@user-17:",
        "@user 17:chat.test",
        "@:chat.test",
        "@" + "x" * 255 + ":chat.test",
        "!abc:chat.test/one",
        "!abc:chat.test/$",
        "!abc:chat.test/$one two",
        "matrix:u",
        "matrix:x/user-17:chat.test",
        "matrix:u/user-17:chat.test/e/one",
        "javascript:alert(1)",
        "x" * 3000,
    ],
)  # fmt: skip
def test_nothing_else_is(pasted: str) -> None:
    assert ids.parse(pasted) is None


@pytest.mark.parametrize("item_id", [f"{ROOM_12}/{EVENT}", "!abc:chat.test/$with/slash", "mxc://chat.test/abc"])
def test_an_items_id_leads_back_to_the_item(item_id: str) -> None:
    place = ids.parse_item(item_id)
    assert place is not None
    assert place.id == item_id


@pytest.mark.parametrize(
    "item_id", ["@user-17:chat.test", "user-17", "#general:chat.test", "", "mxc://chat.test/a?b", "mxc://chat.test/a\n"]
)
def test_other_ids_are_no_items(item_id: str) -> None:
    assert ids.parse_item(item_id) is None
