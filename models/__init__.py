"""`Document` to `Result`: classifier, billing rules, and the training that makes them."""
