"""A policy version as data: what `loader` makes and `engine`, `check` and `document` read."""

from typing import Any

from msgspec import Struct, field, structs

from safehold.policy.conditions import Condition

# The codes that the rest of Safehold acts on. A pack may use no other.
SANCTIONS = ("suspend_permanently", "ban_person", "lock_until_removed", "read_only", "suspend_protectively")
ACTIONS = ("hide_item", "warning_screen", "hand_off")
DUTIES = ("report_shall", "report_may", "preserve", "notify_account_holder", "inform_authority")
NEEDS = ("mandatory", "optional", "record_only")
KINDS = ("one", "many", "text")
REPORTS = ("shall", "may", "person", "none")
NOTICES = ("purpose", "whatever_the_intent")
OVERLAYS = ("stricter", "free")  # how far another version may depart from a class it builds on (S1)

# From mild to severe, by which outcomes are compared. A protective suspension is no sanction.
SEVERITY = ("suspend_protectively", "read_only", "lock_until_removed", "ban_person", "suspend_permanently")

# Codes of CyberTip incident types and the names NCMEC gives them in its reporting interface.
INCIDENT_TYPES = {
    "child_pornography": "Child Pornography (possession, manufacture, and distribution)",
    "child_sex_trafficking": "Child Sex Trafficking",
    "child_sex_tourism": "Child Sex Tourism",
    "child_sexual_molestation": "Child Sexual Molestation",
    "misleading_domain_name": "Misleading Domain Name",
    "misleading_words_or_images": "Misleading Words or Digital Images on the Internet",
    "online_enticement": "Online Enticement of Children for Sexual Acts",
    "obscene_material_to_child": "Unsolicited Obscene Material Sent to a Child",
}
ANNOTATIONS = ("sextortion", "csamSolicitation", "minorToMinorInteraction", "spam", "sadisticOnlineExploitation")
FILE_ANNOTATIONS = (
    "animeDrawingVirtualHentai",
    "potentialMeme",
    "viral",
    "possibleSelfProduction",
    "physicalHarm",
    "violenceGore",
    "bestiality",
    "liveStreaming",
    "infant",
    "generativeAi",
)


class Answer(Struct, frozen=True):
    """One possible answer. `alone`: in a question with many answers it cannot stand beside another."""

    id: str
    alone: bool = False


class Question(Struct, frozen=True):
    """A question of a class. `text_id` is what `pack.text` takes; help stands under `<text_id>.help`,
    an answer under `<text_id>.<answer id>`. `needs` is mandatory, optional or record_only; the last
    is kept with the decision and can never change it."""

    id: str
    class_id: str
    kind: str
    needs: str
    answers: tuple[Answer, ...]
    when: Condition
    serves: tuple[str, ...]
    decides_violation: bool = True  # False: barred from every clause and exception (intent, S9)
    answer_ids: tuple[str, ...] = ()  # the ids of its answers, in order

    def __post_init__(self) -> None:
        structs.force_setattr(self, "answer_ids", tuple(answer.id for answer in self.answers))  # derived

    @property
    def text_id(self) -> str:
        """The id of its text."""
        return f"{self.class_id}.{self.id}"

    @property
    def mandatory(self) -> bool:
        """Whether a decision needs an answer when the question is on the path."""
        return self.needs == "mandatory"


class Clause(Struct, frozen=True):
    """One prohibited thing. `report` says what the law asks once the clause stands (readings A03)."""

    id: str
    class_id: str
    serves: tuple[str, ...]
    when: Condition
    report: str
    incident_type: str
    annotations: tuple[str, ...]
    sources: tuple[str, ...]
    lenient: bool  # whether the lenient path may be taken (readings A06)
    marks: tuple[str, ...]


class Exemption(Struct, frozen=True):
    """An exception of the policy: what it clears when all its conditions, the negative ones too, hold."""

    id: str
    class_id: str
    serves: tuple[str, ...]
    when: Condition
    clears: tuple[str, ...]
    off: bool = False  # switched off by an operator's version: it never holds


class Sanction(Struct, frozen=True):
    """A sanction; `days` only where it ends by itself."""

    code: str
    days: int | None = None


class OutcomeSpec(Struct, frozen=True):
    """What a rule leads to. `meanwhile` is what holds while a second person is awaited;
    `if_refused` the outcome that follows when they disagree ("" = back to review)."""

    id: str
    result: str  # violation | no_violation | undecided
    sanctions: tuple[Sanction, ...] = ()
    actions: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()
    second_person: str = ""
    meanwhile: tuple[str, ...] = ()
    if_refused: str = ""
    strike: bool = False
    filed_as: str = ""  # suspect | victim | "" (nobody is named)


class Rule(Struct, frozen=True):
    """Exactly one rule of a table holds for every complete set of answers."""

    id: str
    when: Condition
    then: str  # an outcome id, or for the report table: shall | may | none
    serves: tuple[str, ...] = ()


class Also(Struct, frozen=True):
    """Something that is added whenever its condition holds; several may."""

    when: Condition
    sanctions: tuple[Sanction, ...] = ()
    duties: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    file_annotations: tuple[str, ...] = ()


class Place(Struct, frozen=True):
    """Where a part stands in the pack's files."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Strikes(Struct, frozen=True):
    """What counts as an earlier violation (readings A10), and whether one makes suspension certain (S77)."""

    suspend: bool = False
    expire_days: int | None = None  # None: never


class Index(Struct, frozen=True):
    """What a class is asked for often, found once."""

    questions: dict[str, Question]
    cleared_by: dict[str, tuple[str, ...]]  # clause id -> exceptions
    carriers: dict[str, tuple[str, ...]]  # mark -> clauses


class Class(Struct, frozen=True):
    """One sub-policy: its questions in order, clauses, exceptions and rules."""

    id: str
    priority: str  # "top" or "normal" in the queue
    serves: tuple[str, ...]
    questions: tuple[Question, ...]
    facts: dict[str, Condition]
    clauses: dict[str, Clause]
    exceptions: dict[str, Exemption]
    outcomes: dict[str, OutcomeSpec]
    rules: tuple[Rule, ...]
    reports: tuple[Rule, ...]
    also: tuple[Also, ...]
    strikes: Strikes = Strikes()
    ladder: tuple[str, ...] = ()  # outcome ids in the order in which repetition climbs
    notices: tuple[str, ...] = ()  # sentences of the class that a statement of reasons carries
    overlay: str = "free"
    places: dict[str, Place] = field(default_factory=dict)  # where each part stands, by its id
    index: Index = Index({}, {}, {})

    def question(self, question_id: str) -> Question:
        """The question with this id. Raises KeyError."""
        return self.index.questions[question_id]

    def condition(self, kind: str, name: str) -> Condition:
        """The condition behind a named part: kind is question, fact, clause or exception."""
        if kind == "question":
            return self.index.questions[name].when
        if kind == "fact":
            return self.facts[name]
        return self.clauses[name].when if kind == "clause" else self.exceptions[name].when

    def cleared_by(self, clause: str) -> tuple[str, ...]:
        """The exceptions that clear the clause."""
        return self.index.cleared_by.get(clause, ())

    def carrying(self, mark: str) -> tuple[str, ...]:
        """The clauses that carry the mark."""
        return self.index.carriers.get(mark, ())

    def __post_init__(self) -> None:
        cleared: dict[str, tuple[str, ...]] = {}
        for exception in self.exceptions.values():
            for clause in exception.clears:
                cleared[clause] = (*cleared.get(clause, ()), exception.id)
        carriers: dict[str, tuple[str, ...]] = {}
        for one in self.clauses.values():
            for mark in one.marks:
                carriers[mark] = (*carriers.get(mark, ()), one.id)
        index = Index({question.id: question for question in self.questions}, cleared, carriers)
        structs.force_setattr(self, "index", index)  # derived from the other fields, so the record stays frozen


class Language(Struct, frozen=True):
    """One language of a pack. `complete` ones lack nothing; others fall back to English."""

    id: str
    name: str
    complete: bool
    texts: dict[str, str]


class Term(Struct, frozen=True):
    """A word of the glossary in one language: the word, what else it is called, what it means."""

    id: str
    word: str
    also: tuple[str, ...]
    text: str


class Glossary(Struct, frozen=True):
    """The one glossary of every policy (S83), with the one definition of a minor (S3) and its synonyms (S4)."""

    minor_age: int  # a person below this age is a minor, in every rule
    languages: dict[str, tuple[Term, ...]]
    codes: dict[str, dict[str, str]] = {}  # by language: the words of sanctions, actions, duties, incident types

    def terms(self, language: str) -> tuple[Term, ...]:
        """The terms in a language; in English where the glossary lacks it."""
        return self.languages.get(language, self.languages["en"])


class Document(Struct, frozen=True):
    """A published document that a version was read from (S84, S85). `text_id` names what is said of it.

    `sha256` is that of the copy that was read; an incomplete copy names what it `lacks` and, in
    `lacks_rows`, the rows that were therefore taken from elsewhere.
    """

    id: str
    language: str
    dated: str
    complete: bool
    sha256: str = ""
    lacks_rows: tuple[str, ...] = ()

    @property
    def text_id(self) -> str:
        """The id of its text."""
        return self.id


class Pack(Struct, frozen=True):
    """A whole policy version."""

    policy: str
    version: str
    effective: str  # ISO date
    glossary: Glossary
    classes: dict[str, Class]
    languages: dict[str, Language]
    sources: dict[str, str]  # source id -> citation
    documents: tuple[Document, ...] = ()
    rows: tuple[str, ...] = ()  # the rows of the requirements that this version has to serve
    complete_in: tuple[str, ...] = ("en",)  # languages in which not one text may be missing
    extends: str = ""  # the version that this one changes; "" for a version of its own
    folder: str = ""  # where it was read from
    files: tuple[str, ...] = field(default_factory=tuple)

    @property
    def minor_age(self) -> int:
        """A person below this age is a minor, in every rule (S3)."""
        return self.glossary.minor_age

    def text(self, language: str, text_id: str, part: str = "") -> str:
        """The text of an id (`CSE-01`, `cse.minor`, `cse.minor.known`, `suspend_permanently`, …).

        `part` "text" gives the sentence behind a title, "help" a question's help. Languages that are
        not complete fall back to English. Raises KeyError for an unknown language or id.
        """
        if language not in self.languages:
            raise KeyError(f"Policy {self.policy} {self.version} has no language {language!r}.")
        wanted = f"{text_id}.{part}" if part else text_id
        chosen = self.languages[language]
        for candidate in (wanted, _shared(wanted)):
            if candidate in chosen.texts:
                return self._filled(chosen.texts[candidate])
        if not chosen.complete and language != "en":
            return self.text("en", text_id, part)
        raise KeyError(f"Policy {self.policy} {self.version} has no text {wanted!r} in {language!r}.")

    def has_text(self, language: str, text_id: str, part: str = "") -> bool:
        """Whether the language itself holds the text."""
        wanted = f"{text_id}.{part}" if part else text_id
        return any(name in self.languages[language].texts for name in (wanted, _shared(wanted)))

    def _filled(self, text: str) -> str:
        return text.replace("{minor_age}", str(self.minor_age))


def _shared(text_id: str) -> str:
    """`cse.role` and `altercation.role` share the text `shared.role` unless a class words it itself."""
    return "shared." + text_id.split(".", 1)[1] if "." in text_id else text_id


class History(Struct, frozen=True):
    """What the person did before. `strikes`: child sexual exploitation, any clause and version, no expiry
    (readings A10). `protective`: protective suspensions, which never count."""

    strikes: int = 0
    same_class_12_months: int = 0
    protective: int = 0


class Because(Struct, frozen=True):
    """One step of the reasoning. `kind`: answer, clause, exception, cleared, rule, report, also, outcome, override;
    `id`: for an answer `question=answer`; `why`: the ids that made it hold."""

    kind: str
    id: str
    why: tuple[str, ...] = ()


class Outcome(Struct, frozen=True):
    """The computed decision. `violation` says that content or conduct falls under a clause; `strike`
    says that it counts against this person (never an apparent victim or a mere viewer)."""

    violation: bool
    clauses: tuple[str, ...]
    exceptions: tuple[str, ...]
    sanctions: tuple[Sanction, ...]
    actions: tuple[str, ...]
    duties: tuple[str, ...]
    second_person: str
    because: tuple[Because, ...]
    incident_type: str = ""
    annotations: tuple[str, ...] = ()
    file_annotations: tuple[str, ...] = ()
    outcome_id: str = ""
    undecided: bool = False
    strike: bool = False
    filed_as: str = ""
    meanwhile: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()  # answers to questions that are not on the path; they played no part


def jsonable(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain JSON data, every field."""
    import msgspec

    return msgspec.to_builtins(outcome)
