"""Words and links: 10,000 terms over 10 kB of text, an address against 1,000,000 entries, links found in text.

No process is started. Terms stand beside Python's own `re` with all of them as alternatives; an address beside a set
of readable forms, which is what keyed digests cost against. Words are invented, hosts are `.test`; all but a few of the
entries are random digests, which no address can have.
"""

import re
import time
from collections.abc import Callable
from random import Random
from uuid import UUID

from bench.figures import Result, Row
from safehold.screening.links.canonical import forms_of
from safehold.screening.links.finding import find_links
from safehold.screening.links.keyed import Keyed
from safehold.screening.links.matching import LinkMatcher
from safehold.screening.words.folding import fold
from safehold.screening.words.terms import Term, TermMatcher

TERMS, LETTERS, ENTRIES, LISTED = 10_000, 10_000, 1_000_000, 1000
WARM = 20  # of each, before counting
PEER_RUNS = 3  # at most: one takes a second
KEY = b"a key of thirty-two bytes, bench"


def run(runs: int) -> list[Result]:
    """Ten of each for every run, of what takes microseconds."""
    return [_terms(runs), _links(runs), _finding(runs)]


def _terms(runs: int) -> Result:
    chance = Random(17)  # noqa: S311 - no secret
    words = list(dict.fromkeys(_word(chance, 3, 5) for _ in range(TERMS * 2)))[:TERMS]
    matcher = TermMatcher(Term(UUID(int=at).bytes, "invented", word) for at, word in enumerate(words))
    text = _text(chance, words)
    folded, disguised = fold(text), text.replace("a", "а").replace("e", "é")  # a Cyrillic letter, and an accent
    plain = re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + r")\b")
    wanted = len(plain.findall(folded.text))
    for one in (matcher.find(folded).hits, matcher.match(disguised)):
        if len(one) != wanted or not wanted:
            raise RuntimeError(f"{len(one)} hits where the peer finds {wanted}, so the figures mean nothing.")
    ours, peer = f"{TERMS:,} terms over 10 kB", "re, all as alternatives"
    rows = [
        Row(ours, _times(runs * 10, lambda: matcher.find(folded))),
        Row("with folding", _times(runs * 10, lambda: matcher.match(text)), against=ours),
        Row("with folding, disguised", _times(runs * 10, lambda: matcher.match(disguised)), against=ours),
        Row(peer, _times(min(runs, PEER_RUNS), lambda: plain.findall(folded.text), warm=1), against=ours),
    ]
    return Result("text-terms", "Listed terms in a text", rows, [f"{wanted} terms are in the text."], aim=0.00015)


def _links(runs: int) -> Result:
    chance = Random(17)  # noqa: S311 - no secret
    keyed = Keyed(KEY)
    urls = [f"https://www.host-{at}.test/path/{chance.randrange(1000)}/page.html?b=2&a=1" for at in range(LISTED)]
    entries = [(UUID(int=at).bytes, "exact", keyed.of_entry(url, "exact")) for at, url in enumerate(urls)]
    began = time.perf_counter()
    filler = ((UUID(int=at).bytes, "exact", chance.randbytes(16)) for at in range(LISTED, ENTRIES))
    matcher = LinkMatcher(KEY, (*entries, *filler))
    built = time.perf_counter() - began
    readable = {forms_of(url)[0] for url in urls} | {("exact", f"host-{at}.test/") for at in range(LISTED, ENTRIES)}
    others = [f"https://www.other-{at}.test/path/{at}/page.html?b=2&a=1" for at in range(LISTED)]
    if not all(map(matcher.match, urls)) or any(map(matcher.match, others)):
        raise RuntimeError("The matcher answers wrongly, so the figures mean nothing.")
    ours, peer = f"listed, {len(matcher):,} entries", "the same forms in a readable set"
    rows = [
        Row(ours, _each(runs, urls, matcher.match), against=peer),
        Row("not listed", _each(runs, others, matcher.match), against=peer),
        Row("its forms alone", _each(runs, urls, forms_of), part=True),
        Row("address to digest of an entry", _each(runs, urls, lambda url: keyed.of_entry(url, "exact"))),
        Row(peer, _each(runs, others, lambda url: [form for form in forms_of(url) if form in readable])),
    ]
    size = matcher._state.table.size / len(matcher)
    notes = [f"{size:.0f} bytes an entry; built from ids and digests in {built:.1f} s."]
    return Result("text-links", "An address against the link lists", rows, notes, aim=0.0001)


def _finding(runs: int) -> Result:
    chance = Random(17)  # noqa: S311 - no secret
    plain = _text(chance, [])
    few = plain[:-200] + " see https://host.test/path/page?x=1 or host-2.test/x."
    hidden = few.replace("https", "hxxps").replace(".test", "[.]test")
    for text, wanted in ((plain, 0), (few, 2), (hidden, 2)):
        if len(find_links(text)) != wanted:
            raise RuntimeError("Links are missed, so the figures mean nothing.")
    rows = [
        Row("10 kB with two links", _times(runs * 10, lambda: find_links(few))),
        Row("the same, disguised", _times(runs * 10, lambda: find_links(hidden))),
        Row("10 kB without a link", _times(runs * 10, lambda: find_links(plain))),
    ]
    return Result("text-find", "Links found in a text", rows)


def _word(chance: Random, least: int, most: int) -> str:
    pairs = range(chance.randint(least, most))
    return "".join(chance.choice("bcdfgklmnprstvz") + chance.choice("aeiou") for _ in pairs)


def _text(chance: Random, words: list[str]) -> str:
    """LETTERS characters of invented words, one in a hundred of those given."""
    pieces = []
    while sum(map(len, pieces)) + len(pieces) < LETTERS:
        pieces.append(chance.choice(words) if words and chance.random() < 0.01 else _word(chance, 1, 4))
    return " ".join(pieces)[:LETTERS]


def _each(runs: int, urls: list[str], work: Callable[[str], object]) -> list[float]:
    """Each address in turn, so that no cache of the processor holds what is asked for."""
    wanted = iter(urls * (1 + (runs * 10 + WARM) // len(urls)))
    return _times(runs * 10, lambda: work(next(wanted)))


def _times(count: int, work: Callable[[], object], warm: int = WARM) -> list[float]:
    for _ in range(warm):
        work()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return times
