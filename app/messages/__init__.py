"""Messages to people: one occasion, told on the platform, by e-mail and by SMS.

:func:`notify` tells users by the channels of the occasion and their own choice, :func:`tell` an
address without one.  Both write rows (outbox) in the transaction of the cause: what is shown on
the platform is there at once, the rest is rendered and sent later by :func:`deliver`.  Who is told
of what is decided by those who call.
"""

from app.messages.delivery import ERROR_LENGTH, LEASE, Mourn, Send, Undeliverable, deliver, resend
from app.messages.occasions import ALL, FIXED, OCCASIONS, optional
from app.messages.reading import UNREAD_CAP, mark_done, mark_read, unread_of
from app.messages.telling import Notice, insert_once, notify, post, tell
from app.messages.words import BLANK, blanked, link, message_id, render

__all__ = [
    "ALL",
    "BLANK",
    "ERROR_LENGTH",
    "FIXED",
    "LEASE",
    "OCCASIONS",
    "UNREAD_CAP",
    "Mourn",
    "Notice",
    "Send",
    "Undeliverable",
    "blanked",
    "deliver",
    "insert_once",
    "link",
    "mark_done",
    "mark_read",
    "message_id",
    "notify",
    "optional",
    "post",
    "render",
    "resend",
    "tell",
    "unread_of",
]
