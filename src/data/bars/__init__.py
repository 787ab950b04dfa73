"""What a bar may be, when it was knowable, and on which row of a panel it lands."""
