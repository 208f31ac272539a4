"""Long lists in pages of 25."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

SIZE = 25


def page_of(rows: Any, request: HttpRequest, size: int = SIZE) -> Page:
    """The page that `?page=` asks for; the first or last one where the number is none of ours."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
