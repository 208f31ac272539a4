"""The schema's value lists. Others may use `INCIDENT_TYPES` (our short codes and NCMEC's exact labels).

Source: NCMEC XSD of November 2025. What only newer documentation names stands in `NEWER` and is written
only where the operator's live schema declares it.
"""

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
REPORT_ANNOTATIONS = ("sextortion", "csamSolicitation", "minorToMinorInteraction", "spam", "sadisticOnlineExploitation")
# Told by readers of the 2026 documentation, not read by us; the schema of November 2025 refuses them.
NEWER_ANNOTATIONS = ("informational", "potentialAggravatingFactors", "instrumentalUse")
NEWER = frozenset(
    {"person/ageAssertionDiscrepancy", "associatedAccount/ageAssertionDiscrepancy"}
    | {f"reportAnnotations/{name}" for name in NEWER_ANNOTATIONS}
)
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
EVENTS = ("Login", "Registration", "Purchase", "Upload", "Other", "Unknown")
PHONE_TYPES = ("Mobile", "Home", "Business", "Work", "Fax", "Internet", "Recovery")
EMAIL_TYPES = ("Home", "Work", "Business", "Recovery")
ADDRESS_TYPES = ("Home", "Business", "Billing", "Shipping", "Technical")
ASSOCIATIONS = ("Billing", "Linked", "Business", "Creator", "Parent/Guardian", "Other")
RELEVANCE = ("Reported", "Supplemental Reported")
CLASSIFICATIONS = ("A1", "A2", "B1", "B2")
DETAIL_TYPES = ("EXIF", "HASH")
BATCH_REASONS = ("VIRAL_POTENTIAL_MEME",)

_STATES = """AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH
    OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC GU PR VI"""
STATES = frozenset(_STATES.split())

# ISO 3166-1 alpha-2, and what the schema adds: A1 anonymous proxy, A2 satellite, O1 other, AN, AP, EU, FX, XK.
_COUNTRIES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV
    TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    A1 A2 O1 AN AP EU FX XK
"""
COUNTRIES = frozenset(_COUNTRIES.split())


def incident_label(code: str) -> str:
    """NCMEC's exact label for one of our short codes; a label itself is returned as it is."""
    return INCIDENT_TYPES.get(code, code)
