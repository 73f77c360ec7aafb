"""Check digits and issuer prefixes: what tells a card or an Aadhaar number from any other long number."""

from typing import Final

_DIGITS: Final = b"0123456789"
# Twice a digit, its own digits added: 5 -> 10 -> 1.
_DOUBLED: Final = bytes.maketrans(_DIGITS, b"0246813579")

_MULTIPLY: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_PERMUTE: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)

# First digits (a range of numbers of equal length) and the lengths of whole card numbers behind them.
_ISSUERS: Final = (
    ("4", "4", {13, 16, 19}),  # Visa
    ("51", "55", {16}),  # Mastercard
    ("2221", "2720", {16}),
    ("34", "34", {15}),  # American Express
    ("37", "37", {15}),
    ("300", "305", {14}),  # Diners Club
    ("36", "36", {14}),
    ("38", "39", {14}),
    ("3528", "3589", {16, 17, 18, 19}),  # JCB
    ("353", "353", {16}),  # RuPay
    ("356", "356", {16}),
    ("508", "508", {16}),
    ("60", "60", {16}),
    ("81", "82", {16}),
    ("62", "62", {16, 17, 18, 19}),  # UnionPay
    ("644", "649", {16, 17, 18, 19}),  # Discover
    ("65", "65", {16, 17, 18, 19}),
    ("5018", "5018", {13, 14, 15, 16, 17, 18, 19}),  # Maestro
    ("5020", "5020", {13, 14, 15, 16, 17, 18, 19}),
    ("5038", "5038", {13, 14, 15, 16, 17, 18, 19}),
    ("6304", "6304", {13, 14, 15, 16, 17, 18, 19}),
    ("6759", "6763", {13, 14, 15, 16, 17, 18, 19}),
)


def only_digits(text: bytes) -> bytes:
    """The ASCII digits of `text`, in order; a percent code such as `%20` counts as a separator."""
    return bytes(c for c in text.replace(b"%20", b"") if c in _DIGITS)


def luhn_holds(digits: bytes) -> bool:
    """Whether the last digit is the Luhn check digit of the others. Source: ISO/IEC 7812-1, annex B."""
    singles, doubles = digits[-1::-2], digits[-2::-2].translate(_DOUBLED)
    return (sum(singles) + sum(doubles) - 48 * len(digits)) % 10 == 0


def verhoeff_holds(digits: bytes) -> bool:
    """Whether the last digit is the Verhoeff check digit of the others, as in Aadhaar numbers.

    Source: J. Verhoeff, Error Detecting Decimal Codes, 1969 (the dihedral group of order ten).
    """
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _MULTIPLY[check][_PERMUTE[place % 8][digit - 48]]
    return check == 0


def is_card_number(digits: bytes) -> bool:
    """Whether these 13 to 19 digits can be a payment card: issuer, length for that issuer, Luhn.

    Six zeros at the end are an amount or a volume that happens to pass.
    """
    if digits.endswith(b"000000") or not luhn_holds(digits):
        return False
    number = digits.decode("ascii")
    return any(
        low <= number[: len(low)] <= high and len(number) in lengths for low, high, lengths in _ISSUERS
    )
