"""`python -m pipelines VERB`: the same as `dcign VERB`, where no script is installed."""

from pipelines.console.cli import main

main()
