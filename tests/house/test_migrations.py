"""Tables: made from nothing, the same as the models, and refusing what must never be, whatever the code does.

The constraints are attacked with plain SQL, past every service, on whichever database the run uses.
"""

import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.test import TestCase
from django.utils import timezone

from safehold.audit.models import Entry, Seal
from safehold.authorities import uk
from safehold.authorities.models import Notice, Process, UkMatter
from safehold.cases import decisions
from safehold.cases.models import CaseItem, Decision, Draft, Duty, Override
from safehold.cybertip.models import ServiceSchema
from safehold.enforcement.models import Action
from safehold.evidence import service as evidence
from safehold.evidence.models import Certificate, Grant, Request
from safehold.hosts.models import PartnerKey, ReceivedEvent
from safehold.notices.models import Letter
from safehold.redress.models import Appeal
from safehold.screening import service as screening
from safehold.screening.models import (
    CategoryMapping,
    Exchange,
    Feedback,
    HitRule,
    ListClock,
    ListEntry,
    Proposal,
    Rescreen,
    Surface,
    WordsTogether,
)
from safehold.transparency.models import PublishedReport
from tests.house.role_world import Everything
from tests.support.parts import no_database, scratch_database

# What a new installation's database must look like; run in a process of its own, as `safehold setup` is.
FROM_NOTHING = """
import django
django.setup()
from django.apps import apps
from django.core.management import call_command
from django.db import connection
assert not connection.introspection.table_names(), "the database was not empty"
for _ in range(2):  # a second time changes nothing
    call_command("migrate", verbosity=0, interactive=False)
call_command("migrate", check_unapplied=True, verbosity=0)
with connection.cursor() as cursor:
    there = {table: {column.name for column in connection.introspection.get_table_description(cursor, table)}
             for table in connection.introspection.table_names(cursor)}
for model in apps.get_models(include_auto_created=True):
    columns = {field.column for field in model._meta.local_concrete_fields}
    assert there[model._meta.db_table] == columns, (model, there[model._meta.db_table] ^ columns)
print(len(there), "tables")
"""


@pytest.mark.django_db
def test_migrating_an_empty_database_gives_the_tables_of_the_models(tmp_path: Path) -> None:
    name = f"safehold_zero_{os.getpid()}"
    place = scratch_database(name) if connection.vendor == "postgresql" else no_database()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(place)
        env = {**os.environ, "SAFEHOLD_DATA": str(tmp_path), "SAFEHOLD_DATABASE_URL": url}
        if not url:
            del env["SAFEHOLD_DATABASE_URL"]  # the embedded default: a file in the data folder
        command = [sys.executable, "-W", "error", "-c", FROM_NOTHING]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("tables")
    assert url or (tmp_path / "safehold.sqlite3").exists()


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_every_room_with_tables_has_migrations() -> None:
    for config in apps.get_app_configs():
        if config.name.startswith("safehold.") and list(config.get_models()):
            assert (Path(config.path) / "migrations" / "0001_initial.py").exists(), config.name


# --- plain SQL -------------------------------------------------------------------------------------


def force(row: models.Model, **columns: Any) -> None:
    """Change columns past the model, its machine and every service."""
    fields = [row._meta.get_field(name) for name in columns]
    sets = ", ".join(f'"{one.column}" = %s' for one in fields)  # type: ignore[union-attr]
    values = [one.get_db_prep_save(columns[one.name], connection) for one in fields]  # type: ignore[union-attr]
    key: Any = row._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{row._meta.db_table}" SET {sets} WHERE "{key.column}" = %s',
            [*values, key.get_db_prep_save(row.pk, connection)],
        )
        assert cursor.rowcount == 1


def duplicate(row: models.Model, anew: "Sequence[models.Field[Any, Any]]" = ()) -> None:
    """Insert the row once more under another primary key; the columns `anew` get values of their own as well."""
    key: Any = row._meta.pk
    automatic = isinstance(key, models.AutoField)
    fields: list[Any] = [one for one in row._meta.local_concrete_fields if not (automatic and one.primary_key)]
    others = {one.column for one in anew} | {key.column}
    chosen = ", ".join("%s" if one.column in others else f'"{one.column}"' for one in fields)
    names = ", ".join(f'"{one.column}"' for one in fields)
    table = row._meta.db_table
    fresh = [one.get_db_prep_save(_other_key(one), connection) for one in fields if one.column in others]
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {chosen} FROM "{table}" WHERE "{key.column}" = %s',
            [*fresh, key.get_db_prep_save(row.pk, connection)],
        )


def _other_key(key: "models.Field[Any, Any]") -> Any:
    key = getattr(key, "target_field", key)
    if isinstance(key, models.UUIDField):
        return uuid.uuid4()
    return 10**9 if isinstance(key, models.IntegerField) else uuid.uuid4().hex[:30]


def refusal(attack: Callable[[], None]) -> str:
    """What the database says to an attack; empty where it lets it through. Nothing stays."""
    try:
        with transaction.atomic():
            attack()
            raise LetThrough
    except IntegrityError as error:
        return str(error)
    except LetThrough:
        return ""


class LetThrough(Exception):
    """The database took what it should refuse."""


# --- what the database refuses ---------------------------------------------------------------------


def ours() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("safehold.")]


def checks() -> set[str]:
    return {c.name for m in ours() for c in m._meta.constraints if isinstance(c, models.CheckConstraint)}


class Refused(TestCase):
    """One desk with something in every table that has a rule; each attack is undone."""

    all: Everything

    @classmethod
    def setUpTestData(cls) -> None:
        cls.all = Everything()
        with transaction.atomic():
            _fill(cls.all)

    def attacks(self) -> dict[str, list[tuple[models.Model, dict[str, Any]]]]:
        """{check: rows and the columns that no such row may ever hold}."""
        held, decided = self.all.world.held, Decision.objects.get(pk=self.all.world.decided.pk)  # type: ignore[union-attr]
        assert held is not None
        duty = Duty.objects.filter(state=Duty.State.OPEN).order_by("pk")[0]
        hide = Action.objects.filter(kind="hide_item", case_item__isnull=False).select_related("case_item")[0]
        ban, outside = Action.objects.filter(kind="ban_person")[0], Action.objects.exclude(cause="")[0]
        assert hide.case_item is not None
        asked_for, gone = self.all.removal, self.all.removed
        removed, objection = gone.items.all()[0], self.all.objection
        override, appeal = Override.objects.get(), Appeal.objects.get()
        assert decided.decided_by in appeal.deciders
        matter = UkMatter.objects.get(pk=self.all.uk_due.pk)
        return {
            # Invariant 3 and the second person of every sanction that needs one.
            "second_person_is_another": [
                (held, {"second_by": held.decided_by}),
                (override.decision, {"second_by": override.by}),
            ],
            "override_asks_for_a_second_person": [
                (override.decision, {"second_needed": ""}),
                (decided, {"cause": "override"}),
            ],
            "override_names_its_reason": [(override, {"reason": ""})],
            "override_is_of_another_decision": [(override, {"instead_of": override.decision_id})],
            "confirmed_has_its_second_person": [
                (held, {"state": "confirmed"}),
                (held, {"state": "confirmed", "second_by": "staff:another"}),
                (held, {"state": "confirmed", "second_agrees": False, "second_by": "staff:another"}),
                (held, {"state": "confirmed", "second_agrees": True}),
            ],
            "context_done_is_in_the_vault": [
                (CaseItem.objects.filter(context=None)[0], {"context_state": "done"}),
                (CaseItem.objects.filter(context_state="done")[0], {"context": None}),
            ],
            # Invariant 6.
            "met_names_its_receipt": [(duty, {"state": "met"})],
            "waived_names_its_reason": [(duty, {"state": "waived"})],
            "action_has_its_object": [
                (hide, {"case_item": None}),
                (ban, {"subject": None}),
                (ban, {"kind": "purge_item"}),
                (ban, {"kind": "something_else"}),
                (hide, {"item": hide.case_item.item_id}),
                (hide, {"cause": "removal:1"}),
                (outside, {"item": None}),
                (outside, {"cause": ""}),
                (outside, {"case_item": hide.case_item_id}),
                (outside, {"decision": decided.pk}),
                (outside, {"subject": ban.subject_id}),
                (outside, {"kind": "ban_person"}),
                (ban, {"item": outside.item_id}),
            ],
            # Invariant 9.
            "appeal_decided_by_another": [
                (appeal, {"decided_by": decided.decided_by, "state": "granted"}),
                (appeal, {"decided_by": decided.decided_by, "state": "refused"}),
            ],
            "appeal_outcome_names_its_decider": [(appeal, {"state": "granted"}), (appeal, {"state": "refused"})],
            "partner_kind_known": [(PartnerKey.objects.all()[0], {"kind": "somebody"})],
            # A custodian alone, or for themselves.
            "request_approved_by_another": [
                (asked := Request.objects.filter(state="asked")[0], {"state": "approved"}),
                (asked, {"state": "approved", "settled_by": asked.asked_by}),
            ],
            # What was asked of us, and what we told, names who settled it and what proves it.
            "process_answer_names_its_author": [
                (process := Process.objects.get(), {"state": "answered"}),
                (process, {"state": "refused", "answer": "x", "answered_by": "staff:1"}),
                (process, {"state": "answered", "answered_at": timezone.now(), "answered_by": "staff:1"}),
            ],
            "notice_sent_has_its_proof": [
                (notice := Notice.objects.get(), {"state": "sent"}),
                (notice, {"state": "sent", "proof": "id 1", "channel": "portal"}),
                (notice, {"state": "sent", "sent_at": timezone.now(), "channel": "portal"}),
            ],
            "notice_country_unless_europol": [
                (notice, {"country": "DE"}),
                (notice, {"addressee": "concerned"}),
            ],
            # What the NCA is told rests on a person's finding, and ends with what proves it.
            "uk_link_names_its_reason": [(matter, {"link_because": ""}), (matter, {"found_by": ""})],
            "uk_linked_has_its_priority": [(matter, {"priority": None}), (matter, {"priority": 4})],
            "uk_covered_names_its_report": [
                (matter, {"state": "covered"}),
                (matter, {"state": "covered", "covered_by": "filing:1"}),
                (matter, {"state": "covered", "covered_report_id": 17}),
            ],
            "uk_reported_has_its_reference": [
                (matter, {"state": "reported"}),
                (matter, {"state": "reported", "reference": "NCA-17", "reported_at": timezone.now()}),
                (matter, {"state": "reported", "reported_at": timezone.now(), "reference_until": timezone.now()}),
            ],
            # A removal: who may be a minor is routed, what ended names why, and nobody answers for themselves.
            "removal_of_a_minor_is_routed": [(asked_for, {"minor": "yes"}), (asked_for, {"minor": "not_sure"})],
            "removal_routed_names_its_report": [
                (asked_for, {"report": uuid.uuid4()}),
                (asked_for, {"routed_at": timezone.now()}),
                (asked_for, {"report": uuid.uuid4(), "routed_at": timezone.now()}),
            ],
            "removal_refused_names_its_reason": [
                (asked_for, {"state": "refused"}),
                (asked_for, {"state": "refused", "reason": "consent"}),
                (asked_for, {"state": "refused", "settled_by": "staff:1"}),
            ],
            "removal_removed_has_its_time": [(asked_for, {"state": "removed"}), (gone, {"removed_at": None})],
            "removal_digest_is_there": [
                (removed, {"sha256": ""}),
                (removed, {"digest": "due"}),
                (removed, {"digest": "none"}),
            ],
            "objection_answered_by_another": [(objection, {"decided_by": objection.found_by})],
            "objection_answer_names_its_author": [
                (objection, {"state": "granted"}),
                (objection, {"state": "refused", "decided_by": "staff:1", "reason": "x"}),
                (objection, {"state": "refused", "decided_at": timezone.now(), "reason": "x"}),
                (objection, {"state": "refused", "decided_at": timezone.now(), "decided_by": "staff:1"}),
            ],
            **_attacks_on_lists(),
            "grant_is_not_to_oneself": [(grant := Grant.objects.get(), {"member": grant.granted_by})],
            "period_has_days": [(report := PublishedReport.objects.get(), {"period_end": report.period_start})],
        }

    def test_every_check_is_attacked(self) -> None:
        assert set(self.attacks()) == checks()

    def test_checks_hold_against_plain_sql(self) -> None:
        weak = []
        for name, attacks in self.attacks().items():
            for row, columns in attacks:
                said = refusal(lambda row=row, columns=columns: force(row, **columns))  # type: ignore[misc]
                if name not in said:
                    weak.append((name, columns, said))
        assert not weak

    def test_what_is_right_is_let_through(self) -> None:
        """A rule that refuses everything would pass the attacks too."""
        held, appeal, duty = self.all.world.held, Appeal.objects.get(), Duty.objects.filter(state="open")[0]
        assert held is not None
        for row, columns in (
            (held, {"state": "confirmed", "second_agrees": True, "second_by": "staff:another"}),
            (appeal, {"state": "granted", "decided_by": "staff:another"}),
            (duty, {"state": "met", "receipt": "filing:1"}),
            (duty, {"state": "waived", "because": "placeholder reason"}),
        ):
            assert refusal(lambda row=row, columns=columns: force(row, **columns)) == ""  # type: ignore[misc]

    def test_nothing_is_there_twice(self) -> None:
        """Every unique constraint and column: the same row once more is refused, by that very rule."""
        weak = []
        for model in ours():
            rules = [c for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
            single = [one for one in model._meta.local_concrete_fields if one.unique and not one.primary_key]
            for rule in rules:
                rows = model._default_manager.all()
                row = (rows.filter(rule.condition) if rule.condition is not None else rows).first()
                anew = [one for one in single if one.name not in rule.fields]  # else their rule may speak first
                said = refusal(lambda row=row, anew=anew: duplicate(row, anew)) if row is not None else "no row"  # type: ignore[misc]
                columns = [model._meta.get_field(name).column for name in rule.fields]  # type: ignore[union-attr]
                if rule.name not in said and not all(f"{model._meta.db_table}.{name}" in said for name in columns):
                    weak.append((model._meta.label, rule.name, said))
            if single and not rules:
                row = model._default_manager.first()
                said = refusal(lambda row=row: duplicate(row)) if row is not None else "no row"  # type: ignore[misc]
                if not any(one.column in said for one in single):
                    weak.append((model._meta.label, [one.name for one in single], said))
        assert not weak

    def test_what_a_record_hangs_on_cannot_be_deleted_from_under_it(self) -> None:
        """Foreign keys are the database's too: a case with items, a decision with duties stay whole."""
        for row in (
            CaseItem.objects.all()[0].item,
            self.all.fresh,
            Duty.objects.all()[0].decision,
            self.all.world.host,
        ):
            table, key = row._meta.db_table, row._meta.pk
            assert key is not None

            def attack(row: models.Model = row, table: str = table, key: Any = key) -> None:
                with connection.cursor() as cursor:
                    value = key.get_db_prep_save(row.pk, connection)
                    cursor.execute(f'DELETE FROM "{table}" WHERE "{key.column}" = %s', [value])
                connection.check_constraints()  # deferred keys speak only at the end of a transaction

            assert "foreign key" in refusal(attack).lower(), table


def _attacks_on_lists() -> dict[str, list[tuple[models.Model, dict[str, Any]]]]:
    """What an entry must hold, and where automation takes two people."""
    entry = ListEntry.objects.exclude(sha1="").filter(retracted_at=None)[0]
    link = ListEntry.objects.exclude(link=None)[0]
    unseen, near = HitRule.objects.get(on="exact"), HitRule.objects.get(on="near")
    waiting, mapping = (
        Proposal.objects.filter(state="asked")[0],
        CategoryMapping.objects.exclude(countersigned_at=None)[0],
    )
    open_mapping, surface = CategoryMapping.objects.filter(countersigned_at=None)[0], Surface.objects.all()[0]
    return {
        "one_list_clock": [(ListClock.objects.get(), {"id": 2})],
        "entry_has_something_to_match": [
            (entry, dict.fromkeys(("sha256", "sha1", "md5", "pdq"), "")),
            (link, {"link": None}),
            (link, {"scope": ""}),
        ],
        "only_retracted_is_barred": [(entry, {"barred": True})],
        "acting_unseen_has_two_people": [
            (unseen, {"approved_by": ""}),
            (unseen, {"approved_by": unseen.set_by}),
        ],
        "unseen_only_exact": [
            (unseen, {"on": "link"}),
            (near, {"does": "unseen", "approved_by": "staff:another"}),
        ],
        "words_only_order": [(near, {"on": "words", "does": "hide"})],
        "proposal_has_two_people": [
            (waiting, {"state": "agreed"}),
            (waiting, {"state": "agreed", "settled_by": waiting.asked_by}),
        ],
        "mapping_has_two_people": [
            (mapping, {"countersigned_by": mapping.signed_by}),
            (mapping, {"countersigned_by": ""}),
            (open_mapping, {"countersigned_at": timezone.now()}),
        ],
        "company_has_a_window": [
            (company := WordsTogether.objects.get(), {"within": 1}),
            (company, {"within": 10_001}),
        ],
        "surface_has_two_people": [(surface, {"approved_by": ""}), (surface, {"approved_by": surface.enabled_by})],
    }


def _fill_lists(everything: Everything) -> None:
    """A link, a rule for what looks alike, an exchange, feedback, a re-screening: the rest is there (`listed`)."""
    terms = {"source": "tests", "purpose": "prevent-exploitation", "licence": "own", "actor": "system:test"}
    screening.add_link("test-links", "http://a.test/", category="A1", **terms)
    entry, now = everything.listed.entry, timezone.now()
    home = everything.listed.home.pk
    screening.set_rule(home, "near", "note", because="test", actor="staff:1", approved_by="staff:2")
    Exchange.objects.create(
        slug="test", list=everything.listed.home, adapter="ncmec", base_url="https://a.test", made_at=now
    )
    Feedback.objects.create(entry=entry, algorithm="sha1", affirmative=True, because="decision:1", made_at=now)
    screening.add_term("words-2", term="florbik", category="W", **terms)
    screening.set_together("pair", ["words-1", "words-2"], within=20, because="test", actor="staff:1")
    Rescreen.objects.create(after=0, upto=1, entries=1, begun_at=now)


def _fill(everything: Everything) -> None:
    """A row in each table with a rule that the desk itself has not filled."""
    now = timezone.now()
    today = now.date()
    sealed = CaseItem.objects.exclude(body=None)[0].body
    assert sealed is not None
    evidence.place_hold(
        [sealed.pk], until=now.replace(year=now.year + 2), basis="test", ref="filing:1", actor="system:test"
    )
    _fill_lists(everything)
    ReceivedEvent.objects.create(
        host=everything.world.host, webhook_id="evt_1", sent_at=now, body_digest="0" * 64, type="item.removed"
    )
    PublishedReport.objects.create(
        period_start=today.replace(day=1, month=1), period_end=today.replace(day=2, month=1), edition=1, figures={},
        digest="0" * 64, published_at=now, published_by="system:test",
    )  # fmt: skip
    Letter.objects.create(kind="appeal", ref="appeal:1", subject="1", language="en", fields={}, made_at=now)
    Seal.objects.create(position=1, entry=Entry.objects.order_by("pk")[0], hash="0" * 64)
    Certificate.objects.create(sealed=sealed, sha256=sealed.sha256, size=sealed.size, at=now, actor="system:test")
    ServiceSchema.objects.create(environment="practice", sha256="0" * 64, body=b"x", first_seen=now, last_seen=now)
    uk.report(everything.uk_prepared.pk, reference="NCA-17", actor="system:test")
    computed = everything.computed
    decisions.override(computed, "cse-suspend", reason="placeholder reason 6", actor=computed.decided_by)
    Draft.objects.get_or_create(subject=everything.subject, class_id="cse", defaults={"saved_by": "system:test"})
