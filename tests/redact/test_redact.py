"""Redaction: every kind of secret in every form, ordinary lines untouched, in little time.

The secrets are made up, and put together from parts so that no scanner takes this file for a leak.
"""

import base64
import csv
import hashlib
import hmac
import io
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from benchmarks.bench_redact import measure, ordinary_lines
from shared.redact import Redactor
from shared.redact.numbers import luhn_holds, verhoeff_holds

KEY = b"a key for tests, 32 bytes long.."
PLACEHOLDER = re.compile(r"\[([A-Z_]+):[0-9a-f]{6}\]")
MIXED = "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cD2eF4gH6jK8mN0pQ"
LINE_OF_KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
JWT = ".".join(("ey" + "JhbGciOiJIUzI1NiJ9", "ey" + "JzdWIiOiJib3QtMTIifQ", "s1gN4tur3-" + MIXED[:20]))
PEM = (
    f"-----BEGIN {'PRIVATE'} KEY-----\n{LINE_OF_KEY}\n{LINE_OF_KEY[::-1]}\nQ2Fk==\n-----END PRIVATE KEY-----"
)
BASIC = base64.b64encode(b"bot:" + MIXED[:9].encode()).decode()
CARD = "4" + "1" * 15
AADHAAR = "2345" + "6789" + "0124"

# What is planted: name -> (the text around it, the secret, the kind of its placeholder).
PLANTED: dict[str, tuple[str, str, str]] = {
    "openai": ("key {} used", "sk" + "-" + MIXED, "API_KEY"),
    "openai project": ("key {} used", "sk" + "-proj-" + MIXED, "API_KEY"),
    "google api": ("maps: {}", "AI" + "za" + MIXED[:35], "API_KEY"),
    "google oauth": ("got {}", "ya" + "29." + MIXED, "API_KEY"),
    "aws id": ("signed by {}.", "AK" + "IA" + "Q3EXAMPLE7TRADER"[:16], "API_KEY"),
    "aws temporary id": ("signed by ({})", "AS" + "IA" + "Q3EXAMPLE7TRADER"[:16], "API_KEY"),
    "aws secret": ("for aws use {} now", "wJ4lr" + "XUtnFEMIaK7MDENGabPxRfiCYzzEXAMPLEKEY"[:35], "API_KEY"),
    "slack token": ("posting with {}", "xo" + "xb-" + "123456789012-" + MIXED[:24], "API_KEY"),
    "slack hook": ("https://hooks.slack.com/services/{}", "T00000000/B00000000/" + MIXED[:24], "API_KEY"),
    "github": ("clone with {}", "gh" + "p_" + MIXED[:36], "API_KEY"),
    "github fine-grained": ("clone with {}", "github" + "_pat_" + MIXED, "API_KEY"),
    "stripe": ("charge by {}", "sk" + "_live_" + MIXED[:24], "API_KEY"),
    "stripe restricted": ("charge by {}", "rk" + "_live_" + MIXED[:24], "API_KEY"),
    "stripe webhook": ("signed {}", "wh" + "sec_" + MIXED[:32], "API_KEY"),
    "telegram bot": ("alerts by {}", "987654321" + ":AA" + MIXED[:33], "API_KEY"),
    "telegram url": ("https://api.telegram.org/bot{}/send", "987654321" + ":AA" + MIXED[:33], "API_KEY"),
    "kite enctoken": ("enctoken={}", MIXED[:40] + "==", "TOKEN"),
    "kite authorization": ("Authorization: token {}", "kitekey1:" + MIXED[:32], "TOKEN"),
    "kite api secret": ("api_secret={}", MIXED[:32].lower(), "SECRET"),
    "kite access token": ("access_token: {}", MIXED[:32], "TOKEN"),
    "kite request token": ("/redirect?request_token={}&status=success", MIXED[:32], "TOKEN"),
    "upstox code": ("https://bot.example.com/callback?code={}&state=1", "mk404x", "TOKEN"),
    "angel one feed": ('{{"feedToken": "{}"}}', MIXED[:30], "TOKEN"),
    "angel one key": ("X-PrivateKey: {}", MIXED[:8], "PRIVATE_KEY"),
    "pem": ("loaded {} from disk", PEM, "PRIVATE_KEY"),
    "pem in json": ("loaded {} from disk", PEM.replace("\n", "\\n"), "PRIVATE_KEY"),
    "jwt": ("session <{}>", JWT, "JWT"),
    "bearer jwt": ("Authorization: Bearer {}", JWT, "JWT"),
    "bearer": ("header was bearer {}", MIXED[:28], "TOKEN"),
    "basic": ("Authorization: Basic {}", BASIC.rstrip("="), "TOKEN"),
    "password in url": ("redis://bot:{}@10.0.0.5:6379/0", "s3cr3t-pw", "PASSWORD"),
    "password =": ("login password={} failed", "hunter2", "PASSWORD"),
    "password :": ("Password: {}", "correcthorse", "PASSWORD"),
    "password in json": ('{{"user": "bot", "password": "{}"}}', "two words 9", "PASSWORD"),
    "password in repr": ("{{'db_password': '{}', 'n': 1}}", "tr0ub4dor", "PASSWORD"),
    "password option": ("run --password {} --fast", "hunter2", "PASSWORD"),
    "signed url": ("https://x.example.com/o?X-Goog-Signature={}", MIXED, "TOKEN"),
    "secret in query": ("https://x.example.com/o?a=1&client_secret={}&b=2", MIXED[:20], "SECRET"),
    "cookie": ("Cookie: {}", "sid=" + MIXED[:20] + "; theme=dark1", "COOKIE"),
    "totp": ("totp={}", "493817", "PIN"),
    "otp in prose": ("Your OTP is {}", "493817", "PIN"),
    "e-mail": ("mail to {}, please", "ravi.kumar+bots" + "@example.co.in", "EMAIL"),
    "phone": ("alert sent to {}.", "+91" + " 98765 43210", "PHONE"),
    "phone in context": ("mobile: {}", "9876543210", "PHONE"),
    "pan": ("holder {} verified", "ABCPE" + "1234F", "PAN"),
    "card": ("paid by {}", CARD, "CARD"),
    "card in groups": ("paid by {}.", "4111 1111 1111 1111", "CARD"),
    "card with hyphens": ("paid by {}.", "5555-5555-5555-4444", "CARD"),
    "amex": ("paid by {}", "3782" + "822463" + "10005", "CARD"),
    "aadhaar": ("Aadhaar no. {}", AADHAAR, "AADHAAR"),
    "aadhaar in groups": ("Aadhaar: {}", "2345 6789 0124", "AADHAAR"),
    "bank account": ("account number {} credited", "50100234567891", "ACCOUNT"),
    "bank a/c": ("a/c no. {}", "50100234567891", "ACCOUNT"),
    "nsdl demat": ("holdings of {}", "IN" + "30154912345678", "DEMAT"),
    "cdsl demat": ("bo id: {}", "1208160001234567", "DEMAT"),
}  # fmt: skip


def _in_csv(planted: str) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(["2026-01-15 09:15:00", "TCS", planted, "3500.5", "open"])
    return out.getvalue()


# Where it is planted: each gives the redacted text of a place around the planted text.
FORMS: dict[str, Callable[[Redactor, str], str]] = {
    "message": lambda r, s: r.text(f"[2026-01-15 09:15:00] [ERROR] [system] ₹ {s} TCS 🚀"),
    "alone": lambda r, s: r.text(s) + " TCS",
    "payload": lambda r, s: json.dumps(r.value({"symbol": "TCS", "data": {"notes": ["a", s]}, "q": 5})),
    "json text": lambda r, s: r.text(json.dumps({"symbol": "TCS", "error": s})),
    "csv": lambda r, s: r.text(_in_csv(s)),
    "traceback": lambda r, s: r.text(
        f'Traceback (most recent call last):\n  File "bot.py", line 7, in TCS\nRuntimeError: {s}\n'
    ),
    "url": lambda r, s: r.text(f"GET https://api.example.com/TCS?note={quote(s, safe='')}&page=2 200"),
}


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(KEY)


def test_the_corpus_has_at_least_25_kinds() -> None:
    """The number that was promised."""
    assert len(PLANTED) >= 25


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PLANTED)
def test_planted_secret_is_caught(redactor: Redactor, name: str, form: str) -> None:
    """Whatever the secret and wherever it stands: it is gone, a placeholder of its kind is there, the
    text around it stays."""
    around, secret, kind = PLANTED[name]

    found = FORMS[form](redactor, around.format(secret))

    pieces = {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), *re.split(r"\s|\\n", secret)}
    telling = {piece for piece in pieces if len(piece) > 5 and "PRIVATE" not in piece and piece[0] != "-"}
    assert not [piece for piece in telling if piece in found], found
    assert kind in PLACEHOLDER.findall(found), found
    assert "TCS" in found


@pytest.mark.parametrize("name", PLANTED)
def test_placeholder_is_equal_on_every_instance(name: str) -> None:
    """Equal keys give equal texts, another key gives another: the placeholder is a keyed hash."""
    around, secret, _ = PLANTED[name]
    planted = around.format(secret)

    assert Redactor(KEY).text(planted) == Redactor(bytes(KEY)).text(planted)
    assert Redactor(KEY).text(planted) != Redactor(b"another key" * 4).text(planted)


def test_placeholder_is_the_hmac_of_the_secret(redactor: Redactor) -> None:
    """Six hexadecimal digits of HMAC-SHA256 under the key."""
    digest = hmac.new(KEY, b"hunter2", hashlib.sha256).hexdigest()

    assert redactor.text("password=hunter2") == f"password=[PASSWORD:{digest[:6]}]"


@pytest.mark.parametrize(
    "spellings",
    [
        ("card 4111 1111 1111 1111", "card 4111-1111-1111-1111", f"card {CARD}"),
        ("tel +91 98765 43210", "tel 9876543210", "tel %2B919876543210"),
        ("to Ops" + "@Example.com", "to ops" + "@example.com", "to=ops" + "%40example.com"),
        (PEM, PEM.replace("\n", "\\n"), PEM.replace("\n", "\r\n")),
        ("password=hunter2", 'password: "hunter2"', '{\\"password\\": \\"hunter2\\"}', "pwd%3Dhunter2%26"),
        (f"Authorization: Bearer {JWT}", f"token={JWT}", f'"access_token": "{JWT}"', JWT),
    ],
)
def test_spellings_of_one_secret_share_a_placeholder(redactor: Redactor, spellings: tuple[str, ...]) -> None:
    """Someone who reads the log can tell that it was the same card, person or key."""
    found = {PLACEHOLDER.search(redactor.text(spelling))[0] for spelling in spellings}  # type: ignore[index]

    assert len(found) == 1


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        ("https://bot:s3cr3t@db.example.com:5432/x", r"https://bot:\[PASSWORD:\w+\]@db.example.com:5432/x"),
        ("redis://:p@ss@cache:6379", r"redis://:\[PASSWORD:\w+\]@cache:6379"),
        ("u=https%3A%2F%2Fbot%3As3cr3t%40host", r"u=https%3A%2F%2Fbot%3A\[PASSWORD:\w+\]%40host"),
        ("Authorization: Bearer abc123def456", r"Authorization: Bearer \[TOKEN:\w+\]"),
        ('"{""password"": ""a b1"", ""n"": 1}"', r'"{""password"": ""\[PASSWORD:\w+\]"", ""n"": 1}"'),
        ('{"note": "{\\"pin\\": \\"1234\\"}"}', r'{"note": "{\\"pin\\": \\"\[PIN:\w+\]\\"}"}'),
        ("x?token=ab1&page=2", r"x\?token=\[TOKEN:\w+\]&page=2"),
        ("(password=hunter2).", r"\(password=\[PASSWORD:\w+\]\)."),
        ("password=hunter2, qty=5", r"password=\[PASSWORD:\w+\], qty=5"),
        ('os.environ["API_KEY"] = "abc"', r'os.environ\["API_KEY"\] = "\[API_KEY:\w+\]"'),
        ("Set-Cookie: sid=a1; Path=/; HttpOnly\nnext", r"Set-Cookie: \[COOKIE:\w+\]\nnext"),
        ("SBIN0001234 account 123456789012", r"SBIN0001234 account \[ACCOUNT:\w+\]"),
        ("DP ID IN301549 Client ID 12345678", r"DP ID IN301549 Client ID \[DEMAT:\w+\]"),
        ("password=pässwörd9 €5", r"password=\[PASSWORD:\w+\] €5"),
    ],
)
def test_only_the_secret_goes(redactor: Redactor, line: str, redacted: str) -> None:
    """Scheme, user, host, quotes, brackets and the next field stay readable."""
    assert re.fullmatch(redacted, redactor.text(line)), redactor.text(line)


@pytest.mark.parametrize(
    "line",
    [
        f"order_id={CARD}", f"Order {CARD} placed", f"exchange order id: {CARD}", f'"trade_id": "{CARD}"',
        f"gs://logs-bucket/trades/{CARD}.json", f"volume {CARD}", f"ratio 0.{CARD}", f"{CARD}.5",
        "4" + "1" * 14 + "2", f"?order_id%3D{CARD}&x", "account: 5100 5200", "ASIA" + "PACIFICEQUITYFUND",
        "epoch 1768448705988000000 1768448705 1768448705988", "strikes 5100 5200 5300 5400",
        "quantity 9876543210", "price 9876543210.25 traded", "₹98,76,543.21", "oi 8123456789",
        "IFSC HDFC0001234 used", "isin INE002A01018", "NIFTY25JUN24500CE BANKNIFTY2560552000PE",
        "instrument_token=256265 exchange_token: 1001", "Instrument token: 256265", "next_page_token=abc123",
        "prompt_tokens=512 max_tokens: 4000 tokens: 45", "pin bar: bullish3", "token: expired", "token=None",
        "Invalid token: session expired", "password: incorrect", "basic strategy, bearer authentication",
        "KiteConnect(api_key=api_key, access_token=self.access_token)", 'token = os.environ["KITE_TOKEN"]',
        "password=********", "secret: projects/p/secrets/kite/versions/3", "api_key=${API_KEY}",
        "account balance: 1250000000", "account 12345678901.50", "client_id=12345678", "user AB1234",
        "BUY 10@RELIANCE.NS, 5@TCS.NS", "bought TCS@3500.50", "git@github.com:bots/runner.git", "@app.route",
        "https://ops@dash.example.com/x", "http://10.0.0.5:8080/a@b", "Aadhaar 234567890123 is wrong",
        "sk-learn-pipeline-with-a-long-name", "risk-management-strategy-of-the-day",
        "aws " + "0123456789" * 4,
        "gcs:logs-bucket/a/b.jsonl.gz#1795149068000000:42", "123e4567-e89b-12d3-a456-426614174000",
        "sha256:" + "0a1b2c3d" * 8, "ABCDE1234F", "?key=NIFTY25&code=400",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_secret_stays(redactor: Redactor, line: str) -> None:
    """Prices, quantities, identifiers, symbols, times and source text are what the log is for."""
    assert redactor.text(line) is line


def test_ordinary_lines_are_kept_and_cost_little() -> None:
    """At most 1 of 1,000 ordinary lines is changed, at 20 µs of CPU a line on average."""
    lines = list(ordinary_lines(6_600))

    microseconds, changed = measure(lines)

    assert len(lines) >= 6_000
    assert len(changed) <= len(lines) / 1000, changed[:5]
    assert microseconds <= 20


HOSTILE = {
    "pins": "pin=123456 ", "bare passwords": "password=a ", "open quotes": 'password=\\"', "names": "token=",
    "harmless names": "symbol_token=", "addresses": "a@b.cc ", "half addresses": "a@", "dots": "a.b@",
    "at": "@", "digits": "4", "cards": CARD + " ", "card groups": "4111 ", "key blocks": PEM[:27],
    "key blocks and ends": PEM[:27] + "-----END", "jwt heads": "ey" + "J", "jwts": "ey" + "Jaaaaaaaa.",
    "urls": "x://a:b@c ", "open urls": "://a:b", "codes": "?code=abc123&", "cookies": "cookie: a=b; ",
    "percent": "password%3Da%26", "backslashes": "\\", "quotes": '"', "pans": "ABCPE" + "1234F ",
    "placeholders": "password=[PASSWORD:abc123]", "held bytes": "\x01", "spaces": " ", "letters": "é",
    "words": "account no. : ", "aws": "aws aB1" + "A" * 37 + " ", "tails": "Bearer " + "a" * 9 + "=",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_anything_takes_under_a_second(redactor: Redactor, name: str) -> None:
    """No text makes redaction slow: it is linear, whatever is repeated; and a second time changes nothing."""
    unit = HOSTILE[name]
    text = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]

    # Other processes only ever add. Where the machine is slowed down, a second is what it is without them.
    for _ in range(5):
        before_s = yardstick_s()
        begun = time.process_time()
        found = redactor.text(text)
        took_s = time.process_time() - begun
        second_s = max(1.0, max(before_s, yardstick_s()) / QUIET_YARDSTICK_S)
        if took_s < second_s:
            break

    assert took_s < second_s
    assert redactor.text(found) is found


QUIET_YARDSTICK_S = 0.0225
"""On the machine that needs 0.96 s for the slowest of these texts when nothing else runs."""


def yardstick_s() -> float:
    """What fixed work takes here and now."""
    begun = time.process_time()
    found = sum(len(match[0]) for match in re.finditer(r"\w+", "abc de " * 50_000))
    kept = {}
    for number in range(150_000):
        kept[number % 100] = number + found
    return time.process_time() - begun


def test_key_names_make_their_values_secret(redactor: Redactor) -> None:
    """A field named so is replaced whole, in any spelling, whether text or number, also in lists."""
    names = (
        "password,Passwd,DB_PASSWORD,secret,client-secret,token,accessToken,API_KEY,x-api-key,apiKey,"
        "Authorization,cookie,Set-Cookie,private_key,pin,totp,refresh token,kite.api_secret"
    )
    for name in names.split(","):
        for value in ("not like a secret", 493817, ["a", 7], {"of": "it"}):
            found = redactor.value({"symbol": "TCS", name: value})
            leaves = str(found[name])
            assert len(PLACEHOLDER.findall(leaves)) == (2 if isinstance(value, list) else 1), (name, leaves)
            assert found["symbol"] == "TCS"


def test_key_names_that_only_sound_secret_do_not(redactor: Redactor) -> None:
    """Identifiers of instruments and pages, counts, flags and nulls are no secrets."""
    record = {
        "instrument_token": 256265, "exchange_token": 1001, "next_page_token": "abc", "tokens": 45,
        "prompt_tokens": 4, "token_type": "bearer", "pin_bar": "bullish", "opinion": "up", "secretary": "x",
        "password": None, "secret": "", "has_token": True, "session_id": "f00", "order_id": int(CARD),
        "trade_id": CARD, "volume": int(CARD), "quantity": 9876543210, "pnl": 8120.5,
    }  # fmt: skip

    assert redactor.value(record) is record


def test_numbers_and_texts_are_personal_by_their_names(redactor: Redactor) -> None:
    """A bare number is a phone or an account when its field says so, and a card whatever the field says."""
    record = {
        "phone": 9876543210, "contact_no": "98765 43210", "bank_account": "50100234567891",
        "account_number": 50100234567891, "bo_id": "1208160001234567", "aadhaar": AADHAAR,
        "pan": "abcpe" + "1234f", "paid_with": int(CARD),
    }  # fmt: skip

    found = redactor.value(record)

    kinds = [PLACEHOLDER.fullmatch(text)[1] for text in found.values()]  # type: ignore[index]
    assert kinds == ["PHONE", "PHONE", "ACCOUNT", "ACCOUNT", "DEMAT", "AADHAAR", "PAN", "CARD"]
    assert found["phone"] == found["contact_no"] == redactor.value({"phone": 9876543210.0})["phone"]


def test_numbers_of_any_size_are_answered(redactor: Redactor) -> None:
    """Integers beyond what Python writes in decimal, infinities and NaN neither fail nor change."""
    record = {"n": 10**5000, "m": -(10**5000), "x": float("inf"), "y": float("nan"), "account": 10**5000}

    assert redactor.value(record) is record
    assert PLACEHOLDER.fullmatch(redactor.value({"pin": 10**5000})["pin"])


def test_credentials_keep_their_scheme_and_known_kinds(redactor: Redactor) -> None:
    """A field and a line of text give the same placeholder for the same credential."""
    found = redactor.value({"Authorization": f"Bearer {JWT}", "api_key": JWT})

    assert found["Authorization"] == redactor.text(f"Bearer {JWT}")
    assert found["api_key"] == redactor.text(JWT)


def test_names_of_fields_are_redacted_and_none_is_lost(redactor: Redactor) -> None:
    """Two spellings of one address become two names."""
    found = redactor.value({"ops" + "@example.com": 1, "Ops" + "@example.com": 2, "x": 3})

    assert sorted(found.values()) == [1, 2, 3]
    assert "example" not in str(found)


def test_a_redacted_name_does_not_shift_its_value(redactor: Redactor) -> None:
    """The name is context for its value, whatever its length before and after."""
    found = redactor.value({"ops" + "@example.com": f"é {CARD} 🚀", "ABCPE" + "1234F": f"₹5 by {CARD}"})

    card = redactor.text(CARD)
    assert list(found.values()) == [f"é {card} 🚀", f"₹5 by {card}"]
    assert redactor.value(found) is found


def test_value_keeps_what_is_clean_and_changes_nothing_in_place(redactor: Redactor) -> None:
    """Clean parts are the same objects, and the record that came in is as it was."""
    clean = {"a": [1, {"b": "c"}]}
    record: dict[str, Any] = {"clean": clean, "dirty": ["password=hunter2"]}
    before = json.dumps(record)

    found = redactor.value(record)

    assert found["clean"] is clean
    assert "hunter2" not in str(found)
    assert json.dumps(record) == before
    assert redactor.value(clean) is clean


def test_depth_cycles_and_shared_parts_are_safe(redactor: Redactor) -> None:
    """100,000 levels, a list inside itself, and 2**60 paths to one leaf are all answered."""
    deep: Any = "password=hunter2"
    for _ in range(100_000):
        deep = [deep]
    found = redactor.value(deep)
    while isinstance(found, list):
        found = found[0]
    assert PLACEHOLDER.search(found)

    cycle: dict[str, Any] = {"note": "password=hunter2"}
    cycle["self"] = [cycle]
    assert "hunter2" not in str(redactor.value(cycle))

    wide: Any = ["password=hunter2"]
    for _ in range(60):
        wide = [wide, wide]
    found = redactor.value(wide)
    while isinstance(found, list):
        found = found[-1]
    assert PLACEHOLDER.search(found)


def test_a_key_block_cut_short_or_logged_line_by_line_is_caught(redactor: Redactor) -> None:
    """Half a key is still most of a key."""
    cut = PEM[: len(PEM) - 40]
    lines = "\n".join(f"{LINE_OF_KEY[::step]}" for step in (1, -1))

    assert LINE_OF_KEY[:20] not in redactor.text(f"read {cut}")
    assert LINE_OF_KEY not in redactor.text(lines)
    assert redactor.text(f"{cut}\nOrder placed for TCS").endswith("\nOrder placed for TCS")


def test_broken_text_is_no_obstacle(redactor: Redactor) -> None:
    """Lone surrogates, control characters and nothing at all pass through, secrets beside them do not."""
    assert redactor.text("") == ""
    assert redactor.text("\ud800 password=hunter2 \x01\x00").startswith("\ud800 password=[PASSWORD:")
    assert redactor.text("\x01 password=hunter2 \x01").count("\x01") == 2


def test_check_digits_agree_with_published_examples() -> None:
    """Luhn's 7992739871-3 and Verhoeff's 236-3, and no other last digit."""
    assert [d for d in b"0123456789" if luhn_holds(b"7992739871" + bytes([d]))] == [ord("3")]
    assert [d for d in b"0123456789" if verhoeff_holds(b"236" + bytes([d]))] == [ord("3")]
