"""The append-only record of every act, look and change of settings, chained by hash.

Others may call `safehold.audit.service` (record, history, verify) and
`safehold.audit.machine` (the one way a record changes its state).
"""
