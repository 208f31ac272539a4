"""Persons above accounts: bans and strikes follow the person, joins are on record, nothing is readable."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.persons import service as persons
from safehold.persons.joining import group_of
from safehold.persons.models import AccountLink, Ban, Identifier, Join, Person, Strike
from safehold.subjects import service as subjects
from safehold.subjects.models import Account, Host

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR = "system:worker"
AT = datetime(2026, 1, 1, tzinfo=UTC)
MAIL, MAIL_2 = "user-17@host.example", "user-18@host.example"
PHONE = "+1 202 555 0117"


def account(name: str, slug: str = "one") -> Account:
    host, _made = Host.objects.get_or_create(
        slug=slug, defaults={"name": slug, "adapter": "webhook", "base_url": f"https://{slug}.test"}
    )
    return subjects.account(host, name)


def known(name: str, *emails: str, phones: tuple[str, ...] = ()) -> Person:
    return persons.identify(account(name), emails=emails, phones=phones, actor=ACTOR)


def strike(person: Person, decision: str, class_id: str = "cse", at: datetime = AT) -> Strike:
    return persons.add_strike(person, class_id=class_id, clauses=("CSE-01",), decision=decision, at=at, actor=ACTOR)


# --- who is who ---


def test_a_person_is_known_by_account_and_identifiers() -> None:
    assert persons.person_of(account("user-17")) is None
    person = known("user-17", MAIL, phones=(PHONE,))
    assert persons.person_of(account("user-17")) == person
    assert known("user-17", MAIL, phones=(PHONE,)) == person
    assert known("user-17") == person
    assert Identifier.objects.count() == 2
    acts = [entry.act for entry in audit.history(person)]
    assert acts == ["person.made", "person.account_linked", "person.identified"]  # and once only


def test_the_same_identifier_in_another_spelling_is_the_same_person_on_any_host() -> None:
    person = known("user-17", "US.ER17@googlemail.com", phones=(PHONE,))
    other = persons.identify(account("u17", "two"), emails=["user17+x@gmail.com"], phones=[], actor=ACTOR)
    third = persons.identify(account("u17", "three"), emails=[], phones=["+12025550117"], actor=ACTOR)
    assert person == other == third
    assert Person.objects.count() == 1


def test_no_identifier_links_nobody() -> None:
    assert known("user-17") != known("user-18")
    assert known("user-19", "not an address", phones=("555-0117",)) != known("user-20", "not an address")
    assert Identifier.objects.count() == 0


def test_no_address_or_number_can_be_read_anywhere(data: Path) -> None:
    person = known("user-17", MAIL, phones=(PHONE,))
    persons.ban(person, because="decision:1", actor=ACTOR)
    persons.check_signup(emails=[MAIL], phones=[PHONE], ip="192.0.2.7")
    dump = ""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.split("_")[0] in ("persons", "audit"):
                cursor.execute(f"SELECT * FROM {table}")
                dump += str(cursor.fetchall())
    for secret in (MAIL, "user-17@", "2025550117", "555 0117", "192.0.2"):
        assert secret not in dump
    import hashlib

    assert hashlib.sha256(MAIL.encode()).hexdigest() not in dump
    key = data / "keys" / "identifiers.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_bytes()) == 32


def test_another_installations_key_gives_other_digests(data: Path) -> None:
    from safehold.persons import identifiers

    one = identifiers.mac_of("email", MAIL)
    assert one == identifiers.mac_of("email", MAIL.upper())
    (data / "keys" / "identifiers.key").write_bytes(b"7" * 32)
    identifiers._key.cache_clear()
    assert identifiers.mac_of("email", MAIL) != one
    identifiers._key.cache_clear()


def test_an_email_and_a_number_never_meet() -> None:
    from safehold.persons import identifiers

    macs, unusable = identifiers.macs_of([MAIL, MAIL.upper(), "bad"], [PHONE])
    assert [kind for kind, _mac in macs] == ["email", "phone"]
    assert len({mac for _kind, mac in macs}) == 2
    assert unusable == 1


# --- bans and the door ---


def test_a_banned_person_is_refused_at_every_door() -> None:
    person = known("user-17", MAIL, phones=(PHONE,))
    assert persons.check_signup(emails=[MAIL]) == persons.SignupAnswer(False, "", "")
    ban = persons.ban(person, because="decision:1", actor=ACTOR)
    for emails, phones, by in (
        ([MAIL.upper()], [], "email"),
        ([], ["+12025550117"], "phone"),
        ([MAIL_2, MAIL], [PHONE], "email"),
        ([MAIL_2], [PHONE], "phone"),
    ):
        assert persons.check_signup(emails=emails, phones=phones) == persons.SignupAnswer(True, by, str(ban.pk))
    assert not persons.check_signup(emails=[MAIL_2], phones=["+12025550118"]).refused
    assert not persons.check_signup(emails=["not an address"], phones=["17"]).refused
    assert not persons.check_signup().refused


def test_an_address_on_the_network_never_decides() -> None:
    person = known("user-17", MAIL)
    persons.ban(person, because="decision:1", actor=ACTOR)
    assert persons.check_signup(emails=[MAIL], ip="192.0.2.7").refused
    assert not persons.check_signup(emails=[MAIL_2], ip="192.0.2.7").refused
    assert not persons.check_signup(ip="192.0.2.7").refused


def test_the_door_writes_nothing() -> None:
    persons.ban(known("user-17", MAIL), because="decision:1", actor=ACTOR)
    before = [model.objects.count() for model in (Person, Identifier, audit.Entry, audit.FailedAttempt)]
    persons.check_signup(emails=[MAIL, MAIL_2], phones=[PHONE], ip="192.0.2.7")
    assert [model.objects.count() for model in (Person, Identifier, audit.Entry, audit.FailedAttempt)] == before


def test_a_ban_is_placed_once_for_each_reason_and_lifted_by_itself() -> None:
    person = known("user-17", MAIL)
    one = persons.ban(person, because="decision:1", actor=ACTOR)
    assert persons.ban(person, because="decision:1", actor=ACTOR) == one
    two = persons.ban(person, because="decision:2", actor=ACTOR)
    lifted = persons.lift_ban(one.pk, because="appeal:1", actor=ACTOR)
    assert lifted.state == "lifted"
    assert persons.lift_ban(one.pk, because="again", actor=ACTOR).lifted_because == "appeal:1"
    assert persons.check_signup(emails=[MAIL]).ban_id == str(two.pk)
    persons.lift_ban(two.pk, because="appeal:2", actor=ACTOR)
    assert not persons.check_signup(emails=[MAIL]).refused
    again = persons.ban(person, because="decision:1", actor=ACTOR)
    assert again != one
    assert [entry.act for entry in audit.history(one)] == ["ban.placed", "ban.lift"]


def test_the_machines_refuse_what_they_do_not_know() -> None:
    ban = persons.ban(known("user-17", MAIL), because="decision:1", actor=ACTOR)
    ban = persons.lift_ban(ban.pk, because="appeal:1", actor=ACTOR)
    with pytest.raises(IllegalMove), transaction.atomic():
        persons.BAN_MACHINE.move(ban, "lift", actor=ACTOR)
    assert persons.BAN_MACHINE.final == {"lifted"}
    assert persons.STRIKE_MACHINE.final == {"retracted"}


# --- strikes ---


def test_strikes_count_by_class_and_time() -> None:
    person = known("user-17", MAIL)
    strike(person, "1")
    strike(person, "2", at=AT + timedelta(days=100))
    strike(person, "3", class_id="altercation")
    assert persons.strikes(person) == 3
    assert persons.strikes(person, "cse") == 2
    assert persons.strikes(person, "cse", since=AT + timedelta(days=100)) == 1
    assert persons.strikes(person, since=AT + timedelta(days=101)) == 0
    assert persons.strikes(known("user-18"), "cse") == 0


def test_a_decision_counts_once_and_a_retracted_strike_stays_out() -> None:
    person = known("user-17", MAIL)
    row = strike(person, "1")
    assert strike(person, "1") == row
    assert persons.strikes(person) == 1
    assert persons.retract_strike("1", because="appeal:1", actor=ACTOR).state == "retracted"  # type: ignore[union-attr]
    assert persons.strikes(person) == 0
    strike(person, "1")
    assert persons.strikes(person) == 0
    assert persons.retract_strike(row.pk, because="again", actor=ACTOR).retracted_because == "appeal:1"  # type: ignore[union-attr]
    assert persons.retract_strike("2", because="appeal:1", actor=ACTOR) is None
    with pytest.raises(ValueError, match="another person"):
        strike(known("user-18"), "1")


# --- persons that are one ---


def test_a_shared_identifier_joins_two_persons_on_record() -> None:
    one, two = known("user-17", MAIL), known("user-18", MAIL_2)
    strike(one, "1")
    strike(two, "2")
    joined = known("user-19", MAIL, MAIL_2)
    assert joined == one  # the one known longest
    assert persons.person_of(account("user-18")) == one
    assert persons.strikes(one) == persons.strikes(two) == 2
    act = audit.history(two).last()
    assert act is not None
    assert (act.act, act.detail.body["into"]) == ("person.joined", f"person:{one.pk}")
    assert Strike.objects.get(decision="2").person_id == two.pk  # nothing was rewritten
    assert AccountLink.objects.get(account=account("user-18")).person_id == two.pk


def test_two_banned_histories_are_joined_aloud_and_both_stay() -> None:
    one, two = known("user-17", MAIL), known("user-18", MAIL_2)
    first = persons.ban(one, because="decision:1", actor=ACTOR)
    second = persons.ban(two, because="decision:2", actor=ACTOR)
    known("user-19", MAIL, MAIL_2)
    said = audit.history(two).last().detail.body  # type: ignore[union-attr]
    assert said["both_banned"] is True
    assert said["bans_in_force"] == {str(one.pk): [str(first.pk)], str(two.pk): [str(second.pk)]}
    assert persons.bans_in_force(one) == persons.bans_in_force(two) == [first, second]
    persons.lift_ban(first.pk, because="appeal:1", actor=ACTOR)
    assert persons.check_signup(emails=[MAIL]).ban_id == str(second.pk)  # the other one still bars
    assert {ban.person_id for ban in Ban.objects.all()} == {one.pk, two.pk}


def test_a_wrong_join_can_be_taken_back() -> None:
    one, two = known("user-17", MAIL), known("user-18", MAIL_2)
    persons.ban(one, because="decision:1", actor=ACTOR)
    strike(two, "2")
    known("user-17", MAIL_2)
    assert persons.check_signup(emails=[MAIL_2]).refused
    row = Join.objects.get()
    assert persons.undo_join(row.pk, because="somebody else's address", actor="staff:user-1") == two
    assert persons.undo_join(row.pk, because="again", actor="staff:user-1") == two
    assert not persons.check_signup(emails=[MAIL_2]).refused
    assert persons.check_signup(emails=[MAIL]).refused
    assert (persons.strikes(one), persons.strikes(two)) == (0, 1)
    row.refresh_from_db()
    assert row.undone_because == "somebody else's address"
    assert audit.history(two).last().act == "person.parted"  # type: ignore[union-attr]


@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 5), max_size=3)), max_size=8))
def test_whoever_shares_an_identifier_is_one_person_and_nobody_else(steps: list[tuple[int, set[int]]]) -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        linked: dict[str, set[str]] = {}
        for name, mails in steps:
            known(f"p{name}", *(f"m{mail}@host.example" for mail in sorted(mails)))
            nodes = [f"p{name}", *(f"m{mail}" for mail in mails)]
            merged = set(nodes).union(*(linked.get(node, set()) for node in nodes))
            linked.update(dict.fromkeys(merged, merged))
        for a in (n for n in linked if n[0] == "p"):
            for b in (n for n in linked if n[0] == "p"):
                same = persons.person_of(account(a)) == persons.person_of(account(b))
                assert same == (b in linked[a])
        for person in Person.objects.all():
            assert person.pk in group_of(person)
        transaction.savepoint_rollback(savepoint)


@pytest.mark.postgres
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_two_processes_that_meet_the_same_identifier_make_one_person() -> None:
    accounts = [account(f"user-{n}") for n in range(6)]
    start = threading.Barrier(6)
    failures: list[BaseException] = []

    def work(one: Account, turn: int) -> None:
        try:
            start.wait()
            mails = [MAIL, MAIL_2] if turn % 2 else [MAIL_2, MAIL]
            persons.identify(one, emails=mails, phones=[], actor=ACTOR)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(one, turn)) for turn, one in enumerate(accounts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({persons.person_of(one) for one in accounts}) == 1
    assert Identifier.objects.count() == 2
