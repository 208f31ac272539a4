"""A page that asks for something before it acts: the form, the act, and what the room finds wrong with it.

Others may call `asked`.
"""

from collections.abc import Callable
from typing import Any

from django import forms as django_forms
from django.http import HttpResponse
from django.shortcuts import render

from safehold.console.rights import StaffRequest


def asked(
    request: StaffRequest,
    form: django_forms.Form,
    act: Callable[[dict[str, Any]], HttpResponse],
    template: str,
    title: str,
    **more: Any,
) -> HttpResponse:
    """Show a form; when it is sent and right, act. What the room finds wrong with it stands above the form."""
    if request.method == "POST" and form.is_valid():
        try:
            return act(dict(form.cleaned_data))
        except ValueError as problem:
            form.add_error(None, str(problem))
    context = {"form": form, "title": title, **more}
    return render(request, template, context, status=422 if form.errors else 200)
