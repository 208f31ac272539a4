"""The value lists of the published schema, as the simulator knows them, each under the name of its type in `grammar`.

Others in this package use `LISTS`, `COUNTRIES` and `STATES`. Written apart from the client's lists on purpose.
Source: NCMEC XSD of November 2025.
"""

_SECOND_LETTERS = """A:DEFGILMOQRSTUWXZ B:ABDEFGHIJLMNOQRSTVWYZ C:ACDFGHIKLMNORUVWXYZ D:EJKMOZ E:CEGHRST F:IJKMOR
G:ABDEFGHILMNPQRSTUWY H:KMNRTU I:DELMNOQRST J:EMOP K:EGHIMNPRWYZ L:ABCIKRSTUVY M:ACDEFGHKLMNOPQRSTUVWXYZ
N:ACEFGILOPRUZ O:M P:AEFGHKLMNRSTWY Q:A R:EOSUW S:ABCDEGHIJKLMNORSTVXYZ T:CDFGHJKLMNORTVWZ U:AGMSYZ V:ACEGINU W:FS
Y:ET Z:AMW"""
_BESIDES_ISO = {"", "A1", "A2", "O1", "AN", "AP", "EU", "FX", "XK"}
COUNTRIES = {group[0] + second for group in _SECOND_LETTERS.split() for second in group[2:]} | _BESIDES_ISO

_US = "ALAKAZARCACOCTDEFLGAHIIDILINIAKSKYLAMEMDMAMIMNMSMOMTNENVNHNJNMNYNCNDOHOKORPARISCSDTNTXUTVTVAWAWVWIWYDCGUPRVI"
STATES = {"", *(_US[place : place + 2] for place in range(0, len(_US), 2))}

_INCIDENTS = (
    "Child Pornography (possession, manufacture, and distribution)|Child Sex Trafficking|Child Sex Tourism"
    "|Child Sexual Molestation|Misleading Domain Name|Misleading Words or Digital Images on the Internet"
    "|Online Enticement of Children for Sexual Acts|Unsolicited Obscene Material Sent to a Child"
)

LISTS: dict[str, tuple[str, ...]] = {
    "INCIDENT": tuple(_INCIDENTS.split("|")),
    "EVENT": ("Login", "Registration", "Purchase", "Upload", "Other", "Unknown"),
    "BATCH": ("VIRAL_POTENTIAL_MEME",),
    "PHONETYPE": ("Mobile", "Home", "Business", "Work", "Fax", "Internet", "Recovery"),
    "EMAILTYPE": ("Home", "Work", "Business", "Recovery"),
    "ADDRESSTYPE": ("Home", "Business", "Billing", "Shipping", "Technical"),
    "ASSOCIATION": ("Billing", "Linked", "Business", "Creator", "Parent/Guardian", "Other"),
    "RELEVANCE": ("Reported", "Supplemental Reported"),
    "CLASSIFICATION": ("A1", "A2", "B1", "B2"),
    "DETAILS": ("EXIF", "HASH"),
    "COUNTRY": tuple(sorted(COUNTRIES)),
    "STATE": tuple(sorted(STATES)),
}
