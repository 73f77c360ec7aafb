"""What sends a summary, how, and what is remembered of it; `shared.summary.deliver` uses it all.

sender.py   what sends a summary to one target, and how it says that it could not
post.py     one POST: bounded, without redirects, never told of
ledger.py   what was delivered, what waits, who is just sending
slack.py    blocks for Slack (slack_text.py); console.py links to the Google Cloud console
webhook.py  signed JSON
"""
