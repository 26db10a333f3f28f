"""Share out customers among people, so that each tier is spread evenly."""


def share_out(customers, load, capacity=None):
    """Give every customer to the person who has the fewest of its tier.

    One customer after the other is given, in the order of ``customers``, and counts from then on.
    Among people with equally many of the tier it is the one with the fewest customers at all, then
    the customer's present person, then the first in ``load``. So the same input gives the same
    result, and who is with a person already is moved only for an even share.

    Parameters
    ----------
    customers : iterable of (tier, person)
        hashable tier, or None; the present person, or None
    load : dict of person to dict of tier to int
        how many customers everybody keeps who may get some, without ``customers``; not changed
    capacity : dict of tier to int, optional
        how many of a tier one person can have at most; other tiers have no limit

    Returns
    -------
    list of persons, one per customer; None where nobody has room for the customer

    Examples
    --------
    Ann keeps two Gold customers, Ben none: the first two go to Ben, the third too, because he has
    fewer customers at all once a Silver one has gone to Ann.

    >>> load = {"Ann": {"Gold": 2}, "Ben": {}}
    >>> share_out([("Gold", None), ("Gold", None), ("Silver", None), ("Gold", None)], load)
    ['Ben', 'Ben', 'Ann', 'Ben']

    Ben has room for two in all; who comes later finds nobody.

    >>> share_out([("Gold", None)] * 3, load, capacity={"Gold": 2})
    ['Ben', 'Ben', None]

    Where the shares are even already, nobody changes.

    >>> share_out([("Gold", "Ann"), ("Gold", "Ben")], {"Ann": {}, "Ben": {}})
    ['Ann', 'Ben']
    >>> share_out([], {})
    []
    """
    capacity = capacity or {}
    of_tier = {person: dict(tiers) for person, tiers in load.items()}
    total = {person: sum(tiers.values()) for person, tiers in load.items()}
    persons = []
    for tier, present in customers:
        chosen = min(
            (person for person in of_tier if of_tier[person].get(tier, 0) < capacity.get(tier, float("inf"))),
            key=lambda person: (of_tier[person].get(tier, 0), total[person], person != present),
            default=None,
        )
        if chosen is not None:
            of_tier[chosen][tier] = of_tier[chosen].get(tier, 0) + 1
            total[chosen] += 1
        persons.append(chosen)
    return persons
