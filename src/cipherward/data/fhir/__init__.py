"""FHIR R4: exports read line by line, flattened by SQL-on-FHIR ViewDefinitions."""
