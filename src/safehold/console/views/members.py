"""Members of staff: an administrator makes them, gives roles, ends access. Passwords are shown once."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from safehold.console import forms
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.staff import service as staff
from safehold.staff.models import Member
from safehold.staff.service import Right


@requires(Right.ADMINISTER)
def members(request: StaffRequest) -> HttpResponse:
    """Everybody who works or worked here."""
    page = page_of(Member.objects.order_by("-is_active", "username"), request)
    return render(request, "console/members.html", {"page": page})


@requires(Right.ADMINISTER, "GET", "POST")
@sensitive_variables("password")
def new_member(request: StaffRequest) -> HttpResponse:
    """Make a member. The answer shows the password, this once."""
    form = forms.NewMember(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            member, password = staff.create_member(
                form.cleaned_data["username"], form.cleaned_data["roles"], actor=request.user.actor,
                name=form.cleaned_data["name"], language=form.cleaned_data["language"],
            )  # fmt: skip
        except staff.StaffError as problem:
            form.add_error(None, str(problem))
        else:
            return render(
                request, "console/member_password.html", {"member": member, "password": password, "new": True}
            )
    return render(request, "console/member_new.html", {"form": form}, status=422 if form.errors else 200)


@requires(Right.ADMINISTER)
def member(request: StaffRequest, member_id: str) -> HttpResponse:
    """One member: roles, what they add up to, and an administrator's acts."""
    from allauth.mfa.models import Authenticator

    row = get_object_or_404(Member, pk=member_id)
    context = {
        "member": row,
        "form": forms.Roles(initial={"roles": row.roles}),
        "reason": forms.Reason(),
        "rights": sorted(staff.rights_of(row)),
        "factors": Authenticator.objects.filter(user=row).exclude(type="recovery_codes").count(),
    }
    return render(request, "console/member.html", context)


@requires(Right.ADMINISTER, "POST")
def member_roles(request: StaffRequest, member_id: str) -> HttpResponse:
    """Give exactly these roles."""
    get_object_or_404(Member, pk=member_id)
    form = forms.Roles(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose at least one role. To end somebody's access, deactivate them."))
    else:
        _try(
            request,
            lambda: staff.set_roles(member_id, form.cleaned_data["roles"], actor=request.user.actor),
            _("Roles saved."),
        )
    return redirect("console:member", member_id)


@requires(Right.ADMINISTER, "POST")
def member_deactivate(request: StaffRequest, member_id: str) -> HttpResponse:
    """End a member's access at once."""
    get_object_or_404(Member, pk=member_id)
    because = request.POST.get("reason", "")
    done = _("Deactivated. Their open sessions have ended.")
    _try(request, lambda: staff.deactivate(member_id, because=because, actor=request.user.actor), done)
    return redirect("console:member", member_id)


@requires(Right.ADMINISTER, "POST")
def member_activate(request: StaffRequest, member_id: str) -> HttpResponse:
    """Let a member in again."""
    get_object_or_404(Member, pk=member_id)
    staff.activate(member_id, actor=request.user.actor)
    messages.success(request, _("Active again, with the roles and password they had."))
    return redirect("console:member", member_id)


@requires(Right.ADMINISTER, "POST")
@sensitive_variables("password")
def member_password(request: StaffRequest, member_id: str) -> HttpResponse:
    """A new random password, shown this once; the member's sessions end."""
    row = get_object_or_404(Member, pk=member_id)
    password = staff.reset_password(member_id, actor=request.user.actor)
    return render(request, "console/member_password.html", {"member": row, "password": password, "new": False})


@requires(Right.ADMINISTER, "POST")
def member_second_factor(request: StaffRequest, member_id: str) -> HttpResponse:
    """Remove the second factors of a member who lost them."""
    get_object_or_404(Member, pk=member_id)
    staff.reset_second_factor(member_id, actor=request.user.actor)
    messages.success(
        request, _("Their second factors are removed. They sign in with the password alone until they set one up.")
    )
    return redirect("console:member", member_id)


def _try(request: StaffRequest, act: Callable[[], object], done: str) -> None:
    try:
        act()
    except staff.StaffError as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, done)
