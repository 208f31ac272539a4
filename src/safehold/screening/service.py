"""The public face of `screening`: what other rooms may call, gathered from the modules that do it.

`lists` keeps lists and their entries, `importing` reads files, `matching` answers which live entries are hit.
"""

from safehold.screening.errors import BadHash, ListMismatch, NeedsSecondPerson, NotBuilt, ScreeningError, UnknownList
from safehold.screening.importing import ImportReport, import_list
from safehold.screening.lists import BANK, add_entry, entry_is_trusted, retract_entry, set_trusted
from safehold.screening.matching import Hit, match, match_near
from safehold.screening.models import Purpose

__all__ = [
    "BANK",
    "BadHash",
    "Hit",
    "ImportReport",
    "ListMismatch",
    "NeedsSecondPerson",
    "NotBuilt",
    "Purpose",
    "ScreeningError",
    "UnknownList",
    "add_entry",
    "entry_is_trusted",
    "import_list",
    "match",
    "match_near",
    "retract_entry",
    "set_trusted",
]
