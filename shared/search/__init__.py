"""Questions over entries: page tokens now; merging, histograms and patterns as they come."""
