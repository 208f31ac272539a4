"""The figures for everybody: counted from the records of all rooms, small numbers withheld.

Others may call `safehold.transparency.service`. The room reads all and writes only its own published reports.
"""
