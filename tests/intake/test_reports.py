"""Reports: taken whatever they lack, once for each one-time key, and told apart from who made them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from safehold.audit.machine import IllegalMove
from safehold.audit.models import Detail, Entry
from safehold.intake import service as intake
from safehold.intake.models import REPORT, Channel, Locator, Report, ReporterContact, ReportWords
from safehold.subjects import service as subjects
from safehold.subjects.models import Host

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]


@pytest.fixture
def blog() -> Host:
    return Host.objects.create(
        slug="blog", name="Blog", adapter="webhook", base_url="http://127.0.0.1:1", origins=["https://blog.example"]
    )


def take(**said: object) -> intake.Accepted:
    new = intake.NewReport(**{"channel": "form", "once_key": "key-1", **said})  # type: ignore[arg-type]
    with transaction.atomic():
        return intake.accept(new)


def states(report: Report) -> list[tuple[str, str, str, str]]:
    return [(one.raw, one.given_as, one.kind, one.state) for one in report.locators.all()]


def test_an_empty_report_is_taken() -> None:
    accepted = take()
    assert accepted.report.state == "received"
    assert not accepted.repeated
    assert states(accepted.report) == []


def test_what_is_named_is_kept_in_order(blog: Host) -> None:
    report = take(
        account_name="user-17",
        locators=("https://blog.example/p/1", "https://elsewhere.example/x", "http://[::1", "https://blog.example/p/1"),
        item_ids=("p7",),
        account_ids=("a7",),
        host="blog",
    ).report
    assert states(report) == [
        ("user-17", "name", "account", "checking"),
        ("https://blog.example/p/1", "link", "item", "checking"),
        ("", "link", "elsewhere", "elsewhere"),
        ("http://[::1", "link", "item", "not_found"),
        ("a7", "id", "account", "checking"),
        ("p7", "id", "item", "checking"),
    ]
    assert [one.host_id for one in report.locators.all()] == ["blog", "blog", None, None, "blog", "blog"]


def test_a_link_elsewhere_is_only_under_seal(blog: Host) -> None:
    link = "https://elsewhere.example/very-particular-path"
    report = take(locators=(link,), reason="placeholder message 3").report
    assert intake.words_of(report.pk) == intake.Words("placeholder message 3", (link,))
    sealed = bytes(ReportWords.objects.get().sealed)
    assert b"particular" not in sealed
    assert b"placeholder" not in sealed
    assert "particular" not in str([*Detail.objects.values_list("body", flat=True), *Locator.objects.values()])


@pytest.mark.parametrize("channel", [c.value for c in Channel])
def test_every_channel_makes_the_same_record_and_receipt(blog: Host, channel: str) -> None:
    accepted = take(channel=channel, host="blog", reporter_ref="ref-1", locators=("https://blog.example/p/1",))
    assert intake.by_code(accepted.code) == accepted.report
    assert accepted.report.channel == channel
    assert accepted.report.state == "received"
    assert REPORT.start == "received"


def test_the_same_key_gives_the_same_receipt_and_changes_nothing(blog: Host) -> None:
    first = take(locators=("https://blog.example/p/1",))
    again = take(locators=("https://blog.example/p/2",), reason="other")
    assert (again.report, again.code, again.repeated) == (first.report, first.code, True)
    assert Report.objects.count() == 1
    assert Locator.objects.count() == 1
    assert Entry.objects.filter(act="report.received").count() == 1


def test_other_channels_hosts_and_partners_have_keys_of_their_own(blog: Host) -> None:
    Host.objects.create(slug="two", name="Two", adapter="webhook", base_url="http://127.0.0.1:2")
    codes = {
        take().code,
        take(channel="in_app", host="blog").code,
        take(channel="in_app", host="two").code,
        take(channel="flagger", reporter_ref="1").code,
        take(channel="flagger", reporter_ref="2").code,
        take(channel="authority", reporter_ref="1").code,
    }
    assert len(codes) == 6


def test_the_code_is_stored_nowhere() -> None:
    code = take().code
    rows = [*Report.objects.values(), *Entry.objects.values(), *Detail.objects.values()]
    assert code not in str(rows)
    assert code.replace("-", "") not in str(rows)


def test_a_rolled_back_report_leaves_no_receipt() -> None:
    with transaction.atomic():
        code = intake.accept(intake.NewReport(channel="form", once_key="key-1")).code
        transaction.set_rollback(True)
    assert intake.by_code(code) is None
    assert not take().repeated


@pytest.mark.parametrize(
    ("said", "field", "limit"),
    [
        ({"reason": "x" * 20_001}, "reason", 20_000),
        ({"reason": "x" * 1_000_000}, "reason", 20_000),
        ({"locators": tuple(f"https://blog.example/p/{n}" for n in range(51))}, "locators", 50),
        ({"locators": ("https://blog.example/" + "x" * 2083,)}, "locators", 2083),
        ({"account_name": "x" * 256}, "account_name", 255),
        ({"contact_email": "x" * 255}, "contact_email", 254),
        ({"once_key": "x" * 501}, "once_key", 500),
        ({"item_ids": ("x" * 256,), "host": "blog"}, "item_ids", 255),
    ],
)
def test_too_long_is_refused_with_field_and_limit(blog: Host, said: dict[str, object], field: str, limit: int) -> None:
    with pytest.raises(intake.TooLong) as caught:
        take(**said)
    assert (caught.value.field, caught.value.limit) == (field, limit)
    assert str(limit) in str(caught.value)
    assert Report.objects.count() == Entry.objects.count() == 0


def test_the_limits_themselves_fit(blog: Host) -> None:
    report = take(reason="x" * 20_000, locators=tuple(f"https://blog.example/p/{n}" for n in range(50))).report
    assert report.locators.count() == 50


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"channel": "pigeon"}, intake.UnknownChannel),
        ({"once_key": ""}, intake.NoOnceKey),
        ({"once_key": "\0"}, intake.NoOnceKey),
        ({"channel": "in_app"}, intake.UnknownHost),
        ({"item_ids": ("1",), "host": "nowhere"}, intake.UnknownHost),
    ],
)
def test_programs_are_told_what_they_did_wrong(said: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        take(**said)
    assert Report.objects.count() == 0


def test_odd_choices_never_refuse_a_report() -> None:
    report = take(
        host="nowhere", class_id="No such class!", relationship="king", language="tlh", country="Utopia"
    ).report
    assert (report.host, report.class_id, report.relationship, report.language, report.country) == (
        None,
        "",
        "",
        "en",
        "",
    )


def test_broken_text_never_refuses_a_report() -> None:
    report = take(reason="a\0b\ud800c\nd", account_name="user\x1b-17\0", locators=("\0", "  ")).report
    assert intake.words_of(report.pk).reason == "ab?c\nd"
    assert states(report) == [("user-17", "name", "account", "checking")]


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_it_commits_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(intake, "_keep", fails)
    with pytest.raises(RuntimeError):
        intake.accept(intake.NewReport(channel="form", once_key="key-1", reason="placeholder message 3"))
    assert Report.objects.count() == Entry.objects.count() == 0


@pytest.mark.parametrize("text", ["", "2222-2222-2222-2222", "no code", "\0", "٢" * 16])
def test_an_unknown_code_finds_nothing(text: str) -> None:
    assert intake.by_code(text) is None


def test_two_at_once_make_one_report(monkeypatch: pytest.MonkeyPatch) -> None:
    first = take()
    looked: list[str] = []
    by_code = intake.by_code

    def late(code: str) -> Report | None:
        looked.append(code)
        return by_code(code) if len(looked) > 1 else None  # the other one commits after this look

    monkeypatch.setattr(intake, "by_code", late)
    again = take()
    assert (again.report, again.repeated) == (first.report, True)
    assert Report.objects.count() == 1


def test_another_integrity_error_is_not_taken_for_a_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: object) -> Report:
        raise IntegrityError

    monkeypatch.setattr(intake, "_write", fails)
    with pytest.raises(IntegrityError):
        take()


def test_settling(blog: Host) -> None:
    report = take(locators=tuple(f"https://blog.example/p/{n}" for n in range(4))).report
    rows = list(report.locators.all())
    account = subjects.account(blog, "a1", handle="user-17")
    item = subjects.item(blog, "p1", kind="post", owner=account)
    with transaction.atomic():
        found = intake.settle_locator(
            rows[0].pk, found_item=item, found_account=account, state="found", actor="system:worker"
        )
        assert (found.state, found.kind, found.item, found.account) == ("found", "item", item, account)
        assert intake.settle_locator(rows[0].pk, state="not_found", actor="system:worker").state == "found"
        alone = intake.settle_locator(rows[1].pk, found_account=account, state="found", actor="system:worker")
        assert (alone.kind, alone.item) == ("account", None)
        missed = intake.settle_locator(rows[2].pk, state="not_found", actor="system:worker")
        assert missed.state == "not_found"
        later = intake.settle_locator(rows[2].pk, found_item=item, state="found", actor="system:worker")
        assert later.state == "found"
        away = intake.settle_locator(rows[3].pk, state="elsewhere", actor="system:worker")
        assert (away.state, away.kind, away.raw, away.host_id) == ("elsewhere", "elsewhere", "", None)
        with pytest.raises(IllegalMove):
            intake.settle_locator(rows[3].pk, state="not_found", actor="system:worker")
    assert intake.words_of(report.pk).elsewhere == ("https://blog.example/p/3",)


@pytest.mark.parametrize("state", ["found", "checking", "gone"])
def test_settling_as_nonsense_is_refused(blog: Host, state: str) -> None:
    row = take(locators=("https://blog.example/p/1", "@user-17")).report.locators.all()[0]
    if state == "checking":
        with transaction.atomic():
            assert intake.settle_locator(row.pk, state=state, actor="system:worker").state == "checking"
        return
    with pytest.raises(ValueError, match="settled as found"), transaction.atomic():
        intake.settle_locator(row.pk, state=state, actor="system:worker")


def test_duplicates_attach(blog: Host) -> None:
    item = subjects.item(blog, "p1", kind="post")
    reports = [take(once_key=f"key-{n}", locators=("https://blog.example/p/1",)).report for n in range(3)]
    with transaction.atomic():
        for report in reports[:2]:
            intake.settle_locator(report.locators.get().pk, found_item=item, state="found", actor="system:worker")
    assert list(intake.naming(item=item)) == reports[:2]
    assert not intake.naming().exists()


def moves(report: Report) -> list[str]:
    about = f"report:{report.pk}"
    return list(Entry.objects.filter(about=about).order_by("id").values_list("act", flat=True))


def test_the_machine(blog: Host) -> None:
    report = take().report
    steps: list[Callable[..., Report]] = [
        intake.begin_review,
        intake.begin_review,
        intake.finish,
        intake.finish,
        intake.begin_review,
    ]
    with transaction.atomic():
        seen = [step(report.pk, actor="staff:1").state for step in steps]
    assert seen == ["in_review", "in_review", "finished", "finished", "finished"]
    assert moves(report) == ["report.received", "report.begin_review", "report.finish"]
    assert Report.objects.get().finished_at is not None


def test_who_reported_is_recorded_by_role_alone(blog: Host) -> None:
    take(contact_email="user-17@mail.test")
    take(channel="in_app", host="blog", reporter_ref="account-9")
    take(channel="flagger", reporter_ref="0b")
    actors = list(Entry.objects.filter(act="report.received").order_by("id").values_list("actor", flat=True))
    assert actors == ["anonymous", "host:blog", "flagger:0b"]
    rows = str([*Report.objects.values(), *Entry.objects.values(), *Detail.objects.values(), *Locator.objects.values()])
    assert "mail.test" not in rows
    assert "account-9" not in rows
    assert ReporterContact.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    "postgresql" not in __import__("os").environ["SAFEHOLD_DATABASE_URL"], reason="one writer on SQLite"
)
def test_many_at_once_make_one_report(data: Path) -> None:
    def send(_number: int) -> tuple[str, bool]:
        try:
            accepted = take()
            return accepted.code, accepted.repeated
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(8)))
    assert len({code for code, _repeated in answers}) == 1
    assert [repeated for _code, repeated in answers].count(False) == 1
