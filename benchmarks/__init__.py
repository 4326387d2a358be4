"""Every figure in the docs, each part run by one command."""
