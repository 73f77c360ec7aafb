"""How a summary never speaks, whatever is cited: it soothes nobody, gives no orders, and is in English.

A log line may say that all is well, and so may one that an attacker wrote: entries are evidence of what they
report, not of what was not reported. That nothing happened is said by the facts alone.
"""

import re
from typing import Final

_WHO: Final = (
    r"(?:all|every(?:thing|one|body)?|each|fleet|bots?|systems?|services?|situation|market|trading"
    r"|operations?"
    r"|things?|status|results?|pods?|sources?)"
)
_IS: Final = (
    r"(?:is|are|was|were|be|been|being|remain\w*|look\w*|seem\w*|appear\w*|runs?|ran|running"
    r"|operat\w+|work\w*"
    r"|behav\w+|perform\w+|function\w*|continu\w+|went|goes)"
)
_WELL: Final = (
    r"(?:fine|ok(?:ay)?|healthy|normal(?:ly)?|nominal(?:ly)?|green|well|good|safe(?:ly)?|stable"
    r"|smooth(?:ly)?"
    r"|correct(?:ly)?|proper(?:ly)?|operational|clean|clear|in order|perfect(?:ly)?|successful"
    r"(?:ly)?|as expected"
    r"|under control|without (?:a )?hitch)"
)
_BAD: Final = (
    r"(?:errors?|problems?|issues?|incidents?|failures?|faults?|anomal\w+|concerns?|actions?"
    r"|worr\w+|danger|threats?"
    r"|risks?|impact|intervention|attention|follow-?up|(?:cause|reason) (?:for|to)|trouble|harm|damage)"
)
_SOOTHING: Final = (
    rf"\b{_WHO}\b(?:\W+\w+){{0,4}}?\W+{_IS}\b(?:\W+\w+){{0,3}}?\W+{_WELL}\b",
    rf"\b{_WHO}\W+{_WELL}\b(?!\W+\w)",
    rf"\b(?:no|zero|without|not any|free of|none of the|never any)\b(?:\W+\w+){{0,2}}?\W+{_BAD}\b",
    (
        r"\bnothing\b(?:\W+\w+){0,2}?\W+(?:to|wrong|unusual|happened|was|is|needs?|else|bad|serious"
        r"|relevant|notable)\b"
    ),
    (
        r"\b(?:can|may|could|should|to|must|safely|be|simply)\W+(?:be\W+)?(?:safely\W+)?(?:ignored?"
        r"|disregard(?:ed)?|dismiss(?:ed)?"
        r"|forgotten|overlooked)\b"
    ),
    (
        r"\bfalse (?:alarms?|positives?)\b|\b(?:harmless|benign|innocuous|unimportant|negligible"
        r"|insignificant|immaterial|irrelevant"
        r"|reassuring)\b"
    ),
    (
        r"\b(?:is|are|was|were|be) (?:entirely |fully |all )?expected\b|\bas expected\b|\bexpected "
        r"(?:behaviou?r|errors?|noise)\b"
    ),
    (
        r"\b(?:business|all) as usual\b|\bnot (?:an? |the )?(?:real |serious |actual )?(?:issue|problem"
        r"|error|concern|incident|bug|worry)\b"
    ),
    (
        r"\b(?:is|are|was|were|been|fully|already|now|all) (?:\w+ )?(?:resolved|solved|fixed|mitigated"
        r"|repaired|remedied|under control)\b"
    ),
    (
        r"\b(?:do not|don'?t|need not|no need to|nobody needs? to) (?:worry|panic|act|care|look|check"
        r"|investigate|escalate)\b"
    ),
)
_ADDRESSED: Final = re.compile(
    r"\b(?i:you|your|yours|yourself|please|kindly|let'?s|we|our|my|must|shall|ought)\b|\b(?:us|me|I)\b"
)
_VERB: Final = (
    r"(?:sell|buy|close|stop|disable|restart|delete|ignore|contact|call|visit|click|open|run|use"
    r"|tell|say|note|mention"
    r"|remember|make|ensure|send|transfer|wire|pay|install|download|execute|kill|shut|remove|reset"
    r"|revert|approve|increase"
    r"|reduce|raise|lower|set|turn|switch|enable|allow|grant|give|add|write|report|drop|double|move"
    r"|publish|post|share"
    r"|forward|email|mail|disregard|trust|treat|cancel|liquidate|withdraw|deposit|unlock|bypass"
    r"|skip|do|go|always|never)"
)
_ORDER: Final = re.compile(
    (
        rf"(?:^|[,.;:!?] |\b(?:and|then|or|but) )(?:(?:do not|don'?t|never|always) )?{_VERB} (?:the|an?|all"
        r"|every|any|this|that|these|those|its|their|them|it|everything|nothing|everyone|now|immediately"
        r"|off|down|up)\b"
    ),
    re.IGNORECASE,
)
_FOREIGN: Final = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")


def soothes(text: str) -> bool:
    """Whether it says that something is well, or may be left alone."""
    lowered = text.lower()
    return any(pattern.search(lowered) for pattern in _COMPILED)


def orders(text: str) -> bool:
    """Whether it speaks to somebody, or tells somebody to do more than to look."""
    return _ADDRESSED.search(text) is not None or _ORDER.search(text) is not None


def is_foreign(text: str) -> bool:
    """Whether letters of another script than Latin are in it."""
    return _FOREIGN.search(text) is not None


_COMPILED: Final = tuple(map(re.compile, _SOOTHING))


def tone_fault(text: str) -> str:
    """Why a claim may not be said whatever it cites; "" when it may."""
    if is_foreign(text):
        return "language"
    if soothes(text):
        return "reassurance"
    return "instruction" if orders(text) else ""
