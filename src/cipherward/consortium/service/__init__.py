"""A study between real hospitals: at the coordinator and at a hospital."""
