"""A thread as evidence: the same bytes for the same thread, and no text that passes for a line of ours."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.cybertip.document import DocumentError
from safehold.cybertip.thread import MessageInput, ThreadInput, render, visible

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden" / "thread.txt"


def message(number: int, **changes: object) -> MessageInput:
    base = MessageInput(
        id=f"m-{number}", at=AT + timedelta(minutes=number), direction="from_reported", sender="u-17",
        recipients=("u-18",), text=f"placeholder message {number}",
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def thread(*messages: MessageInput, **changes: object) -> ThreadInput:
    base = ThreadInput(id="t-1", service="Example Chat", reported_account="u-17", messages=messages)
    return msgspec.structs.replace(base, **changes)


def test_a_thread_is_its_golden_file() -> None:
    local = timezone(timedelta(hours=2))
    whole = thread(
        message(3, at=None, direction="other", sender="u-20", recipients=(), text=""),
        message(2, direction="to_reported", sender="u-18", recipients=("u-17",), reply_to="m-1", reported=True),
        message(
            1, at=AT.astimezone(local), attachments=("sealed-1",), edited_at=AT, deleted_at=AT,
            text="one\r\ntwo\n\nthree",
        ),
        title="Room 1", fetched_at=AT + timedelta(days=1), complete=False,
    )  # fmt: skip
    assert render(whole) == GOLDEN.read_bytes()


def test_order_is_by_time_and_does_not_hang_on_the_order_given() -> None:
    forth, back = [message(n) for n in range(5)], [message(n) for n in reversed(range(5))]
    assert render(thread(*forth)) == render(thread(*back))


def test_every_message_says_when_which_and_who_to_whom() -> None:
    text = render(thread(message(7, direction="to_reported"))).decode()
    assert "[1] 2026-01-02T03:11:05.000Z message m-7, to the reported account\n    u-17 to u-18\n" in text
    assert "    | placeholder message 7\n" in text


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_no_text_passes_for_a_line_of_ours(texts: list[str]) -> None:
    """Every line is ours, or stands behind a bar; nothing is invisible."""
    ours = render(thread(*(message(n, text="") for n in range(len(texts))))).decode().splitlines()
    lines = render(thread(*(message(n, text=text) for n, text in enumerate(texts)))).decode().split("\n")
    assert [line for line in lines if not line.startswith("    | ")] == [*ours, ""]
    assert all(char.isprintable() or char in "\t\u200c\u200d" or char.isspace() for line in lines for char in line)


def test_what_cannot_be_seen_is_written_out() -> None:
    assert visible("a\u202eb\x00c\u2028d\te\u200df") == "a<U+202E>b<U+0000>c<U+2028>d\te\u200df"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (thread(), "ThreadInput/messages"),
        (thread(message(1, at=datetime(2026, 1, 1))), "MessageInput/at"),  # noqa: DTZ001
        (thread(message(1, edited_at=datetime(2026, 1, 1))), "MessageInput/at"),  # noqa: DTZ001
    ],
)
def test_what_is_no_thread_is_refused_by_name(wrong: ThreadInput, field: str) -> None:
    with pytest.raises(DocumentError) as caught:
        render(wrong)
    assert caught.value.field == field
