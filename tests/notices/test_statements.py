"""Statements: one for each decision, opened by their token alone, for six months at least."""

import base64
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from safehold.audit.machine import IllegalMove
from safehold.audit.models import Detail, Entry
from safehold.notices import service as notices
from safehold.notices import tokens
from safehold.notices.models import Letter, Statement
from tests.notices.test_letters import GRANTED, LENIENT, REFUSED, REMOVE, REVERSED, SUSPENDED, TO_NCMEC

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]
NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def draft(**changes: object) -> Statement:
    with transaction.atomic():
        return notices.draft_statement(msgspec.structs.replace(SUSPENDED, **changes), "system:worker")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    now = [NOW]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return now


def test_one_statement_for_each_decision() -> None:
    first, again = draft(), draft(account_handle="@user-18")
    assert first.pk == again.pk
    assert again.body == first.body
    assert Entry.objects.filter(act="statement.drafted").count() == 1


def test_the_record_names_ids_alone() -> None:
    draft()
    assert "user-17" not in str([*Entry.objects.values(), *Detail.objects.values()])


def test_a_token_opens_its_statement_and_no_other(clock: list[datetime]) -> None:
    one, two = draft(), draft(decision="decision-9")
    assert notices.by_token(notices.token_of(one)).pk == one.pk
    assert notices.by_token(notices.token_of(two)).pk == two.pk
    assert notices.token_of(one) not in str(list(Statement.objects.values()))


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 44, "é" * 43, "\0" * 43, "A" * 10_000])
def test_anything_else_opens_nothing(token: str) -> None:
    draft()
    with pytest.raises(notices.UnknownToken):
        notices.by_token(token)


def test_no_changed_letter_opens_anything(clock: list[datetime]) -> None:
    token = notices.token_of(draft())
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place in range(len(token)):
        other = letters[(letters.index(token[place]) + 1) % 64]
        with pytest.raises(notices.UnknownToken):
            notices.by_token(token[:place] + other + token[place + 1 :])


def test_a_statements_id_is_not_enough(clock: list[datetime]) -> None:
    forged = base64.urlsafe_b64encode(draft().pk.bytes + bytes(16)).decode().rstrip("=")
    with pytest.raises(notices.UnknownToken):
        notices.by_token(forged)


def test_tokens_belong_to_the_installation(data: Path, clock: list[datetime]) -> None:
    token = notices.token_of(draft())
    (data / "keys" / "statements.key").unlink()
    with pytest.raises(notices.UnknownToken):
        notices.by_token(token)


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.uuids())
def test_tokens_are_read_back(data: Path, some: object) -> None:
    assert tokens.read(tokens.make(some)) == some  # type: ignore[arg-type]


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_reading_a_token_never_fails(data: Path, text: str) -> None:
    assert tokens.read(text) is None


def test_a_token_lives_until_the_window_ends(clock: list[datetime]) -> None:
    statement = draft()
    token = notices.token_of(statement)
    clock[0] = statement.appeal_until
    assert notices.by_token(token).pk == statement.pk
    clock[0] = statement.appeal_until + timedelta(seconds=1)
    with pytest.raises(notices.ExpiredToken, match="2027-05-25 08:30 UTC") as caught:
        notices.by_token(token)
    assert caught.value.until == statement.appeal_until


@pytest.mark.parametrize(
    ("decided_on", "until", "fits"),
    [
        (date(2026, 11, 22), datetime(2027, 5, 22, tzinfo=UTC), True),
        (date(2026, 11, 22), datetime(2027, 5, 21, 23, 59, tzinfo=UTC), False),
        (date(2026, 8, 31), datetime(2027, 2, 28, tzinfo=UTC), True),
        (date(2026, 8, 31), datetime(2027, 2, 27, tzinfo=UTC), False),
        (date(2026, 6, 30), datetime(2026, 12, 30, tzinfo=UTC), True),
        (date(2026, 12, 31), datetime(2027, 6, 30, tzinfo=UTC), True),
    ],
)
def test_the_window_is_six_months_at_least(decided_on: date, until: datetime, fits: bool) -> None:
    if fits:
        assert draft(decided_on=decided_on, appeal_until=until).appeal_until == until
    else:
        with pytest.raises(notices.WindowTooShort):
            draft(decided_on=decided_on, appeal_until=until)


def test_a_late_statement_keeps_its_six_months(clock: list[datetime]) -> None:
    statement = draft()
    clock[0] = NOW + timedelta(days=30)
    with transaction.atomic():
        sent = notices.mark_sent(statement.pk, "host", "system:worker")
    assert sent.appeal_until == datetime(2027, 6, 22, 8, 30, tzinfo=UTC)
    clock[0] += timedelta(days=60)
    with transaction.atomic():
        again = notices.mark_sent(statement.pk, "email", "system:worker")
    assert (again.appeal_until, again.sent_at) == (sent.appeal_until, sent.sent_at)
    channels = [row.detail.body["channel"] for row in Entry.objects.filter(act="statement.send").order_by("id")]
    assert channels == ["host", "email"]


def test_a_withheld_statement_is_not_sent(clock: list[datetime]) -> None:
    statement = draft()
    with transaction.atomic():
        notices.withhold(statement.pk, until=NOW + timedelta(days=9), because="order-17", actor="staff:1")
        with pytest.raises(IllegalMove):
            notices.mark_sent(statement.pk, "host", "system:worker")
        notices.release(statement.pk, actor="staff:1")
        assert notices.mark_sent(statement.pk, "host", "system:worker").state == "sent"
        with pytest.raises(IllegalMove):
            notices.withhold(statement.pk, until=NOW, because="order-18", actor="staff:1")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"measures": ()}, notices.NothingToState),
        ({"clauses": ()}, notices.NothingToState),
        ({"must_remove": True, "items": ()}, notices.NothingToState),
        ({"measures": (notices.Measure("exile"),)}, notices.UnknownCode),
        ({"source": "a neighbour"}, notices.UnknownCode),
    ],
)
def test_a_statement_without_reasons_is_not_written(changes: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        draft(**changes)
    assert Statement.objects.count() == Entry.objects.count() == 0


def test_names_from_a_host_cannot_shape_the_letter() -> None:
    nasty = "user-17\n\nYou won\x00\u2028 {{ link }} \u202eabc {% now %} <b>"
    body = draft(account_handle=nasty, items=(notices.ItemName(None, nasty),)).body
    line = "user-17 You won {{ link }} abc {% now %} <b>"
    assert body.splitlines()[0] == f"To the holder of the account {line}"
    assert f"- id {line}" in body.splitlines()


def test_nobody_who_notified_can_be_named() -> None:
    fields = set(notices.StatementInput.__struct_fields__)
    assert not fields & {"reporter", "notifier", "report", "reports", "hits", "list"}


@pytest.mark.parametrize(
    ("wished", "written"),
    [("en", "en"), ("en-GB", "en"), ("zh", "zh-hans"), ("zh_CN", "zh-hans"), ("zh-Hans", "zh-hans"), ("ar-EG", "ar"),
     ("pt", "en"), ("", "en")],
)  # fmt: skip
def test_the_language_that_is_written(wished: str, written: str) -> None:
    assert draft(language=wished).language == written


def test_letters_are_written_once_and_sent_on_record() -> None:
    with transaction.atomic():
        for write, given in (
            (notices.must_remove_letter, REMOVE), (notices.appeal_outcome_letter, GRANTED),
            (notices.reversal_letter, REVERSED), (notices.letter_to_ncmec, TO_NCMEC),
        ):  # fmt: skip
            assert write(given, "system:worker").pk == write(given, "system:worker").pk
        row = notices.mark_letter_sent(Letter.objects.get(kind="reversal").pk, "host", "system:worker")
    assert Letter.objects.count() == 4
    assert row.state == "sent"
    assert row.sent_at is not None


def test_letters_with_nothing_to_say_are_refused() -> None:
    for write, said in (
        (notices.appeal_outcome_letter, msgspec.structs.replace(REFUSED, reason=" \n")),
        (notices.must_remove_letter, msgspec.structs.replace(REMOVE, items=())),
        (notices.reversal_letter, msgspec.structs.replace(REVERSED, done=(), impossible=())),
        (notices.letter_to_ncmec, msgspec.structs.replace(TO_NCMEC, changed=())),
        (notices.letter_to_ncmec, msgspec.structs.replace(TO_NCMEC, report_id="")),
    ):
        with pytest.raises(notices.NothingToState), transaction.atomic():
            write(said, "system:worker")
    assert Letter.objects.count() == 0


def test_the_lenient_statement_says_what_to_do() -> None:
    with transaction.atomic():
        body = notices.draft_statement(LENIENT, "system:worker").body
    assert "What you have to do" in body
    assert "You will not be shown it again" in body
