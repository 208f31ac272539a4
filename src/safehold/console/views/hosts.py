"""Hosts and their API keys, for administrators. A key is shown once; no page shows a stored secret."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from safehold.console import forms
from safehold.console.rights import StaffRequest, requires
from safehold.hosts import keys
from safehold.hosts.models import HostKey, HostSecret
from safehold.staff.service import Right
from safehold.subjects.models import Host


@requires(Right.ADMINISTER)
def hosts(request: StaffRequest) -> HttpResponse:
    """Every host that Safehold stands beside."""
    rows = Host.objects.order_by("name").prefetch_related("api_keys")
    return render(request, "console/hosts.html", {"hosts": rows})


@requires(Right.ADMINISTER)
def host(request: StaffRequest, slug: str) -> HttpResponse:
    """One host: where it is called, its keys, which secrets are set (never their values)."""
    row = get_object_or_404(Host, pk=slug)
    return render(request, "console/host.html", _about(row, forms.NewKey()))


@requires(Right.ADMINISTER, "POST")
@sensitive_variables("plain")
def key_issue(request: StaffRequest, slug: str) -> HttpResponse:
    """Issue a key; the answer shows it, this once."""
    row = get_object_or_404(Host, pk=slug)
    form = forms.NewKey(request.POST)
    if not form.is_valid():
        return render(request, "console/host.html", _about(row, form), status=422)
    key, plain = keys.issue_key(row, form.cleaned_data["scopes"], request.user.actor, form.cleaned_data["label"])
    return render(request, "console/key_issued.html", {"host": row, "key": key, "plain": plain})


@requires(Right.ADMINISTER, "POST")
def key_revoke(request: StaffRequest, key_id: str) -> HttpResponse:
    """The key opens nothing from now on."""
    row = get_object_or_404(HostKey, pk=key_id)
    keys.revoke_key(row.pk, request.user.actor)
    messages.success(request, _("The key is revoked. It opens nothing from now on."))
    return redirect("console:host", row.host_id)


def _about(row: Host, form: forms.NewKey) -> dict[str, object]:
    return {
        "host": row,
        "keys": HostKey.objects.filter(host=row).order_by("revoked_at", "-created_at"),
        "secrets": HostSecret.objects.filter(host=row).order_by("name").values("name", "set_at"),
        "form": form,
    }
