"""The folders in which coordinator and hospital keep what is theirs."""
