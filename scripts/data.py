"""marketlab-data from a checkout; see --help."""

from marketlab.experiments.cli import data_command

if __name__ == "__main__":
    data_command()
