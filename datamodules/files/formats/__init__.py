"""Image formats, one module each: `describe` without decoding, `decode`, and `encode` of one like it."""
