"""What is wrong with rules, as a code with facts: who shows it to a person makes the sentence."""


class RuleError(ValueError):
    """Rules that cannot be used.

    Parameters
    ----------
    code : what is wrong, one of the keys that the raising class documents
    facts : what a sentence about it names: keys of tiers and metrics, numbers

    >>> str(RuleError("same_floor", floor=50.0, tiers=(3, 4)))
    'same_floor: floor=50.0, tiers=(3, 4)'
    >>> str(RuleError("no_tier"))
    'no_tier'
    """

    def __init__(self, code: str, **facts):
        self.code = code
        self.facts = facts
        told = ", ".join(f"{name}={value!r}" for name, value in facts.items())
        super().__init__(f"{code}: {told}" if told else code)
