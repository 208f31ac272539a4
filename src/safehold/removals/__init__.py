"""Requests to remove intimate depictions that were published without consent (47 USC 223a), and their 48 hours.

Others may import `safehold.removals.models` and call `safehold.removals.service`.
"""
