"""The common library of the log aggregator: everything the functions share."""
