"""The append-only record of every act, look and change of settings, chained by hash.

Others may call `safehold.audit.service` (record, refused, history), `safehold.audit.machine` (the one way
a record changes its state), `safehold.audit.chain` (seal, checkpoint, verify, erase) and
`safehold.audit.keyfile` (key files made once).
"""
