"""Actions on hosts and persons as a ledger: ordered, sent, confirmed by reading back, reversed.

Others may import `safehold.enforcement.models` for reading and call `safehold.enforcement.service`.
"""
