"""Words: listed terms, patterns and their company in a text, whatever letters it is disguised with.

Pure: no database, no framework, no network. Others call

- `reading.TextMatcher(terms, patterns, rules).match(text)`: everything at once, as `TextHits`;
- `terms.Term`, `TermHit`, `TermMatcher`; `patterns.Pattern`, `PatternMatcher`, `BadPattern`, `checked`;
  `together.Rule`, `Combined`: its parts;
- `folding.fold`: the form that texts and terms are compared in, with a way back to the original's positions.

A hit on a word only ever orders the queue.
"""
