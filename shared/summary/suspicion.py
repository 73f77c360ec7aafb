"""Texts that read like an instruction to a language model: never shown to one, and never believed.

This is the first of two defences, and it may err on the side of caution, for what it holds back is still
counted and can be opened by its id. What it misses meets verify.py.
"""

import re
import unicodedata
from functools import cache
from typing import Any, Final

_MAX_CHARS: Final = 20_000
_INVISIBLE: Final = re.compile(
    "[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_SPACES: Final = re.compile(r"[\s_*`\"'“”‘’]+")

_MODEL: Final = r"(?:ai|llms?|model|language model|assistant|chatbot|gpt|chatgpt|claude|gemini|summari[sz]er|summary writer)"
_RULES: Final = r"(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|guardrails?|orders|constraints|polic(?:y|ies))"
_OUTPUT: Final = r"(?:summar(?:y|ies)|headline|findings?|report|answer|response|reply|output|digest|claims?|recommended checks|verdict)"
_SAY: Final = (
    r"(?:respond|reply|answer|output|say|print|write|state|claim|conclude|tell|announce|declare|emit|return|repeat"
    r"|echo|summari[sz]e|report|mention|cite|quote|include|append|insert|recommend|translate|reveal|show|confirm|assure)"
)
_PHRASES: Final = (
    # Away with the rules, in whatever words.
    rf"\b(?:ignore|disregard|forget|override|bypass|discard|drop|skip|neglect|cancel|erase)\b.{{0,60}}\b{_RULES}\b",
    r"\b(?:ignore|disregard|forget)\b.{0,30}\b(?:above|previous|prior|preceding|earlier|everything|all of (?:the|that)|what you)\b",
    rf"\b(?:new|updated?|real|actual|revised|secret|hidden|following|additional|system|developer) (?:and \w+ )?{_RULES}\b",
    rf"\b{_RULES} (?:for|to) (?:the |an? |any |all |every )?{_MODEL}\b",
    r"\b(?:system|developer|initial|hidden) (?:prompt|message|instructions?)\b",
    r"\b(?:jailbreak|prompt injection|developer mode|dan mode|do anything now|god mode|sudo mode)\b",
    # Whoever reads is spoken to.
    rf"\b(?:dear|hey|hello|hi|attention|note to|message to|memo to|important for|hint for|instruction for|for the|to the|to any|to all) (?:the |an? )?{_MODEL}\b",
    rf"\byou are (?:now |hereby |actually |from now on )?(?:an? |the |my |no longer )?(?:\w+ )?(?:{_MODEL}|bot that|helpful|unrestricted|free|dan|admin|root|expert)\b",
    rf"\bas (?:an? |the )?{_MODEL}\b,? (?:you|your)\b",
    rf"\b{_MODEL}\b[,:]? (?:must|should|shall|please|you|will now|has to|needs to|is to)\b",
    r"\byour (?:task|job|role|goal|mission|purpose|instructions?|real|new|only|answer|response|reply|summary|output|findings?|headline)\b",
    r"\byou (?:must|should|shall|will|have to|need to|can|may|are to|ought to)\b.{0,40}"
    + rf"\b(?:{_SAY}|follow|obey|comply|pretend|act|call|use|send|mark|classify|rate|set|treat|stop|ignore|always|never|only|not)\b",
    r"\b(?:pretend|act as|roleplay|role play|imagine|behave) (?:that |as |to |like )?(?:you|if|an?|the)\b",
    r"\b(?:from now on|henceforth|for the rest of|starting now|effective immediately)\b.{0,60}\b(?:you|all|every|always|never|only|must|"
    + rf"{_SAY})\b",
    r"\b(?:follow|obey|execute|comply with|carry out|adhere to) (?:the|these|this|my|all|every|any|following|instructions?|commands?|orders?)\b.{0,30}"
    r"\b(?:instructions?|commands?|orders?|steps?|directions?|request|below|exactly)\b",
    # What the answer is to be.
    rf"\b(?:the |your |this |any |every |each |all )?{_OUTPUT} (?:must|should|shall|has to|have to|needs? to|is to|are to|will|ought to)\b",
    rf"\b(?:in|into|to|as|of|for|from) (?:the|your|its|every|each) (?:\w+ )?{_OUTPUT}\b",
    rf"\b(?:set|make|change|replace|begin|start|end|prefix|finish|fill|write) (?:the |your |all |every |with the )?(?:\w+ )?{_OUTPUT}\b",
    rf"\b{_SAY} (?:only|exactly|instead|verbatim|literally|nothing (?:but|else|about|except)|the (?:following|words?|phrase|sentence|text|string|above)|this (?:exactly|verbatim|sentence|text|instead))\b",
    rf"\b(?:please|instead|now|then|just|simply|always|only|kindly|must|should|to|and|you|:|;|\.|!|^) {{0,2}}{_SAY} (?:to (?:the )?(?:user|team|reader|operator|everyone) )?that\b",
    rf"\b(?:do not|don ?t|never|must not|avoid|refrain from|stop|without) (?:ever )?(?:{_SAY}|mentioning|reporting|including|quoting|citing|flagging|revealing|flag|disclose|alert|escalate|raise|list|count|show|warn)\b",
    r"\b(?:set|mark|classify|label|rate|treat|downgrade|lower|raise|report|consider|upgrade) (?:\w+ ){0,4}(?:severity|priority|as (?:info|debug|notice|harmless|resolved|benign|safe|critical|emergency|false positives?|spam|fixed|normal|ok))\b",
    r"\b(?:severity|priority|criticality) (?:to|must|should|is now|=) (?:be )?(?:info|debug|notice|none|low|zero|critical|emergency)\b",
    r"\bcite (?:entry |id |only |the |as |e\d)",
    r"\b(?:decode|decrypt|base64|rot13|translate|unescape)\b.{0,60}\b(?:follow|obey|execute|and do|then do|as instructions?|and (?:comply|act|print|say|output))\b",
    r"\b(?:everything|all(?: systems| bots| is| trades| services)?|nothing|no (?:errors?|problems?|issues?|incidents?|failures?)) (?:is|are|was|were|went|to report|found|occurred|happened|has been|have been) ?(?:fine|ok|okay|healthy|well|normal|good|green|operational|perfect|nominal|safe|wrong|reported|detected|found|working)?\b.{0,40}\b(?:say|tell|report|state|claim|write|conclude|summar)",
    # Marks of a conversation or a template.
    r"<\|? ?/?(?:im ?start|im ?end|system|assistant|user|endoftext|start header id|end header id|eot id|inst|sys)\b",
    r"\[/?(?:inst|sys|assistant|instruction)\]|<<\s*/?sys\s*>>",
    r"(?:^|[\n>#|;.!?)\]-]) {0,3}(?:system|assistant|developer|human|user|ai|instruction|instructions|prompt)\s*:\s",
    r"#{2,} ?(?:system|instruction|instructions|assistant|response|new task|task|prompt|end of|begin)\b",
    r"\b(?:begin|end|start|close|stop)(?: of)? (?:data|logs?|prompt|instructions?|context|input|untrusted|conversation|transcript)\b",
    r"\"?(?:role|tool calls?|function call)\"? ?: ?\"?(?:system|assistant|developer|\[|\{)",
    # The same in languages that attackers like.
    r"\b(?:ignoriere|vergiss|missachte)\b.{0,40}\b(?:anweisung\w*|regeln|alles|vorherige\w*|bisherige\w*)",
    r"\b(?:ignor(?:ez|e|a|are)|olvida|oublie[zr]?|dimentica)\b.{0,40}\b(?:instruc\w+|instruction\w*|istruzioni|consignes|anteriores|précédente\w*|precedenti|todo|tout)",
    r"(?:अनदेखा|नज़रअंदाज़|भूल जा)|(?:निर्देश)|忽略.{0,12}(?:指令|指示|说明|提示)|(?:игнорируй|забудь).{0,40}(?:инструкц|указан)|無視して|指示に従",
)


@cache
def _compiled() -> Any:
    return re.compile("|".join(f"(?:{phrase})" for phrase in _PHRASES), re.IGNORECASE)


def is_suspicious(text: str) -> bool:
    """Whether a text reads like an instruction to a language model, under whatever spelling."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text[:_MAX_CHARS]))
    return _compiled().search(_SPACES.sub(" ", plain)) is not None
