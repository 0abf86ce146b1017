"""What a person fills in about money."""

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminDateWidget
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.billing.credits import CREDITS_MAX
from accounts.billing.grants import Gift, end_of
from accounts.billing.models import Grant, Lot, LotKind
from accounts.models import Team, User, fold_email
from accounts.teams import personal_team
from imagestudio.lib.ids import new_id

# Django's own class takes no type argument when it runs.
if TYPE_CHECKING:
    GrantModelForm = forms.ModelForm[Grant]
else:
    GrantModelForm = forms.ModelForm


class GrantForm(GrantModelForm):
    recipient = forms.CharField(
        help_text="An email, for that person's own workspace, or the slug of a team."
    )
    credits = forms.IntegerField(min_value=1, max_value=CREDITS_MAX)
    kind = forms.ChoiceField(choices=LotKind.choices, initial=LotKind.PROMOTIONAL)
    last_day = forms.DateField(
        required=False, widget=AdminDateWidget, help_text="In UTC. Empty: they never expire."
    )
    # One form is one grant: a second click finds the first one's.
    key = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)

    class Meta:
        model = Grant
        fields: ClassVar = ["reason"]

    def clean_recipient(self) -> Team:
        name = self.cleaned_data["recipient"]
        if "@" not in name:
            return _known(Team.objects.filter(slug=name).first())
        user = User.objects.filter(email=fold_email(name)).first()
        return _known(personal_team(user) if user else None)

    def clean_last_day(self) -> date | None:
        day: date | None = self.cleaned_data["last_day"]
        if day is not None and end_of(day) <= timezone.now():
            raise ValidationError("Choose a day to come: these credits would expire at once.")
        return day

    def clean(self) -> dict[str, Any]:
        super().clean()
        answers: dict[str, Any] = self.cleaned_data
        before = Lot.objects.filter(reference=f"grant:{answers.get('key')}").first()
        if before and "recipient" in answers and not self._repeats(before):
            raise ValidationError("This form was sent before, with other answers. Open a new one.")
        return answers

    def gift(self) -> Gift:
        answers = self.cleaned_data
        day = answers["last_day"]
        return Gift(
            team_id=answers["recipient"].pk,
            credits=answers["credits"],
            kind=LotKind(answers["kind"]),
            expires_at=end_of(day) if day else None,
            reason=answers["reason"],
            key=str(answers["key"]),
        )

    def _repeats(self, before: Lot) -> bool:
        answers = self.cleaned_data
        terms = answers["recipient"].pk, answers.get("credits"), answers.get("kind")
        return terms == (before.wallet_id, before.credits, before.kind)


def _known(team: Team | None) -> Team:
    if team is None:
        raise ValidationError("Nobody here has this email, and no team this slug.")
    return team
