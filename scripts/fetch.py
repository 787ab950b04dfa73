"""marketlab-fetch from a checkout; see --help."""

from marketlab.experiments.cli import fetch_command

if __name__ == "__main__":
    fetch_command()
