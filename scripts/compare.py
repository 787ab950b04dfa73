"""marketlab-compare from a checkout; see --help."""

from marketlab.experiments.cli import compare_command

if __name__ == "__main__":
    compare_command()
