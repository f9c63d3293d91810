"""The commands, one file each. Only `pipelines.console.cli` imports them."""
