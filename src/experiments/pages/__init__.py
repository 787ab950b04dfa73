"""What every HTML page of marketlab shares: its frame, its look, its figures and its words."""
