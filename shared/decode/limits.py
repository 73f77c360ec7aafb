"""How much of an object may be held or inflated."""

from typing import Final

import msgspec

MIB: Final = 1024 * 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one object may cost. All sizes are decompressed bytes.

    `max_record_bytes`: a longer line or array element is cut there.
    `max_array_bytes`: the most that is ever held whole, which is a single JSON object; arrays stream.
    `bomb_ratio`, `bomb_bytes`: an object is cut where it is past both at once.
    `block_bytes`: streams are worked on in pieces of this size, large enough that a call into C for each
    costs nothing, small enough that a piece with all its records is under 2 MB.
    """

    max_record_bytes: int = 4 * MIB
    max_array_bytes: int = 64 * MIB
    bomb_ratio: int = 200
    bomb_bytes: int = 64 * MIB
    block_bytes: int = 256 * 1024
