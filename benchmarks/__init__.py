"""Programs that measure: run by a person, never by the tests."""
