"""Tables: data dictionary checks, sources, patient-level splits, preprocessing, the synthetic cohort, public data sets."""
