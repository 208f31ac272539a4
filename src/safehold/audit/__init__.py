"""The append-only record of every act, look and change of settings, chained by hash.

Others may call `safehold.audit.service` (record, refused, history), `safehold.audit.machine` (the one way
a record changes its state) and `safehold.audit.chain` (seal, checkpoint, verify, erase).
"""
