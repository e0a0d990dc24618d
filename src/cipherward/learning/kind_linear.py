"""A linear model of any type of outcome: one weight per input and an intercept, for each output that the type has."""

from __future__ import annotations

from cipherward.learning.kind_logistic_regression import LogisticRegression


class LinearModel(LogisticRegression):
    words = "linear model"
    has_numbers = True
