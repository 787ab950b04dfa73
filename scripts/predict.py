"""marketlab-predict from a checkout; see --help."""

from marketlab.experiments.cli import predict_command

if __name__ == "__main__":
    predict_command()
