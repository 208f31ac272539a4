"""Who and what a case is about: hosts, accounts, items, locators, and a person's role in a case.

Others may import `safehold.subjects.models` and call `safehold.subjects.service`.
"""
