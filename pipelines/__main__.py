"""`python -m pipelines VERB`: the same as `dcign VERB`, where no script is installed."""

from pipelines.cli import main

main()
