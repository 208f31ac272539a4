"""Processes for the crash tests of exchanges: each takes steps, and may be killed at a boundary.

Run as `python -m tests.screening.exchanges.exchange_driver`: for each line of JSON on standard input it forks a process
that does what `do` says (`add`, `read`, `tell`, `look`), and answers with one line: `signal`, or what it came to. The
environment names the database. A fork, so that no step pays for starting Python.
"""

import json
import os
import sys
import traceback
from typing import Any

import django

ACTOR = "operator:test"


def add(url: str, slug: str) -> dict[str, Any]:
    """An exchange, with feedback on."""
    from safehold.screening.exchanges import keeping
    from tests.screening.exchanges.exchange_simulator import PASSWORD, USERNAME

    keeping.add(slug, list_slug=slug, url=url, username=USERNAME, password=PASSWORD, licence="agreement 7", actor=ACTOR)
    keeping.change(slug, actor=ACTOR, feedback=True)
    return {}


def read(slug: str, steps: int) -> dict[str, Any]:
    """At most so many steps. What was hit and withdrawn becomes a task, so that a second effect would be a second."""
    from safehold.screening.exchanges import keeping, sync
    from safehold.work import service as work

    def retracted(entries: tuple[str, ...]) -> None:
        for entry in entries:
            work.raise_task("test-retracted", key=os.urandom(8).hex(), about=f"entry:{entry}", role="custodian")

    keeping.ask_again(slug, actor=ACTOR)
    kind = ""
    for _ in range(steps):
        kind = sync.step(slug, actor=ACTOR, on_retracted=retracted).kind
        if kind != "more":
            break
    return {"kind": kind}


def tell(slug: str, ref: str) -> dict[str, Any]:
    """Note that an entry is right, where that is not noted, and send what is due."""
    from safehold.screening.exchanges import feedback
    from safehold.screening.models import Feedback, ListEntry

    entry = ListEntry.objects.get(list=slug, ref=ref)
    feedback.note(entry.pk, "md5", affirmative=True, because="decision:1", actor=ACTOR)
    feedback.send(str(entry.pk), "MD5")
    return {"states": list(Feedback.objects.filter(entry=entry).values_list("state", flat=True))}


def look(slug: str) -> dict[str, Any]:
    """Every entry of the list, the exchange's checkpoint and counts, and what the record says was added."""
    from safehold.audit.models import Detail
    from safehold.screening.models import Exchange, ListEntry
    from safehold.work.models import Task

    rows = ListEntry.objects.filter(list=slug)
    added = Detail.objects.filter(entry__act="list.entries_added", entry__about=f"hashlist:{slug}")
    exchange = Exchange.objects.get(pk=slug)
    return {
        "live": sorted(rows.filter(retracted_at=None).values_list("ref", flat=True)),
        "rows": rows.count(),
        "checkpoint": exchange.checkpoint,
        "counts": exchange.told.get("counts", {}),
        "added_on_record": sum(one.body["count"] for one in added),
        "retracted": Task.objects.filter(kind="test-retracted").count(),
    }


def mark_hit(slug: str, ref: str) -> dict[str, Any]:
    """An entry was hit, and the interval of its exchange is over."""
    from safehold.screening.models import Exchange, ListEntry

    ListEntry.objects.filter(list=slug, ref=ref).update(hits=1)
    Exchange.objects.filter(pk=slug).update(checkpoint={})
    return {}


DOES = {"add": add, "read": read, "tell": tell, "look": look, "mark_hit": mark_hit}


def _child(order: dict[str, Any], answer: int) -> None:
    os.environ.update(SAFEHOLD_CRASH_AT=order.pop("crash_at", ""), SAFEHOLD_CRASH_MARK=order.pop("mark", ""))
    try:
        told: dict[str, Any] = DOES[order.pop("do")](**order)
    except BaseException:  # noqa: BLE001 - the test reads it
        told = {"error": traceback.format_exc()}
    os.write(answer, json.dumps(told).encode())
    os._exit(0)


def main() -> None:
    """Fork for each order; nothing of the database is touched in this process."""
    django.setup()
    from safehold.screening.exchanges import feedback, sync  # noqa: F401 - loaded once, for every child

    print("{}", flush=True)
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(json.loads(line), writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        _pid, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        print(json.dumps({"signal": os.WTERMSIG(status)} if killed else json.loads(told)), flush=True)


if __name__ == "__main__":
    main()
