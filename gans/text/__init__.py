"""Text as networks take it: tokens, vocabularies, and encoders that take their vocabulary with them."""
