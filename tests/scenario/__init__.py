"""Stories about cqrsd: a subject, an event, an expectation."""
