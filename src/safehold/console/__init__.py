"""The staff's face: a thin layer of pages over `path.commands` and the rooms' records. It has no rules.

`routes.rights()` tells which right each address asks for; `rights.requires` is what asks.
"""
