"""Training, evaluation, reports, run directories, prediction."""
