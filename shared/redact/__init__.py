"""Secrets and personal data out of what leaves the service: `Redactor`.

* redactor.py: texts and JSON values in, the same with placeholders out
* rules.py: what a secret looks like, by itself or beside a word (keys, tokens, cards, phones ...)
* plausible.py: the second look at what those find: check digits, words, identifiers, prices
* keyed.py: secrets told by the name before them: `password=...`, `"api_key": "..."`, cookies
* keynames.py: which names are those
* numbers.py: check digits and issuer prefixes
* spans.py: where secrets stand: kinds, overlaps, and keeping placeholders out of reach
"""

from shared.redact.redactor import Redactor
from shared.redact.spans import meets_placeholder

__all__ = ["Redactor", "meets_placeholder"]
