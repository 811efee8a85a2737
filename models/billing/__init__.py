"""The billing rules: minutes to units, the proposal, the flags. Standard library and `nlp.document` only."""
