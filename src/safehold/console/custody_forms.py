"""Forms of the evidence custodians' pages. They check shape alone; whether an act is allowed, the rooms say."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from safehold.staff import service as staff
from safehold.staff.models import Member
from safehold.staff.service import Right


class Until(forms.Form):
    """A day in the future; the day counts whole, in UTC."""

    until = forms.DateField(label=_("Until (day, UTC)"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean_until(self) -> datetime:
        moment = datetime.combine(self.cleaned_data["until"], time(23, 59, 59), tzinfo=UTC)
        if moment <= timezone.now():
            raise forms.ValidationError(_("Choose a day that has not passed."))
        return moment


class Extend(Until):
    """A later end of a hold."""

    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stays on the record. Write ids and clauses, never what the material shows."),
    )  # fmt: skip


class Authority(forms.Form):
    """Who asks, by which document, and how that was verified."""

    authority = forms.CharField(
        label=_("Authority"), max_length=200, help_text=_("As in the register of legal process.")
    )
    document = forms.CharField(label=_("Document"), max_length=200, help_text=_("Its reference in that register."))


class LegalHold(Authority, Until):
    """A hold for an authority."""

    field_order = ("authority", "document", "until")


class OfAuthority(Authority):
    """What an authority wants done, for a second custodian to agree to."""

    verified = forms.CharField(
        label=_("How you verified who sent it"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For example: called back on a number from a public register, on which day."),
    )  # fmt: skip
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stays on the record. Write ids and clauses, never what the material shows."),
    )  # fmt: skip


class HandOver(OfAuthority):
    """A sealed package for an authority."""

    recipient = forms.CharField(
        label=_("The authority's age key"), max_length=200,
        help_text=_("It begins with age1. Get it from the authority itself, and compare it by telephone."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )  # fmt: skip
    field_order = ("authority", "document", "recipient", "verified", "reason")


class Grant(forms.Form):
    """Who may look, for how long, why."""

    member = forms.ChoiceField(
        label=_("Who may look"), help_text=_("Only reviewers and senior reviewers ever see evidence.")
    )
    hours = forms.IntegerField(label=_("For how many hours"), min_value=1, max_value=24 * 7 - 1, initial=4)
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stays on the record. Write ids and clauses, never what the material shows."),
    )  # fmt: skip

    def __init__(self, *given: Any, actor: str, **more: Any) -> None:
        super().__init__(*given, **more)
        members = Member.objects.filter(is_active=True).order_by("username")
        self.fields["member"].choices = [  # type: ignore[attr-defined]
            (one.actor, str(one)) for one in members if staff.may(one, Right.SEE_EVIDENCE) and one.actor != actor
        ]

    @property
    def until(self) -> datetime:
        """When the grant ends."""
        return timezone.now() + timedelta(hours=self.cleaned_data["hours"])
