"""How often one subject may ask: a sliding window in the instance, told to the others through the store.

rate.py       Rate ("300/min"), Decision, and the header fields that say one
window.py     what one subject has used, exactly, in bounded memory
row.py        one instance's row of a subject's counts in the store
limiter.py    Limiter: take, peek
address.py    who is asking when there is no subject: the client's address
"""

from shared.limits.address import client_address
from shared.limits.limiter import Limiter, SharedCounts
from shared.limits.limiters import Limiters
from shared.limits.rate import Decision, Rate, headers

__all__ = ["Decision", "Limiter", "Limiters", "Rate", "SharedCounts", "client_address", "headers"]
