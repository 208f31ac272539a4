"""Recognising known material: lists of files, links and terms, matching against them, and what a hit does.

Others may call `safehold.screening.service` and read `safehold.screening.models`; the screening path of `api` also
uses `live`, `matching` and `flood`. By subject:

- pure, nothing of ours: `hashing` (files to hashes), `index` (near and exact matches in mapped files), `links`,
  `words`, `archive` (what was screened, as files), `classifier` (a model of the operator's own)
- lists: `lists` (one entry at a time), `entries` (what an entry may say), `reading` and `importing` (files), `taking`
  and `writing` (many at once), `hidden` (links and terms as they are kept), `barring` (what our people retracted),
  `company` and `pattern_room` (words), `status`, `health`
- exchanges: `exchanges` (sources that are read again and again), `simulator` (a stand-in for NCMEC's)
- matching: `matching` (what a process holds), `following` (reading changes), `live` (keeping up), `known`,
  `listed_links`, `listed_words`, `weighing` (what an agreement amounts to), `building` (the index's files), `flood`
  (counters, entries that hit too many), `metrics`
- what a hit does: `rules`, `mappings`, `proposals` (two people), `found` (what was hit), `guard` (disagreement)
- looking back: `keeping` (writing down what was screened), `rescreening`
"""
