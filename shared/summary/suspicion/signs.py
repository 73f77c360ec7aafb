"""Words that instructions to a language model share with honest lines: what counts is which come together
(suspicion.py). Texts are in lower case, without quotes, `*`, `_` and backticks.
"""

from typing import Final

ASKING: Final = (
    r"\b(?:please|kindly|must|should|shall|needs? to|has to|have to|make sure|ensure|remember to"
    r"|be sure|would like"
    r"|want(?:s|ed)?|wish(?:es)?|let us|do not|don ?t|never|could you|can you|would you|go ahead"
    r"|feel free|be so kind"
    r"|grateful|appreciate[ds]?|asks?|asked|requests? that|requested that|orders? that|instead"
    r"|order you|urge)\b"
)
SAYING: Final = (
    r"\b(?:say(?:s|ing)?|tell(?:s|ing)?|said|told|mention(?:s|ed|ing)?|announc(?:e|es|ed|ing)"
    r"|declar(?:e|es|ing)"
    r"|conclud(?:e|es|ing)|(?:add|put|place|paste|prepend) (?:a |an |the |this |it )"
    r"|(?:begin|start|open|end|close|lead|finish)s? with|read that|(?:not|stat)ed that"
    r"|assert(?:s|ing)?|insert(?:s|ing)?|includ(?:e|es|ing)|emphasi[sz](?:e|es|ing)|highlight(?:s"
    r"|ing)?|summari[sz](?:e|es|ing)"
    r"|describ(?:e|es|ing)|respond(?:s|ing)? with|cit(?:e|es|ing)|repeat|echo|write|writes|writing"
    r"|print|reads? as"
    r"|(?:state|report|note|claim|answer|reply|confirm|assure|know|output)s? (?:that|only|with|as|it)"
    r"|(?:put|output|state|label|mark|classify|rate|treat|list|quote|report|present) (?:the|this|it"
    r"|them|all|every|each|exactly|only))\b"
)
PRODUCT: Final = (
    r"\b(?:summar(?:y|ies)|headlines?|findings?|digest|overview|briefing|recap|bulletin|write-?up"
    r"|conclusions?"
    r"|recommendations?|recommended checks|report|reports|first (?:line|sentence|item)|opening "
    r"(?:line|sentence)|title"
    r"|one-?pager|status update"
    r"|daily mail|message to the (?:team|desk)|page)\b"
)
READER: Final = (
    r"\b(?:assistant|language model|llm|chatbot|summari[sz]er|narrator|copilot|(?:whoever|anyone"
    r"|everyone) (?:who )?"
    r"(?:reads?|writes?|reading|writing|summari[sz]es?|summari[sz]ing)|reader of this|author of the"
    r"|ai)\b(?!\.py)"
    r"|(?:^|[\n>#|;.!?)\]-]) {0,3}(?:system|assistant|developer|human|user|ai|instructions?|prompt"
    r"|llm|gpt)\s*(?:\(\w+\))?:\s"
)
YOU: Final = r"\b(?:you|your|yours|yourself)\b"
# Texts that a program would show as more than text: harmless in an error page, but not with `SAYING`.
MARKUP: Final = r"<(?:script|img|a|iframe|style|svg|b|i|h\d|marquee)\b|!\[|\]\(|javascript:"
# What we make, by names that no bot has for anything.
OURS: Final = r"\b(?:headlines?|findings?|recommended checks?|summar(?:y|ies) (?:line|text|above|below))\b"
# What is written about a log, and who writes and reads it: not what bots write about.
ABOUT: Final = (
    r"\b(?:summar(?:y|ies|i[sz]e|i[sz]es|i[sz]ed|i[sz]ing|i[sz]ation|i[sz]er)|headlines?|findings?"
    r"|recap|overview|digests?|bulletin"
    r"|(?:these|those|this|above|following|preceding) (?:logs?|entries|entry|lines?|sentences?"
    r"|phrases?|wording|text|window)"
    r"|language models?|llms?|ais?|chatgpt|gpt|assistants?|chatbots?|prompts?|instruct(?:ions?|ed)"
    r"|training|readers?|analysts?|narrators?|reporters?|editors?|authors?|writers?|stakeholders"
    r"|behaviou?r|the user|everyone|everybody|sentences?|phrases?|wording|narrative|write-?up"
    r"|in the (?:form|format|style))\b"
)
# A verb in the imperative: at a begin, or behind what asks.
TELLING: Final = (
    r"(?:^|[:.,;!?>)\]#|-] ?|\b(?:and|then|please|kindly|you|always|must|should|will|shall|to|just"
    r"|only|simply|now) )"
    r"(?:say|tell|state|write|print|emit|output|repeat|conclude|mention|report|include|add|set|use"
    r"|mark (?:the|this|it|these|them|all|every|each)|list|notify"
    r"|announce|answer|respond|reply|finish|lead|begin|start|simulate|pretend|rewrite|translate"
    r"|continue|post|quote (?:the|this|it|these|them)"
    r"|cite|declare|describe|present|summari[sz]e|inform|assure|convince|know|believe|echo|insert"
    r"|append|replace|label"
    r"|classify|treat|render|display|copy|paste|produce|generate|compose|draft|phrase|note|publish"
    r"|admit|write down)\b"
)
# What was to be done and was not is no order.
TRIED: Final = (
    r"\b(?:failed|unable|able|trying|tried|tries|attempt\w*|refused|going|about|not|cannot"
    r"|could not|would|did|does|do"
    r"|couldn ?t|didn ?t|doesn ?t|can ?t|won ?t|is|are|was|were|has|have|had|job|asked|used|due"
    r"|need|needs|ready|queued"
    r"|scheduled|time|took|waiting|retrying|wants?) (?:to |not )?\w+"
)
