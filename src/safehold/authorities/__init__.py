"""Authorities beside NCMEC: the register of legal process, notices of a threat to life (DSA Art. 18), the UK's NCA.

Others may import `safehold.authorities.models` for reading and call `service`, `uk`, `uk_export` and `rules`.
"""
