"""The vault: evidence encrypted under a key of its own, held for a term, every look recorded.

Others may call `safehold.evidence.service` and read `safehold.evidence.models`.
"""
