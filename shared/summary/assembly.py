"""Puts the service together from its settings, and says what is wrong with them."""

from collections.abc import Callable, Mapping
from datetime import tzinfo

from shared.config import SummarySettings
from shared.errors import ConfigError
from shared.limits import Rate
from shared.redact import Redactor
from shared.sources.source import LogSource
from shared.state import GuardedStore
from shared.summary.archive import Archive
from shared.summary.deliver import Deliveries, Sender
from shared.summary.delivery.post import check_hook_url
from shared.summary.delivery.slack import SlackSender
from shared.summary.delivery.webhook import WebhookSender
from shared.summary.document import Target
from shared.summary.model import OpenAiModel
from shared.summary.reading import Reader
from shared.summary.schedule import parse_market_hours, parse_schedules
from shared.summary.service import Service
from shared.summary.spend import Prices, Purse, parse_prices
from shared.summary.wording import Writer

__all__ = ["Service", "faults", "service"]


def faults(settings: SummarySettings) -> list[tuple[str, str]]:
    """Each setting that cannot be used, with a sentence that names it and prints no value."""
    checks: tuple[tuple[str, str, Callable[[str], object]], ...] = (
        ("OPENAI_BASE_URL", settings.openai_base_url, check_hook_url),
        ("OPENAI_PRICES", settings.openai_prices, parse_prices),
        ("SUMMARY_RATE_LIMIT", settings.summary_rate_limit, Rate.parse),
        ("SUMMARY_SCHEDULES", settings.summary_schedules, parse_schedules),
        ("MARKET_HOURS", settings.market_hours, parse_market_hours),
        ("SLACK_WEBHOOK_URL", settings.slack_webhook_url, check_hook_url),
        ("SUMMARY_WEBHOOK_URL", settings.summary_webhook_url, check_hook_url),
    )
    found = []
    for name, value, check in checks:
        try:
            if value:
                check(value)
        except ValueError as exc:
            found.append((name, f"{name}: {exc}" if "address" in str(exc) else f"{name} {exc}"))
    return found


def service(
    settings: SummarySettings,
    *,
    sources: Mapping[str, Callable[[], LogSource]],
    redactor: Redactor,
    zone: tzinfo,
    project: str,
    store: GuardedStore,
    clock: Callable[[], float],
    salt: str,
    deadline_s: float,
    max_bytes: int,
) -> Service:
    """Summaries of these sources. `zone` is that of times without an offset; `project` is "" where there is
    no console to link to. Without a key the rules write.

    Raises: ConfigError for settings that came as secrets, and could not be judged at the start.
    """
    if wrong := faults(settings):
        raise ConfigError([sentence for _, sentence in wrong])
    market = parse_market_hours(settings.market_hours).zone
    model = None
    if settings.openai_api_key:
        model = OpenAiModel(
            settings.openai_api_key,
            settings.openai_model,
            settings.openai_max_output_tokens,
            settings.openai_base_url,
        )
    senders = _senders(settings, project, market, clock)
    return Service(
        Reader(sources, redactor, zone, store, salt),
        Writer(
            model,
            Purse(store, clock, settings.summary_daily_usd),
            Prices(parse_prices(settings.openai_prices)),
            redactor,
            market,
        ),
        Archive(store, clock),
        Deliveries(store, senders, clock),
        store,
        market,
        frozenset(senders),
        deadline_s,
        max_bytes,
        salt,
    )


def _senders(
    settings: SummarySettings, project: str, market: tzinfo, clock: Callable[[], float]
) -> dict[Target, Sender]:
    senders: dict[Target, Sender] = {}
    if settings.slack_webhook_url:
        senders["slack"] = SlackSender(settings.slack_webhook_url, market, project)
    if settings.summary_webhook_url:
        key = settings.webhook_signing_key.encode()
        senders["webhook"] = WebhookSender(settings.summary_webhook_url, key, clock)
    return senders
