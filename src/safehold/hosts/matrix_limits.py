"""What the Matrix adapter can be ordered to do, and what it cannot: shown to operators. `hosts.matrix` uses it."""

LIMITS = (
    "Accounts and files of other homeservers cannot be acted on: their own server has to.",
    "Encrypted messages cannot be read, nor their files found from them.",
    "The sender of an encrypted message can be acted on, a file that is named can be hidden, the message be redacted.",
    "A message without a file cannot be hidden and brought back, only purged (redacted).",
    "Words beside a file stay visible until the message is purged.",
    "Hiding or restoring a file does the same to every stored copy with the same bytes.",
    "A copy that is uploaded after a file was hidden is not hidden.",
    "A purged file cannot be told from one that never existed: asking for it answers that it is not there.",
    "Edits of a message are events of their own, with ids of their own.",
    "Of an encrypted message around, sender and time alone are known.",
    "Of a message around that was redacted, what it said is not had.",
    "The messages around a file are found only where a report named the message that shows it.",
    "Recipients are the room's members, where they are at most ten.",
    "Whether all messages of a room are there is never known: other servers may have had more.",
    "Safehold's account must be in the room, with the power to redact, for events other than messages.",
    "The same goes for messages of suspended senders in rooms of version 10 and older.",
    "A locked or suspended account cannot read a server notice: reach its holder by e-mail.",
    "Rooms as a whole are not items.",
    "Homeservers that delegate logging in to a Matrix Authentication Service are not covered: locking is done there.",
)
ORDERS = frozenset(
    {
        "hide_item",
        "restore_item",
        "purge_item",
        "suspend_account",
        "lock_account",
        "restore_account",
        "tell_account",
    }
)
