"""Who works at the desk: members, their roles, and what each role may do.

The faces import `safehold.staff.service` and `safehold.staff.models`; rooms below know staff only as
the actor reference `staff:<id>`.
"""
