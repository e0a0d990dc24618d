"""Several ways to train one study, side by side: accuracy, time, traffic, who reads what."""
