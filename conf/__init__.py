"""The Hydra groups that compose a run."""
