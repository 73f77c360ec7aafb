"""Who words a summary: the model, when there is one and money, and it tells the truth; else the rules."""

import logging
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final

import msgspec

from shared import metrics
from shared.metrics import table
from shared.redact import Redactor
from shared.sources.source import Warn
from shared.summary import rules
from shared.summary.document import RULES, Finding, Type, Usage
from shared.summary.model import Answered, Model, ModelFailed, Used
from shared.summary.prompt import Prompt
from shared.summary.select import Selection
from shared.summary.spend import Prices, Purse
from shared.summary.verify import Draft, Verdict, Verifier

_REASONS: Final = {
    "bad_answer": "The model's answer was not of the shape that was asked for.",
    "cut": "The model's answer was cut off.",
    "gave_up": "Earlier attempts of this run did not come to their end.",
    "over_limit": "The day's spending limit for models is reached.",
    "rate_limited": "The model is asked too often.",
    "refused": "The model refused to answer.",
    "rejected": "The model's server rejected the request.",
    "timeout": "The model did not answer in time.",
    "too_large": "The model's answer was too large.",
    "unreachable": "The model could not be reached.",
    "unverified": "Too little of the model's answer was borne out by the entries that it cites.",
}
# What failed for the caller or the run, and not for others who ask the same.
_OWN: Final = frozenset({"gave_up", "over_limit"})
SETTLED_S: Final = 86_400.0
# For what a better try may improve: as long as who waits for it needs.
UNSETTLED_S: Final = 60.0
_MICRO: Final = 1_000_000
_logger = logging.getLogger(__name__)


class Worded(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a summary that is not counted, and the patterns it was made from.

    `kept_s`: how long others who ask the same get it. A day when asking again would give nothing better; not
    at all when it is for reasons of this caller's that it is no better.
    """

    generator: str
    selection: Selection
    headline: str
    findings: tuple[Finding, ...]
    checks: tuple[str, ...]
    usage: Usage = Usage()
    warnings: tuple[Warn, ...] = ()
    kept_s: float = SETTLED_S


class Writer:
    """Words summaries; `model` None: by the rules alone. `zone` is the market's."""

    def __init__(
        self, model: Model | None, purse: Purse, prices: Prices, redactor: Redactor, zone: tzinfo
    ) -> None:
        self._model = model
        self._purse = purse
        self._prices = prices
        self._redactor = redactor
        self._zone = zone

    @property
    def name(self) -> str:
        """Who would write."""
        return self._model.name if self._model else RULES

    def write(
        self,
        prompt: Prompt,
        facts: dict[str, Any],
        kind: Type,
        *,
        caller: str,
        timeout_s: float,
        whole: bool = True,
        may_call: Callable[[], bool] = lambda: True,
    ) -> Worded:
        """Always an answer. `whole`: nothing of the window is missing. `may_call` is asked, once, just before
        a model is."""
        by_rules = self._by_rules(prompt, facts, kind, whole=whole)
        if self._model is None or not prompt.selection.rows:
            return by_rules  # a model that is shown nothing has nothing to cite
        usage = Usage()
        try:
            answered, usage = self._ask(self._model, prompt, caller, timeout_s, may_call)
            if isinstance(answered, ModelFailed):
                raise answered
            verdict = self._judged(prompt, facts, answered.draft)
            self._count(verdict)
            if not verdict.suffices:
                raise ModelFailed("unverified")
        except ModelFailed as failed:
            metrics.add(table.MODEL_FAILURES, reason=failed.reason)
            kept_s = 0.0 if failed.reason in _OWN else UNSETTLED_S
            warning = Warn("model", failed.reason, f"{_REASONS[failed.reason]} The rules wrote this summary.")
            return msgspec.structs.replace(by_rules, usage=usage, warnings=(warning,), kept_s=kept_s)
        return Worded(
            generator=self._model.name,
            selection=prompt.selection,
            headline=verdict.headline or by_rules.headline,
            findings=verdict.findings,
            checks=verdict.checks or by_rules.checks,
            usage=usage,
        )

    def _by_rules(self, prompt: Prompt, facts: dict[str, Any], kind: Type, *, whole: bool) -> Worded:
        selection = rules.own_selection(prompt.selection)
        own = rules.write(selection, facts, kind, self._zone, whole=whole)
        return Worded(
            generator=RULES,
            selection=selection,
            headline=own.headline,
            findings=own.findings,
            checks=own.checks,
        )

    def _ask(
        self, model: Model, prompt: Prompt, caller: str, timeout_s: float, may_call: Callable[[], bool]
    ) -> tuple[Answered | ModelFailed, Usage]:
        """The model's answer or why there is none, and what it cost."""
        most = self._prices.micro_usd(model.name, prompt.tokens, model.max_output_tokens)
        booking = self._purse.book(caller, most)
        if not booking:
            return ModelFailed("over_limit"), Usage()
        if not may_call():
            self._purse.correct(booking, most, 0)
            return ModelFailed("gave_up"), Usage()
        try:
            answered = model.ask(prompt, timeout_s)
        except ModelFailed as failed:
            cost = 0 if failed.free else self._cost(model, failed.used, most)
            self._purse.correct(booking, most, cost)
            return failed, self._usage(failed.used, cost, prompt) if failed.used else Usage()
        cost = self._cost(model, answered.used, most)
        self._purse.correct(booking, most, cost)
        # A server that does not tell is taken to have used what it might.
        return answered, self._usage(
            answered.used or Used(prompt.tokens, model.max_output_tokens), cost, prompt
        )

    def _cost(self, model: Model, used: Used | None, most: int) -> int:
        return self._prices.micro_usd(model.name, used.prompt, used.completion) if used else most

    def _usage(self, used: Used, cost: int, prompt: Prompt) -> Usage:
        """Counted, and as a summary tells it."""
        metrics.add(table.MODEL_TOKENS, used.prompt, kind="prompt")
        metrics.add(table.MODEL_TOKENS, used.completion, kind="completion")
        metrics.add(table.MODEL_COST, cost / _MICRO)
        if used.prompt > prompt.tokens:
            _logger.warning("a prompt of %d estimated tokens had %d", prompt.tokens, used.prompt)
        return Usage(prompt_tokens=used.prompt, completion_tokens=used.completion, cost_usd=cost / _MICRO)

    def _judged(self, prompt: Prompt, facts: dict[str, Any], draft: Draft) -> Verdict:
        """What of a draft may be said. Raises: ModelFailed."""
        try:
            return Verifier(prompt, facts, self._redactor, self._zone).verdict(draft)
        except Exception as exc:  # noqa: BLE001 - what cannot be judged is not believed, and there is a page
            # No traceback: what a model wrote could stand in it.
            _logger.error("a model's answer could not be judged: %s", type(exc).__name__)  # noqa: TRY400
            raise ModelFailed("unverified") from None

    def _count(self, verdict: Verdict) -> None:
        if lost := sum(verdict.dropped.values()):
            metrics.add(table.CLAIMS_DROPPED, lost)
            _logger.info("claims dropped: %s", dict(verdict.dropped))
