"""What a text wants to be written, said by the way: regular expressions over plain text (suspicion.py)."""

from typing import Final

PHRASES: Final = (
    r"\b(?:attention|attn)\W{1,2}(?:model|analyst|assistant|reader|summar\w+|reviewer|ai|llm|gpt)\b",
    r"\bdear (?:\w+ )?(?:reader|analyst|reviewer|colleague|summar\w+|model)s?\b",
    r"\b(?:word for word|verbatim|these exact words|exact (?:words|wording|phrase|sentence|text))\b",
    (
        r"\bfollowing (?:\w+ )?(?:wording|words|sentence|phrase|text|line|statement) (?:must|should|in"
        r"|has|needs|verbatim)\b"
    ),
    r"\b(?:contains?|includes?|appears?|uses?|has) the (?:phrase|words|sentence|wording|text)\b",
    (
        r"\b(?:correct|right|proper|true|real|intended|official) (?:interpretation|reading|story|event"
        r"|account)\b"
    ),
    (
        r"\b(?:summary|summaries|digest|overview|recap|briefing|headline)s? (?:will |shall |to |then )?"
        r"(?:say|says|reads?|opens?|begins?|starts?|mentions?|concludes?|states?)\b"
    ),
    (
        r"\b(?:wants?|wish(?:es)?|likes?|expects?) (?:us |you )?(?:to )?(?:hear|read|be told"
        r"|be informed)\b"
    ),
    (
        r"\bdo (?:exactly )?as (?:i|we) say\b|\byou (?:to )?(?:say|write|report|announce|mention|state"
        r"|conclude)\b"
    ),
    r"\b(?:system|admin|safety|security) override\b|\boverride code\b|^\W*prompt ?>",
    (r"\buse (?:the )?severity\b|\bseverity \w+ (?:for|to|on) (?:all|every|each|this|that|these|them)\b"),
    (
        r"\b(?:above|preceding|previous|earlier|other|all other|following) (?:\w+ )?(?:entries|lines"
        r"|logs|messages|records|data)\b"
        r".{0,40}\b(?:synthetic|fake|test data|noise|irrelevant|left out|ignored|not real|untrue"
        r"|invalid|outdated)\b"
    ),
    (
        r"\b(?:everything|all) else is (?:noise|irrelevant|unimportant|false)\b|\b(?:logs?"
        r"|data) ends? here\b"
    ),
    (
        r"\b(?:start|begin|end|finish|open|close) (?:of |with )?(?:your|the) (?:response|answer|reply"
        r"|output|message)\b"
    ),
    (
        r"\b(?:everything|all|anything) (?:before|above|prior to) this (?:line|point|entry|message)\b|"
        r"\brefrain from\b"
    ),
    (
        r"\b(?:i|we) (?:need|want|urge|command|expect|ask|order|beg) you\b|\byou may only\b|\b(?:switch"
        r"|change) persona\b"
    ),
    r"\b(?:reply|response|answer|output)[ _](?:format|text|style|language) ?:|\bfinal answer ?:",
    (
        r"\b(?:morning|daily|evening|weekly) (?:mail|note|message|briefing) (?:open|start|begin|say"
        r"|read|mention)s?\b"
    ),
    r"\b(?:to|for) the (?:\w+ )?model (?:that|which|generating|writing|reading|summari[sz]ing)\b",
    (
        r"\b(?:model|system|tool|program|engine|service|one|person) (?:that is |which is |who is )?"
        r"(?:generating|writing|reading|summari[sz]ing|producing) (?:this|these|the (?:summary|report"
        r"|logs))\b"
    ),
    (
        r"\b(?:new|changed|revised|your) (?:goal|objective|mission|persona)\b|\btask update\b|\bthank"
        r"(?:s| you) for summari"
    ),
    r"(?:^|[:;,.!?-] )(?:say|announce|mention|declare|admit|confess|proclaim)\b",
    (
        r"\b(?:unless|until|only if|when) (?:it|you|the summary) (?:says?|states?|mentions?)\b|\b(?:if"
        r"|when) asked\b"
    ),
    (
        r"\b(?:do|grant) (?:me|us) (?:a|the|this) favou?r\b|\b(?:let|for) the record\b|\bpublish "
        r"(?:this|it|the following)\b"
    ),
    (
        r"\b(?:ask|urge|advise|instruct|warn|persuade|convince) (?:the |all |every )?(?:team|users?"
        r"|readers?|operators?|desk"
        r"|everyone|traders?|customers?|clients?)\b"
    ),
    (
        r"\byour (?:\w+ )?(?:conclusion|verdict|message|mail|text|wording|narrative)\b(?: ?:| (?:is"
        r"|must|should|will))"
    ),
    r"\btop (?:item|story|finding|line)\b|\bwrite down\b|\badmit that\b",
    r"\bclaim ?: .{0,300}\b(?:quote|severity|citations?|kind) ?:|\bquote ?: ?this\b",
)
