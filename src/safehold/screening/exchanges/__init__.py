"""Lists that are fetched from others, and what our people found about them told back.

`keeping` keeps which exchanges there are, `sync` reads one of them page by page, `feedback` tells a source what was
found, `source` says what an adapter must be. `ncmec` is the adapter of NCMEC's hash sharing: its `client` talks,
its `reader` reads what comes back. `path/exchanges.py` makes both due, and is what others call.
"""
