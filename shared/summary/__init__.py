"""Summaries that can be trusted: code counts, a model words, code checks what the model said.

Asked and answered
    request.py    what a caller may ask
    service.py    from a request to an answer; once.py for each key, made.py for each content
    document.py   the summary as callers get it
    archive.py    summaries kept for 90 days
    schedule.py   which are made without being asked for (schedules.json)
    assembly.py   all of it put together from settings
Read and counted
    reading.py    the window, and what is known of the one before
    line.py       an entry without secrets and without its payload: all that the rest ever sees
    facts.py      numbers, counted
    digest.py     patterns and facts of any number of lines
    select.py     what of them fits a budget (rows.py, tokens.py, lexicon.py, vocabulary.py)
    shown.py      facts and patterns as plain text (plain.py)
Worded
    wording.py    the model when it tells the truth, else the rules
    prompt.py     the selection as the messages of a model
    model.py      the model, within time, size and money (spend.py)
    rules.py      the same answer without a model (topics.py, counted.py)
Checked
    suspicion/    what speaks to a model, and is never shown to one
    verify.py     what of a model's answer is true of what it cites (grounds.py, figures.py, tone.py)
Delivered
    deliver.py    once to each target, again while it is down
    delivery/     Slack, the webhook, and what is remembered of them
"""
