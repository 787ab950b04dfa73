"""marketlab-train from a checkout; see --help."""

from marketlab.experiments.cli import train_command

if __name__ == "__main__":
    train_command()
