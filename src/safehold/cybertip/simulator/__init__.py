"""A server that behaves as NCMEC's reporting service is documented to: to practise, to demonstrate, to test.

Run it as `python -m safehold.cybertip.simulator --port 0 --data DIR --username U --password P`, or call
`main(argv)`. It needs no settings and no Django, and shares no table and no check with the client: what
it knows of the documents stands in `grammar`, written from the published description on its own.

It keeps what it received in DIR (ids, times, states, documents; of files only size and MD5), forgets
nothing on restart, and answers on 127.0.0.1 alone:
- `/ispws/...`: the protocol, with HTTP Basic;
- `/` and `/received.json`: what it received;
- `/faults`: what it shall do wrong next (see `faults`).
"""

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted. Prints one line with the base address when it listens."""
    from safehold.cybertip.simulator.running import run

    return run(argv)
