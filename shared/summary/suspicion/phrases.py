"""The words of instructions to a language model, as regular expressions over plain text (suspicion.py).

One is enough. Texts are in lower case, without quotes, `*`, `_` and backticks.
"""

from typing import Final

_MODEL: Final = (
    r"(?:ai|llms?|(?:language|ai) models?|model reading this|assistant|chatbot|(?:chat)?gpt|claude"
    r"|gemini|copilot"
    r"|summari[sz]er|summari[sz]ation (?:model|tool|system)|summary writer|report writer|ai "
    r"(?:system|tool|reader))"
)
_RULES: Final = (
    r"(?:instructions?|prompts?|guidance|rules|directions|directives?|guidelines?|guardrails?"
    r"|constraints|policies"
    r"|what (?:you|i) (?:were|was) told|(?:everything|all|anything) (?:above|before|so far))"
)
_SAY: Final = (
    r"(?:respond|reply|answer|output|say|print|write|state|conclude|tell|announce|declare|emit"
    r"|repeat|echo"
    r"|summari[sz]e|mention|cite|include|append|insert|recommend|reveal|assure)"
)
_OUTPUT: Final = (
    r"(?:summar(?:y|ies)|headlines?|findings?|digest|overview|briefing|recap|bulletin|write-?up"
    r"|conclusions?"
    r"|recommendations?|recommended checks)"
)

PHRASES: Final = (
    # Away with the rules, in whatever words.
    (
        r"\b(?:ignore|ignoring|disregard|forget|override|bypass|discard|neglect|erase|skip|drop"
        rf"|cancel)\b.{{0,60}}\b{_RULES}"
    ),
    (
        r"\b(?:ignore|disregard|forget)\b.{0,30}\b(?:above|previous|prior|preceding|earlier|all of "
        r"(?:the|that)|what you)\b"
    ),
    rf"\b(?:new|updated|real|actual|revised|secret|hidden|additional|overriding) (?:and \w+ )?{_RULES}",
    rf"\b{_RULES} (?:for|to) (?:the |an? |any |all |every )?{_MODEL}\b",
    (
        r"\b(?:system|developer|initial|hidden) (?:prompt|instructions?)\b(?! (?:loaded|built|has|of"
        r"|for|length|with)\b)|\b(?:system"
        r"|developer) message[: ]*(?:$|[^\w ]|to\b)"
    ),
    (
        r"\b(?:jail ?break|prompt injection|(?:developer|debug|dan|god|sudo|admin) mode (?:on|enabled"
        r"|activated)|do anything now)"
    ),
    # Whoever reads is spoken to.
    (
        r"\b(?:dear|hey|hello|hi|attention|attn|note to|message to|memo to|important for|hint for"
        r"|notice to"
        rf"|reminder (?:for|to)|todo|for the|to the|to any|to all)[ (:]{{1,2}}(?:the |an? |any "
        rf"|all )?{_MODEL}\b"
    ),
    (
        r"\byou are (?:now |hereby |actually |from now on )?(?:an? |the |my |no longer )?(?:\w+ )?"
        rf"(?:{_MODEL}|helpful|unrestricted|free to|dan|root|expert)\b"
    ),
    rf"\bas (?:an? |the )?{_MODEL}\b,? (?:you|your)\b",
    (
        rf"\b(?:any |the |dear )?{_MODEL}(?: reading (?:this|these logs)| that reads this)?[,:]? "
        r"(?:must|should|shall|please|you|has to|is to)\b"
    ),
    (
        r"\b(?:pretend|roleplay|role play|behave|act) (?:that |as if |as though |like |as )(?:you|it"
        r"|this|the|all|there)\b"
    ),
    r"\b(?:imagine|suppose|assume) (?:that )?you\b|\brepeat after me\b|\b(?:over and )?out loud\b",
    (
        r"\b(?:from now on|henceforth|effective immediately|starting now)\b.{0,60}"
        rf"\b(?:you|always|never|only|must|{_SAY})\b"
    ),
    (
        r"\b(?:follow|obey|execute|comply with|carry out|adhere to) (?:the|these|this|my|all|every|any)"
        r"\b.{0,30}"
        r"\b(?:instructions?|commands?|directions?|request|below|exactly)\b"
    ),
    (
        r"\byour (?:task|job|role|goal|mission|purpose|instructions?|real|new|only|answer|reply|summary"
        r"|output|findings?|headline)\b"
    ),
    # What the answer is to be.
    (
        rf"\b(?:the|this|your|its|any|every|each|a) (?:\w+ ){{0,2}}{_OUTPUT} (?:\w+ ){{0,3}}(?:must"
        r"|should|shall|has to|have to|needs? to|is to|are to|ought to|will)\b"
    ),
    rf"\b(?:in|into|to|as|of|for|from|with) (?:the|your|its|every|each|this) (?:\w+ )?{_OUTPUT}\b",
    (
        r"\b(?:set|make|change|replace|begin|start|end|prefix|finish|fill|open|lead) (?:the |your "
        rf"|all |every |with the |with a )(?:\w+ )?{_OUTPUT}\b"
    ),
    (
        rf"\b{_SAY} (?:only|exactly|verbatim|literally|nothing (?:but|else|about|except)|the following"
        r"|this (?:exactly|verbatim|sentence|text|instead)|these words)\b"
    ),
    (
        rf"\b(?:please|instead|just|simply|kindly|must|should|and|you|let me|i) {_SAY} (?:to "
        r"(?:the )?\w+ )?that\b"
    ),
    rf"(?:^|[.:;!?>)\]-] ?)(?:{_SAY}|report|confirm|assert|claim|note) (?:to (?:the )?\w+ )?that\b",
    (
        r"\b(?:tell|inform|assure|notify|remind) (?:the |all |every )?(?:\w+ )?(?:team|users?|readers?"
        r"|operators?|desk|everyone|them|humans?|people|management) (?:that|to|about|it|all|everything"
        r"|nothing|there)\b"
    ),
    (
        r"\b(?:let|make) (?:the |every )?(?:\w+ )?(?:team|users?|readers?|operators?|desk|everyone|them"
        r"|us|people) (?:know|believe|think)\b"
    ),
    (
        rf"\b(?:do not|don ?t|never|must not|avoid|refrain from|stop) (?:ever )?(?:{_SAY}|mentioning"
        r"|reporting"
        r"|including|quoting|citing|flagging|revealing|flag|report|disclose|alert|escalate|warn|list"
        r"|count|quote|show)\b"
        r"(?! (?:received|found|sent|to))"
    ),
    (
        r"\b(?:mark|classify|label|rate|treat|downgrade|upgrade|report|consider|regard|present|describe"
        r"|show|rank) "
        r"(?:\w+ ){1,5}?(?:severity|priority|as (?:an? )?(?:info|debug|notice|warning|harmless|resolved"
        r"|benign|safe|critical"
        r"|emergency|false positives?|spam|fixed|normal|ok|fine|noise|unimportant|informational"
        r"|expected|minor))\b"
    ),
    (
        r"\b(?:severity|priority|criticality) (?:of (?:\w+ ){1,4})?(?:to|must|should|is now|as|=) "
        r"(?:be )?"
        r"(?:set )?(?:to )?(?:info|debug|notice|none|low|zero|critical|emergency)\b"
    ),
    (
        r"\bcite (?:entry |entries |id |ids |only |the |as |it |e\d)|\b(?:citing|cites|with id"
        r"|quoting) e\d+\b|\bcitations? ?[:=(\[]"
    ),
    (
        r"\b(?:decode|decrypt|unescape|rot13|reverse|read) (?:this|the following|it|backwards?|and "
        r"(?:follow|obey|act|comply|do|say|print|output))"
    ),
    (
        r"\b(?:headline|findings?|recommended checks?|(?:first|opening) (?:line|sentence|item)"
        r"(?: of the \w+)?)\b.{0,40}?"
        r"(?: (?:is|are|reads?|says?|shall be)\b|:|->|=)"
    ),
    (
        r"\b(?:expected|correct|desired|ideal|right|sample|example|good|proper|perfect)(?: of (?:an? "
        r"|the )?)? ?(?:\w+ )?"
        r"(?:output|answer|headline|finding|response|summary|reply|report|conclusion)s?\b.{0,30}?(?: "
        r"(?:is|reads?|says?)\b|:|->|=)"
    ),
    r"\b(?:in|quote|quotes|cite|see|from|with|as) e\d{1,3}\b",
    (r"\b(?:therefore|hence|thus|so|accordingly) (?:say|report|write|state|conclude|mention|announce)\b"),
    (
        r"\b(?:and|please|then|instead|now|so|just|only) (?:say|write|output|state|answer|reply|respond"
        r"|conclude|announce|mention) ?:"
    ),
    (
        r"\b(?:write|compose|tell|sing)(?: \w+)? an? (?:\w+ )?(?:poem|story|song|joke|essay|haiku|tale)"
        r"\b|\blet ?s play\b"
    ),
    (
        r"\b(?:summar(?:y|ies)|headline|report|overview|digest) to (?:say|state|read|include|mention"
        r"|announce|conclude|begin|start)\b"
    ),
    (
        r"\b(?:summaries|summarisers|summarizers|assistants|language models|llms|chatbots)\b.{0,40}\b"
        r"(?:required|must|have to|should"
        r"|shall|need to|are to|announce|include|expected)\b"
    ),
    r"\byour (?:\w+ )?(?:prompt|instructions|summary|headline|report|overview|findings)\b",
    r"\bq: .{0,200}\ba: ",
    (
        r"\b(?:please|kindly) (?:say|write|mention|announce|state|tell|repeat|print|output|quote|cite"
        r"|conclude|declare)\b"
    ),
    (
        r"(?://|#|/\*|<!--|--) ?(?:\w+[ -](?:for|to) (?:the )?)?(?:ai|llm|gpt|assistant|model|claude"
        r"|copilot)\b ?[^\w .,\]-]"
    ),
    # Marks of a conversation, of a template, of our own data.
    (
        r"<\|? ?/?(?:im ?start|im ?end|system|assistant|user|endoftext|start header id|end header id"
        r"|eot id|inst|sys|instructions?|prompt|important|admin)\b"
    ),
    r"\[/?(?:inst|sys|assistant|instructions?)\]|\[/system\]|<<\s*/?sys\s*>>",
    r"(?:#|/) ?(?:todo|note|fixme|hint)? ?\((?:ai|llm|gpt|assistant|model|claude|copilot)\)",
    (
        r"## ?(?:system|instructions?|assistant|response|new task|task|prompt|end of|begin|human"
        r"|user)\b"
    ),
    (
        r"\b(?:begin|end|start|close|stop)(?: of)?(?: the)? (?:data|prompt|instructions?|context"
        r"|untrusted|conversation|transcript|user input)\b"
        r"(?! (?:capture|transfer|sync|load|feed|stream|download|fetch|backfill))"
    ),
    r"\bdata [0-9a-f]{8,} ?>|<< ?data\b|>{3}",
    r"\brole ?: ?(?:system|assistant|developer|user)\b|\b(?:tool calls?|function call) ?: ?[\[{]",
    r"\b(?:headline|findings|recommended checks|citations|recommended_checks) ?:",
    r"\[ ?(?:debug|info|notice|warning|error|critical|alert|emergency) ?, ?\d+ ?,",
    r"\b(?:by severity|by bot|silent bots|left out) ?: ?[\[{]",
    (
        r"\b(?:note|message|memo|hint|instructions?)[ _](?:to|for)[ _](?:the[ _])?(?:ai|llm|model"
        r"|assistant|gpt)\b"
    ),
)
