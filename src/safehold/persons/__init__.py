"""The person behind accounts: keyed identifiers, bans, strikes, the sign-up check.

Others may call `safehold.persons.service` and read `safehold.persons.models`.
"""
