"""Key files, and small values sealed under them. No tables, no Django: the lowest room of all.

Others may call `safehold.sealing.files` (`make_once`, `sync_folder`) and `safehold.sealing.box`
(`seal`, `unseal`). Which key a room uses, and what is lost with it, stands in docs/operations.md.
"""
