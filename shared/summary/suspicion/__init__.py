"""Texts that read like an instruction to a language model: never shown to one, and never believed.

judgement.py  the question, and what is looked at
disguise.py   the readings of a text: lookalikes, codes, spaced out, backwards
phrases.py    what is said to a model; asides.py by the way; tongues.py in other languages
signs.py      single words that give it away together
"""

from shared.summary.suspicion.judgement import is_suspicious

__all__ = ["is_suspicious"]
