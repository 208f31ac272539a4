"""Lists of hashes and exact matching against them.

Others may call `safehold.screening.service` and read `safehold.screening.models`.
"""
