"""Lists of known material, what a hit on them does, and what was found. Written by this room alone.

A retracted entry stays as history and matches nothing. Who was found, and in which report, stands here as plain ids:
reports and cases are other rooms' records.
"""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from safehold.subjects.models import Host


def _none() -> list[str]:
    """Of a model that has a field called `list`."""
    return []


class Purpose(models.TextChoices):
    """What the entries of a list may be used for. A list with any other purpose is kept and matched with nothing."""

    PREVENT = "prevent-exploitation", _("stopping the sexual exploitation of children")  # 18 USC 2258C(b)
    REMOVAL = "take-it-down", _("removing intimate depictions published without consent")  # Pub. L. 119-12


class HashList(models.Model):
    """A list of files (as digests), links or terms, and what its entries may be used for."""

    class Kind(models.TextChoices):
        FILES = "files", _("files, as digests")
        LINKS = "links", _("links")
        TERMS = "terms", _("terms and patterns")

    slug = models.SlugField(primary_key=True, max_length=60)
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.FILES)
    source = models.CharField(max_length=100)  # who vouches for the entries
    licence = models.CharField(max_length=100)  # under which terms they are held
    purpose = models.CharField(max_length=100)  # the only use they may be put to, see Purpose
    trusted = models.BooleanField(default=False)  # an exact hit may hide at once; switched on by two people
    trusted_at = models.DateTimeField(null=True)  # when that was switched on last: agreement is counted from then
    # What alone counts as exact on this list although it can be forged or collide: "md5", "sha1", "pdq". Two people.
    exact_also = models.JSONField(default=list)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug


class ListClock(models.Model):
    """The number of the newest change of any list: one row.

    Locked by whoever changes entries until they commit, so that the order of numbers is the order of commits, and
    whoever has seen number n has missed nothing below it.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(name="one_list_clock", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"change {self.version}"


class ListEntry(models.Model):
    """One file, link or term on a list, for one reason (`ref`): two decisions about equal files make two entries."""

    class Scope(models.TextChoices):
        """How much of a link an entry means."""

        EXACT = "exact", _("this address")
        PREFIX = "prefix", _("everything below this address")
        HOST = "host", _("everything on this host")
        DOMAIN = "domain", _("everything on this domain")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Without an index of its own: those below begin with it, and a search by it alone would read a whole list.
    list = models.ForeignKey(HashList, on_delete=models.PROTECT, related_name="entries", db_index=False)
    identity = models.CharField(max_length=140)  # what makes it the same entry again: the strongest digest it came with
    media = models.CharField(max_length=10, blank=True)  # "picture", "film"; "" = the source does not say
    sha256 = models.CharField(max_length=64, blank=True)  # lower-case hex, as all digests; looked for as `identity`
    sha1 = models.CharField(max_length=40, blank=True)
    md5 = models.CharField(max_length=32, blank=True)
    pdq = models.CharField(max_length=64, blank=True)
    frames = models.BinaryField(null=True)  # of a film: PDQ hashes of 32 bytes each, one for a second
    scope = models.CharField(max_length=6, choices=Scope, blank=True)  # of a link
    link = models.BinaryField(null=True)  # keyed digest of the canonical form: the link itself is not kept
    sealed = models.BinaryField(null=True)  # a term or pattern, sealed with the installation's key
    category = models.CharField(max_length=60)
    ref = models.CharField(max_length=100, blank=True)  # the source's own id, or "decision:<id>"
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()  # last named by the source
    hits = models.PositiveBigIntegerField(default=0)
    last_hit = models.DateTimeField(null=True)
    held_back_at = models.DateTimeField(null=True)  # hit many different accounts at once: a person must look
    retracted_at = models.DateTimeField(null=True)
    retracted_because = models.CharField(max_length=200, blank=True)
    barred = models.BooleanField(default=False)  # retracted by our own people: no source brings it back, see `barring`
    version = models.PositiveBigIntegerField(default=0, db_index=True)  # number of the change that made it what it is

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["list", "identity", "ref"], condition=Q(retracted_at=None), name="live_entry_once"
            ),
            models.CheckConstraint(
                name="entry_has_something_to_match",
                condition=~Q(sha256="")
                | ~Q(sha1="")
                | ~Q(md5="")
                | ~Q(pdq="")
                | Q(frames__isnull=False)
                | Q(link__isnull=False, scope__in=["exact", "prefix", "host", "domain"])
                | Q(sealed__isnull=False),
            ),
            models.CheckConstraint(
                name="only_retracted_is_barred", condition=Q(barred=False) | Q(retracted_at__isnull=False)
            ),
        ]
        indexes = [  # each costs every one of a million new entries: no more than these, and `version`
            models.Index(fields=["ref"], name="entries_of_ref"),
            models.Index(fields=["list", "identity"], condition=Q(barred=True), name="barred_entries"),
        ]


class Exchange(models.Model):
    """Where a list is fetched from, how far it was read, and how the last reading went."""

    class Adapter(models.TextChoices):
        NCMEC = "ncmec", _("NCMEC hash sharing")

    slug = models.SlugField(primary_key=True, max_length=60)
    list = models.OneToOneField(HashList, on_delete=models.PROTECT, related_name="exchange")
    adapter = models.CharField(max_length=20, choices=Adapter)
    base_url = models.URLField(max_length=300)
    username = models.CharField(max_length=100, blank=True)
    secret = models.BinaryField(null=True)  # sealed with the installation's key
    enabled = models.BooleanField(default=True)
    every_minutes = models.PositiveIntegerField(default=60)
    members = models.JSONField(default=_none)  # ids of members whose entries are taken; empty = all
    checkpoint = models.JSONField(default=dict)  # of the adapter; moves only when a whole window was read
    last_tried_at = models.DateTimeField(null=True)
    last_read_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)  # of the last attempt; "" = it went well
    failures = models.PositiveIntegerField(default=0)  # attempts in a row that came to nothing
    not_before = models.DateTimeField(null=True)  # the source asked for a pause, or we make one
    refused_at = models.DateTimeField(null=True)  # our credentials were refused: not asked again until they are set
    told = models.JSONField(default=dict)  # what it told beside entries: names, reasons, counts; nothing rests on it
    feedback = models.BooleanField(default=False)  # whether it is told what our people found
    reasons = models.JSONField(default=dict)  # by fingerprint: the source's id of the reason of a negative feedback
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug


class Feedback(models.Model):
    """What our people found about a source's entry, told back to the source."""

    class State(models.TextChoices):
        DUE = "due", _("to be sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed: a person must look")
        DROPPED = "dropped", _("not to be sent any more")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entry = models.ForeignKey(ListEntry, on_delete=models.PROTECT, related_name="feedback")
    algorithm = models.CharField(max_length=20)  # of the fingerprint that matched, as the source names it
    affirmative = models.BooleanField()
    reasons = models.JSONField(default=list)  # the source's own ids of reasons, for a negative one
    state = models.CharField(max_length=8, choices=State, default=State.DUE)
    because = models.CharField(max_length=100)  # "decision:<id>"
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "algorithm"], condition=Q(state__in=["due", "sent"]), name="one_feedback_in_force"
            )
        ]


class HitRule(models.Model):
    """What a hit on one list does. The newest row that nothing ended is in force; without one the defaults are."""

    class On(models.TextChoices):
        EXACT = "exact", _("the very file")
        NEAR = "near", _("a file that looks alike")
        LINK = "link", _("a link")
        WORDS = "words", _("a term or pattern")

    class Does(models.TextChoices):
        NOTE = "note", _("answer the host, open nothing")
        ORDER = "order", _("order the queue, open nothing")  # words and scores: never more than this or REVIEW
        REVIEW = "review", _("preserve, and a person looks")
        HIDE = "hide", _("preserve, hide, and a person looks")
        UNSEEN = "unseen", _("preserve, hide, decide and file without a look")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    list = models.ForeignKey(HashList, on_delete=models.PROTECT, related_name="rules")
    on = models.CharField(max_length=5, choices=On)
    does = models.CharField(max_length=6, choices=Does)
    because = models.CharField(max_length=200)
    set_by = models.CharField(max_length=100)
    approved_by = models.CharField(max_length=100, blank=True)
    set_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=100, blank=True)
    ended_because = models.CharField(max_length=200, blank=True)  # "drift: …" where the guard turned it off

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["list", "on"], condition=Q(ended_at=None), name="one_rule_in_force"),
            models.CheckConstraint(
                name="acting_unseen_has_two_people",
                condition=~Q(does="unseen") | (~Q(approved_by="") & ~Q(approved_by=F("set_by"))),
            ),
            # A file that looks alike, a link and a word are never decided without a person.
            models.CheckConstraint(name="unseen_only_exact", condition=~Q(does="unseen") | Q(on="exact")),
            models.CheckConstraint(
                name="words_only_order", condition=~Q(on="words") | Q(does__in=["note", "order", "review"])
            ),
        ]


class WordsTogether(models.Model):
    """A rule of company: words of these lists count where one of each stands within a window. Ended rows stay.

    A list that a rule in force names counts alone no more, unless some rule in force says so in `alone`.
    """

    class Unit(models.TextChoices):
        WORDS = "words", _("words")
        CHARACTERS = "characters", _("characters")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(max_length=60)
    lists = models.JSONField()  # names of two to four lists of terms, all kept for one purpose
    alone = models.JSONField(default=_none)  # those of them whose words count by themselves as well
    within = models.PositiveIntegerField()  # how many words or characters the window has
    unit = models.CharField(max_length=10, choices=Unit, default=Unit.WORDS)
    because = models.CharField(max_length=200)
    set_by = models.CharField(max_length=100)
    set_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=100, blank=True)
    ended_because = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(ended_at=None), name="one_rule_of_company"),
            models.CheckConstraint(name="company_has_a_window", condition=Q(within__gte=2, within__lte=10_000)),
        ]

    def __str__(self) -> str:
        return self.name


class Proposal(models.Model):
    """A change of automation that takes two people: one asks, another agrees, and in that moment it happens."""

    class Kind(models.TextChoices):
        TRUST = "trust", _("trust the list")
        EXACT = "exact", _("count other fingerprints as exact")
        RULE = "rule", _("set what a hit does")
        LET_GO = "let_go", _("let an entry act again")
        SURFACE = "surface", _("screen a private surface")

    class State(models.TextChoices):
        ASKED = "asked", _("waits for a second person")
        AGREED = "agreed", _("agreed to")
        REFUSED = "refused", _("not agreed to")
        WITHDRAWN = "withdrawn", _("withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=7, choices=Kind)
    about = models.CharField(max_length=150)  # what it would change: "<list>:exact", "<host>:private_messages:US"
    list = models.ForeignKey(HashList, on_delete=models.PROTECT, null=True, related_name="proposals")
    details = models.JSONField(default=dict)  # arguments of the change
    because = models.CharField(max_length=200)
    asked_by = models.CharField(max_length=100)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.ASKED)
    settled_by = models.CharField(max_length=100, blank=True)
    settled_at = models.DateTimeField(null=True)
    settled_because = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "about"], condition=Q(state="asked"), name="one_proposal_waits"),
            models.CheckConstraint(
                name="proposal_has_two_people",
                condition=~Q(state="agreed") | (~Q(settled_by="") & ~Q(settled_by=F("asked_by"))),
            ),
        ]


class CategoryMapping(models.Model):
    """What a list's own category means as answers to a policy's questions, signed off by two people.

    An unseen decision takes its answers from here, with the origin `list:<source>`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    list = models.ForeignKey(HashList, on_delete=models.PROTECT, related_name="mappings")
    category = models.CharField(max_length=60)
    class_id = models.CharField(max_length=40)
    policy = models.CharField(max_length=60)
    policy_version = models.CharField(max_length=20)
    answers = models.JSONField()  # {question: answer}
    because = models.CharField(max_length=200)
    signed_by = models.CharField(max_length=100)
    signed_at = models.DateTimeField()
    countersigned_by = models.CharField(max_length=100, blank=True)
    countersigned_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["list", "category", "policy_version"], condition=Q(ended_at=None), name="one_mapping_in_force"
            ),
            models.CheckConstraint(
                name="mapping_has_two_people",
                condition=Q(countersigned_at=None) | (~Q(countersigned_by="") & ~Q(countersigned_by=F("signed_by"))),
            ),
        ]


class Surface(models.Model):
    """A private surface of a host that may be screened, and on which basis. Without a row in force: refused."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=40)  # "private_messages"
    jurisdiction = models.CharField(max_length=2, blank=True)  # ISO 3166-1; "" = wherever the host does not say
    basis = models.TextField()  # the law or consent it rests on, in the operator's words
    enabled_by = models.CharField(max_length=100)
    approved_by = models.CharField(max_length=100)
    enabled_at = models.DateTimeField()
    review_by = models.DateField()  # when the basis must be looked at again; after that day it is refused
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["host", "name", "jurisdiction"], condition=Q(ended_at=None), name="one_basis_in_force"
            ),
            models.CheckConstraint(
                name="surface_has_two_people", condition=~Q(approved_by="") & ~Q(approved_by=F("enabled_by"))
            ),
        ]


class HitRecord(models.Model):
    """One hit that was recorded: what matched what, how, what it led to, and whether a person agreed."""

    class Agreed(models.TextChoices):
        OPEN = "open", _("nobody has decided yet")
        YES = "yes", _("a person found a violation")
        NO = "no", _("a person found none")
        TAKEN_BACK = "taken_back", _("decided unseen, and found to be wrong")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entry = models.ForeignKey(ListEntry, on_delete=models.PROTECT, related_name="found")
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    item_id = models.CharField(max_length=255)  # the host's own
    account_id = models.CharField(max_length=255, blank=True)
    report = models.UUIDField(null=True, db_index=True)  # intake's; null = none was opened (a removal, a note)
    how = models.CharField(max_length=10)  # sha256, sha1, md5, pdq, link, term, together
    exact = models.BooleanField()
    distance = models.PositiveSmallIntegerField(null=True)  # of pdq: 0 to 31
    sha256 = models.CharField(max_length=64, blank=True)  # of the file that was screened
    surface = models.CharField(max_length=40)
    jurisdiction = models.CharField(max_length=2, blank=True)
    rule = models.ForeignKey(HitRule, on_delete=models.PROTECT, null=True, related_name="found")  # null = the default
    did = models.CharField(max_length=6, choices=HitRule.Does)
    at = models.DateTimeField(db_index=True)
    agreed = models.CharField(max_length=10, choices=Agreed, default=Agreed.OPEN)
    agreed_at = models.DateTimeField(null=True)
    agreed_ref = models.CharField(max_length=100, blank=True)  # "decision:<id>"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "host", "item_id", "how"], name="hit_recorded_once"),
        ]
        indexes = [models.Index(fields=["entry", "at"], name="hits_of_entry")]


class Rescreen(models.Model):
    """One run of new entries against what was screened before they came."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    after = models.PositiveBigIntegerField()  # the changes of lists above this number …
    upto = models.PositiveBigIntegerField()  # … and not above this one
    entries = models.PositiveBigIntegerField()
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    done = models.JSONField(default=list)  # names of the archive's files that were gone through
    rows = models.PositiveBigIntegerField(default=0)
    found = models.PositiveBigIntegerField(default=0)  # items that hit

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["after"], condition=Q(ended_at=None), name="one_rescreen_of_changes")
        ]
