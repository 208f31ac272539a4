"""Hashes of what was screened, kept for a while, so that a list that grows finds what was uploaded before.

Pure: files in one folder, nothing of a database. `journal` is written by whoever screens, `parts` are the Parquet files
that journals become, one folder for each day; `batch` is the one function that looks a portion of them up, the same
embedded and on Spark (`spark`). `screening.rescreening` runs it.
"""
