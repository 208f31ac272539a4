"""Which right each address of the console asks for, read from the addresses themselves.

`rights()` gives {route name: Right} for the role matrix; a view without a right raises UnguardedError.
"""

from django.urls import URLPattern

from safehold.staff.service import Right


class UnguardedError(Exception):
    """A view of the console names no right."""


def rights() -> dict[str, Right]:
    """{"console:queue": Right.ASSESS, …} for every address of the console itself (login pages are allauth's)."""
    from safehold.console.urls import console_patterns

    found: dict[str, Right] = {}
    for pattern in console_patterns:
        if not isinstance(pattern, URLPattern):
            raise UnguardedError(f"{pattern} is no plain address: its views cannot be checked.")
        right = getattr(pattern.callback, "right", None)
        if right is None:
            raise UnguardedError(f"{pattern.name} names no right; decorate its view with @requires.")
        found[f"console:{pattern.name}"] = right
    return found


def methods() -> dict[str, tuple[str, ...]]:
    """{"console:queue": ("GET",), …}: what each address answers to."""
    from safehold.console.urls import console_patterns

    return {
        f"console:{p.name}": getattr(p.callback, "methods", ()) for p in console_patterns if isinstance(p, URLPattern)
    }
