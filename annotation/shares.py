"""How many items of every group a rater of a limited number of items gets, and from which group her next one comes. Pure.

Items may belong to groups, such as domains or degrees of difficulty. With `W` slots (items times raters per item), `w` of them in a
group, and `C` items per rater, a rater's fair share of the group is C * w / W, which is seldom a whole number. Every rater gets it
rounded down or up, so two raters differ by one item of a group at most. Who gets the larger share is settled in the order in which
raters begin, so that the shares of W // C raters together fit into the slots of every group: rounding a table so that rows and columns
keep their sums is always possible (Bacharach 1966), and row by row it is enough that no group falls behind what the remaining rows can
take (the existence theorem of Gale and Ryser).

The plan is one of intention where raters leave, come after the planned ones, or work at the same time to the last place: a group
without an open item that she has not seen is passed over, and an item of another group is better than none. No place is lost by it.
"""

from collections.abc import Mapping
from fractions import Fraction

from annotation.orders import ranked


def shares(slots: Mapping[str, int], cap: int, row: int) -> dict[str, int]:
    """Items of every group for the rater who begins as number `row` (from 0).

    `slots`: group -> slots, all of them together at least `cap`, which is the sum of the result. Raters beyond the planned ones get the
    shares of the first again.
    """
    total = sum(slots.values())
    if cap < 1 or total < cap or min(slots.values()) < 1 or row < 0:
        raise ValueError(f"no shares of {dict(slots)} for {cap} items and row {row}")
    groups = sorted(slots)
    fair = {one: Fraction(cap * slots[one], total) for one in groups}
    floor = {one: int(fair[one]) for one in groups}
    extras = cap - sum(floor.values())  # of each rater: groups of which she gets one item more
    rows = total // cap
    settled = dict.fromkeys(groups, 0)
    chosen: list[str] = []
    for number in range(row % rows + 1):
        left = rows - number
        spare = {one: slots[one] - settled[one] - floor[one] * left for one in groups}

        # Groups that need each of the remaining rows come first, then those that are furthest behind their fair share.
        urgency = {
            one: (spare[one] >= left, fair[one] * (number + 1) - settled[one] - floor[one])
            for one in groups
            if fair[one] > floor[one] and spare[one] > 0
        }
        chosen = sorted(urgency, key=urgency.__getitem__, reverse=True)[:extras]
        for one in groups:
            settled[one] += floor[one] + (one in chosen)
    return {one: floor[one] + (one in chosen) for one in groups}


def next_group(plan: Mapping[str, int], had: Mapping[str, int], open_groups: set[str], seed: int) -> str:
    """The group of a rater's next item: of those with open items the one furthest behind its part of her plan.

    So groups alternate, and who stops early has had about as much of each. A group that she has had all of comes after the others.
    `had`: how many of each she got; ties are in an order of her own.
    """
    begun = Fraction(sum(had.values()) + 1, max(1, sum(plan.values())))

    def ahead(one: str) -> tuple[bool, Fraction]:
        count, due = had.get(one, 0), plan.get(one, 0)
        return count >= due, count - due * begun

    return min(ranked(open_groups, str(seed), "groups"), key=ahead)
