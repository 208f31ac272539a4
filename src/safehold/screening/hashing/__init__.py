"""From the bytes of a file to its hashes: digests, PDQ of pictures, films and animations.

Pure: no database, no Django, nothing else of ours. Others may call `sandbox.Decoders`, `pdq`, `digests`,
`films.match_film` and read `types`; `pictures`, `films.hash_film` and `child` decode and belong in a child process.
"""
