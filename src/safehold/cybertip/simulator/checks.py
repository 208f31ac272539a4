"""What the simulator checks in a document: what the schema asks, and then what its documentation asks.

Others in this package call `parse`, `problems` and `batch_file`; an empty list means that the document passes.
"""

from datetime import datetime
from typing import Any

from lxml import etree

from safehold.cybertip.simulator import rules, structure
from safehold.cybertip.simulator.grammar import PUBLISHED, Grammar
from safehold.cybertip.simulator.lists import COUNTRIES, STATES

__all__ = ["COUNTRIES", "STATES", "batch_file", "parse", "problems"]


def problems(root: Any, name: str, now: datetime, grammar: Grammar = PUBLISHED) -> list[str]:
    """Everything that is wrong with a document, in reading order: the rule, the element's path, what in words."""
    wrong = structure.faults_of(root, name, grammar) or rules.faults_of(root, name, grammar, now)
    return [str(one) for one in wrong]


def batch_file(root: Any) -> list[str]:
    """What is wrong with the details of the one file of a batched report."""
    return [str(one) for one in rules.batch_file(root)]


def parse(body: bytes) -> Any:
    """The root of a document. Raises ValueError for what is not XML in UTF-8, or brings a document type."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"Malformed XML: {error.msg}") from None
    about = root.getroottree().docinfo
    if about.doctype:
        raise ValueError("A document type is not accepted.")
    if (about.encoding or "UTF-8").upper() not in ("UTF-8", "US-ASCII", "ASCII"):
        raise ValueError(f"The document is in {about.encoding}, not in UTF-8.")
    return root
