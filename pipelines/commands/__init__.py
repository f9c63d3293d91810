"""The commands, one file each, called by `pipelines.console.cli`; no other module imports them."""
