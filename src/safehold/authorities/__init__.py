"""Authorities beside NCMEC: the register of legal process, and notices of a threat to life (DSA Art. 18).

Others may import `safehold.authorities.models` for reading and call `safehold.authorities.service`.
"""
