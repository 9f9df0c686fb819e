"""What a developer's commands need: services for the tests, the catalogue, the checks."""
