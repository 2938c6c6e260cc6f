"""chaos: everything is broken by chance while buyers buy; what tools/chaos runs."""
