"""The public face of `screening`: what other rooms may call, gathered from the modules that do it.

`lists` keeps lists and their entries, `barring` what our own people retracted for good, `importing` reads files,
`company` says which words count only near each other, `matching` answers which live entries are hit.
`rules` says what a hit does and which private surfaces may be screened, `proposals` has two people agree to changes of
that, `mappings` is what a list's categories mean, `found` keeps what was hit, `guard` turns off what people disagree
with. `keeping` writes down what was screened, `rescreening` runs lists that grew against it.
"""

from safehold.screening.barring import BANK, REMOVED, allow_entry
from safehold.screening.building import build_index, index_due, verify_index
from safehold.screening.company import end_together, set_together
from safehold.screening.company import in_force as together_in_force
from safehold.screening.errors import (
    BadEntry,
    BadHash,
    BadMapping,
    Barred,
    Degenerate,
    ListMismatch,
    NeedsSecondPerson,
    NotAllowed,
    NotReady,
    ScreeningError,
    TooManyPatterns,
    UnknownEntry,
    UnknownList,
)
from safehold.screening.found import attach_report, found_on, led_to, links_in, note_hits, settle_hits, surest
from safehold.screening.guard import Agreement, Drift, agreement, check_drift
from safehold.screening.health import Health
from safehold.screening.health import examine as examine_lists
from safehold.screening.hidden import setup_key
from safehold.screening.importing import ImportReport, import_list
from safehold.screening.index.types import BuildRunning, DamagedIndex
from safehold.screening.keeping import folder as archive_folder
from safehold.screening.keeping import keep, row
from safehold.screening.lists import (
    add_entry,
    add_link,
    add_term,
    entry_is_trusted,
    hold_back,
    let_go,
    retract_entry,
    set_trusted,
    update_entry,
)
from safehold.screening.live import folder as index_folder
from safehold.screening.live import matcher
from safehold.screening.mappings import (
    LeadsTo,
    class_of,
    countersign_mapping,
    end_mapping,
    leads_to,
    mapping_for,
    sign_mapping,
)
from safehold.screening.matching import Asked, Hit, Matcher, asked_of, match, match_now
from safehold.screening.models import Purpose
from safehold.screening.proposals import agree, ask, refuse, withdraw
from safehold.screening.rescreening import Match, Progress
from safehold.screening.rescreening import begin as begin_rescreen
from safehold.screening.rescreening import run as run_rescreen
from safehold.screening.rules import (
    Basis,
    Does,
    does,
    does_many,
    does_now,
    enable_surface,
    end_rule,
    end_surface,
    hides_now,
    needs_two,
    rule_in_force,
    set_exact_also,
    set_rule,
    surface_allowed,
)
from safehold.screening.status import ListStatus, status
from safehold.screening.taking import Counts, EntryIn, take

__all__ = [
    "BANK",
    "REMOVED",
    "Agreement",
    "Asked",
    "BadEntry",
    "BadHash",
    "BadMapping",
    "Barred",
    "Basis",
    "BuildRunning",
    "Counts",
    "DamagedIndex",
    "Degenerate",
    "Does",
    "Drift",
    "EntryIn",
    "Health",
    "Hit",
    "ImportReport",
    "LeadsTo",
    "ListMismatch",
    "ListStatus",
    "Match",
    "Matcher",
    "NeedsSecondPerson",
    "NotAllowed",
    "NotReady",
    "Progress",
    "Purpose",
    "ScreeningError",
    "TooManyPatterns",
    "UnknownEntry",
    "UnknownList",
    "add_entry",
    "add_link",
    "add_term",
    "agree",
    "agreement",
    "allow_entry",
    "archive_folder",
    "ask",
    "asked_of",
    "attach_report",
    "begin_rescreen",
    "build_index",
    "check_drift",
    "class_of",
    "countersign_mapping",
    "does",
    "does_many",
    "does_now",
    "enable_surface",
    "end_mapping",
    "end_rule",
    "end_surface",
    "end_together",
    "entry_is_trusted",
    "examine_lists",
    "found_on",
    "hides_now",
    "hold_back",
    "import_list",
    "index_due",
    "index_folder",
    "keep",
    "leads_to",
    "led_to",
    "let_go",
    "links_in",
    "mapping_for",
    "match",
    "match_now",
    "matcher",
    "needs_two",
    "note_hits",
    "refuse",
    "retract_entry",
    "row",
    "rule_in_force",
    "run_rescreen",
    "set_exact_also",
    "set_rule",
    "set_together",
    "set_trusted",
    "settle_hits",
    "setup_key",
    "sign_mapping",
    "status",
    "surest",
    "surface_allowed",
    "take",
    "together_in_force",
    "update_entry",
    "verify_index",
    "withdraw",
]
