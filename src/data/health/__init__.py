"""What a reader should know about the bars before believing a model of them."""
