"""Links: one form for the many spellings of an address, keyed lists of them, and links found in free text.

Pure: no database, no framework, no network, and nothing is ever fetched. Others call

- `canonical.canonical`, `forms_of`, `entry_form`, `BadUrl`: the forms that an address is matched by;
- `keyed.keyed`, `Keyed`: their keyed digests, the only thing that a list keeps;
- `matching.LinkMatcher`, `LinkChange`, `LinkHit`: which entries an address hits;
- `finding.find_links`, `FoundLink`: the links of a text, plain or disguised;
- `shorteners.is_shortener`: whether the address only stands for another one.

What matches what is told in docs/screening-links.md.
"""
