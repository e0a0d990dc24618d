"""A consortium of real hospitals: certificates, members, invitations, policies, and what each party keeps on disk."""
