"""OMOP CDM 5.4: a cohort, features and an outcome, by a definition that hospitals share."""
