"""A whole attack: guesses each patient's outcome by tossing a coin. Attacks of the tests, and an example for new ones."""

from __future__ import annotations

from pydantic import Field

from cipherward.attacks.attack import Attack, Exhibit, Found, Measure, Settings
from cipherward.attacks.context import Context
from cipherward.attacks.intervals import clopper_pearson


class CoinSettings(Settings):
    tosses: int = Field(default=50, ge=1)


class Coin(Attack):
    name = "coin"
    title = "Tossing a coin"
    explanation = "The attacker knows nothing and guesses."

    def __init__(self, settings: CoinSettings | None = None) -> None:
        self.chosen = settings or CoinSettings()
        super().__init__(self.chosen)

    def run(self, at: Context) -> Found:
        _, labels = at.pooled()
        guesses = at.generator("coin").integers(2, size=self.chosen.tosses)
        right = 0
        for guess, label in zip(guesses, labels, strict=False):
            at.may_go_on("tossing")
            right += int(guess == label)
        tosses = min(self.chosen.tosses, len(labels))
        low, high = clopper_pearson(right, tosses)
        share = Measure("outcomes", "share guessed right", right / tosses, f"of {tosses} rows", low, high, "at most 1")
        shown = Exhibit("The first guesses", "Beside the truth.", ("row", "guess", "truth"), (("1", "0", "1"),))
        picture = at.pooled()[0][:4, :4].astype(float)
        return Found(
            (share,), (shown, Exhibit("A picture", "Of numbers.", ("row", "seen"), (), (("first", (picture,)),)))
        )
