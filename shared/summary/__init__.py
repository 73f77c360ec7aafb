"""Summaries that can be trusted: code counts, a model words, code checks what the model said.

request.py    what a caller may ask
line.py       an entry without secrets and without its payload: all that the rest ever sees
facts.py      numbers, counted
digest.py     patterns and facts of any number of lines, and what of them fits a budget
prompt.py     the budgeted part as the messages of a model (select.py, rows.py, tokens.py)
suspicion.py  what speaks to a model and is never shown to one (phrases.py and its kin, disguise.py)
model.py      the model, within time, size and money
verify.py     what of a model's answer is true of the entries that it cites (grounds.py, figures.py, tone.py)
rules.py      the same answer without a model
document.py   the summary as callers get it
archive.py    summaries kept for 90 days
deliver.py    to Slack and to a webhook, once
schedule.py   which summaries are made without being asked for
"""
