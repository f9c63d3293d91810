"""`python -m pipelines COMMAND`: the same as `dcign COMMAND`, for where no script is installed."""

from pipelines.console.cli import main

main()
