"""Parts that all commands share: the entry point, options, progress bars, image files."""
