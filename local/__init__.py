"""The local side of `make run`: demo data, tokens, the gateway's configuration and the supervisor."""
