"""The two named ways back: an appeal (a person asks) and a correction (a rule or a list entry was wrong).

Others may import `safehold.redress.models` for reading and call `safehold.redress.service`.
"""
