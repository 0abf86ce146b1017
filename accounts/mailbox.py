"""Where mail goes when nobody has told the demo of a mail server."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from accounts.models import Letter


class DemoMailBackend(BaseEmailBackend):
    """Keeps each letter as a row, one for each recipient; /mailbox/ shows them."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            Letter.objects.bulk_create(_letters(message))
        return len(email_messages)


def _letters(message: EmailMessage) -> list[Letter]:
    # Building the wire form refuses line breaks in headers, as a real server's backend would.
    message.message()
    subject = str(message.subject)[:250]
    return [
        Letter(to=address, subject=subject, body=str(message.body))
        for address in message.recipients()
    ]
