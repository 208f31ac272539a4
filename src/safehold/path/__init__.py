"""The path of a case: the only room that knows the order of steps.

The faces call `safehold.path.commands`. The other modules are the durable steps that the worker runs:
`arrivals` (resolve, preserve), `order` (what follows what), `actions`, `filing`, `statements`,
`reversal`, `housekeeping`, `restore`.
"""
