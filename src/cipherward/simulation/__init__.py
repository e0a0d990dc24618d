"""All parties of a study on one machine."""
