"""Reports as people make them, the receipts they get, and the directory of hotlines.

Others import `safehold.intake.service`, and read `safehold.intake.models` from rooms above.
"""
