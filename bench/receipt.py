"""A report is accepted: from sending the form to the answer that leads to the receipt (303), which is given
only after the report is committed. Beside it, in the same run, a bare Django view that stores one row.

The senders take turns, so that whatever else the machine does falls on all alike. The worker is on and
looks up what the reports name meanwhile, as it would.
"""

import time
from collections.abc import Callable
from random import Random

import httpx2

from bench.figures import Result, Row
from bench.stand import Stand

FORM, PLAIN, API, PEER = "form, with proof of work", "form, without", "in-app API", "bare Django view, one INSERT"
WARM = 3  # of each, before counting


def run(stand: Stand, runs: int) -> Result:
    """`runs` of each kind, one after another, in an order that changes."""
    side = stand.side
    item = side.post(side.join(stand.next_handle()), 1)
    stand.quiet()
    sends = _senders(stand, item.link)
    times: dict[str, list[float]] = {name: [] for name in sends}
    order, shuffled = list(sends), Random(17)  # noqa: S311 - no secret
    with httpx2.Client(timeout=30, trust_env=False) as client:
        for number in range(WARM + runs):
            shuffled.shuffle(order)
            for name in order:
                request = sends[name](client, number)
                began = time.perf_counter()
                answer = client.send(request)
                took = time.perf_counter() - began
                if answer.status_code not in (201, 303):
                    raise RuntimeError(f"{name}: {answer.status_code}, not a receipt: {answer.text[:200]}")
                if number >= WARM:
                    times[name].append(took)
    rows = [Row(name, times[name], against="" if name == PEER else PEER) for name in sends]
    notes = ["One sender, keep-alive, loopback. The worker looks up what the reports name meanwhile."]
    return Result("receipt", "Report accepted to receipt", rows, notes)


def _senders(stand: Stand, link: str) -> dict[str, Callable[[httpx2.Client, int], httpx2.Request]]:
    """How each kind makes its request; what is made here is not timed."""
    from safehold.public import proof
    from safehold.public.report_form import fresh_key

    def fields(number: int) -> dict[str, str]:
        return {"reason": f"placeholder message {number}", "links": link}

    def form(client: httpx2.Client, number: int) -> httpx2.Request:
        proven = proof.solve(proof.challenge())  # the browser does this while the person types
        filled = {**fields(number), "key": fresh_key(), "proof": proven}
        return client.build_request("POST", f"{stand.url}/report", data=filled)

    def plain(client: httpx2.Client, number: int) -> httpx2.Request:
        return client.build_request("POST", f"{stand.url}/report", data={**fields(number), "key": fresh_key()})

    def api(client: httpx2.Client, number: int) -> httpx2.Request:
        body = {"once_key": fresh_key(), "reason": f"placeholder message {number}", "links": [link]}
        headers = {"Authorization": f"Bearer {stand.key}"}
        return client.build_request("POST", f"{stand.url}/api/v1/reports", json=body, headers=headers)

    def peer(client: httpx2.Client, number: int) -> httpx2.Request:
        return client.build_request("POST", f"{stand.peer_url}/", data=fields(number))

    return {FORM: form, PLAIN: plain, API: api, PEER: peer}
