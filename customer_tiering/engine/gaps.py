"""What customers bought again and again and buy no more, what others like them buy and they do not, and what they
are likely to buy next.

``item`` is a product or a category: the functions do not care, and are asked once for each.
"""

import numpy as np
import pandas as pd

from . import grouped

#: Bought on so many days, at least, is bought regularly.
FEW_DAYS = 3
#: Longer than so many usual gaps without it is stopped.
GAPS = 2
YEAR = 365  # days
#: So many customers are asked what they buy, and this share of them has to.
ALIKE, SHARE = 10, 0.6
#: Where there are more customers, the similar ones are looked for among so many, evenly spread over the ids.
MOST_PEERS = 5_000
#: After so many days a purchase counts half when it is asked what comes next.
HALF_LIFE = 90
#: For so many customers it is worked out at a time what they are likely to buy, which bounds the memory.
MOST_AT_ONCE = 100_000

_CELLS = 1 << 22  # of one chunk of similarities: 32 MB as float64
_LINES = 1 << 19  # that are summed up at a time


def summarize(
    customer: np.ndarray,
    item: np.ndarray,
    day: np.ndarray,
    quantity: np.ndarray,
    money: np.ndarray,
    as_of,
    decimals: int,
) -> pd.DataFrame:
    """What each customer bought of each item, from lines in any order.

    Parameters
    ----------
    customer, item : ids, int, shape (n_lines,); item 0: none, such lines are left out
    day : on which it was bought, datetime64[D], shape (n_lines,), none after `as_of`
    quantity, money : of the line, float64, finite, shape (n_lines,)
    as_of : the last day that counts, datetime.date
    decimals : of the currency, to which sums of money are rounded

    Returns
    -------
    pd.DataFrame, index = ``customer`` and ``item``, ascending, a row for each pair with a purchase:

    - ``days`` on which it was bought, int64
    - ``last_day`` of them, datetime64[s]
    - ``usual_gap``, the median of the days between two of them, float64, NaN with one day
    - ``usual_quantity``, the median of the days' quantities, float64
    - ``yearly_worth``, the money of the 365 days that end with the last one (``(last_day - 365, last_day]``), float64
    - ``weight``, the sum over the days of 0.5 ** (age in days / 90), float64: how often and how lately

    >>> lines = np.array([7, 7, 7]), np.array([5, 5, 5]), np.array(["2024-01-01", "2024-01-11", "2024-01-31"], "M8[D]")
    >>> from datetime import date
    >>> found = summarize(*lines, np.array([1.0, 2.0, 2.0]), np.array([10.0, 20.0, 20.0]), date(2024, 1, 31), 2)
    >>> found.loc[(7, 5), ["days", "usual_gap", "usual_quantity", "yearly_worth"]].tolist()
    [3.0, 15.0, 2.0, 50.0]
    """
    lines = pd.DataFrame(
        {"customer": customer, "item": item, "day": day.astype("datetime64[s]"), "quantity": quantity, "money": money}
    )
    # Sorted by all that is added up: a sum of floats does not depend on the order of the rows then.
    lines = lines[lines["item"] > 0].sort_values(list(lines.columns))
    keys = ["customer", "item"]
    bought = lines.groupby([*keys, "day"], sort=True)[["quantity", "money"]].sum().reset_index()
    bought["gap"] = bought.groupby(keys)["day"].diff().dt.days
    age = (pd.Timestamp(as_of) - bought["day"]).dt.days
    bought["weight"] = 0.5 ** (age / HALF_LIFE)
    last = bought.groupby(keys)["day"].transform("max")
    bought["money"] = bought["money"].where((last - bought["day"]).dt.days < YEAR, 0.0)
    found = bought.groupby(keys, sort=True).agg(
        days=("day", "size"),
        last_day=("day", "max"),
        usual_gap=("gap", "median"),
        usual_quantity=("quantity", "median"),
        yearly_worth=("money", "sum"),
        weight=("weight", "sum"),
    )
    found["yearly_worth"] = grouped.rounded(found["yearly_worth"].to_numpy(dtype="float64"), decimals)
    return found


def find_stopped(pairs: pd.DataFrame, as_of) -> pd.DataFrame:
    """Which of them the customer has stopped buying.

    Bought on three days or more, and not since longer than twice the customer's own usual gap and twice the item's,
    which is the median of the usual gaps of those who bought it on three days or more.

    Parameters
    ----------
    pairs : as `summarize` returns them
    as_of : the last day that counts, datetime.date

    Returns
    -------
    The rows of `pairs` that are stopped, in their order.
    """
    regular = pairs[pairs["days"] >= FEW_DAYS]
    of_item = regular.groupby("item")["usual_gap"].transform("median")
    silence = (pd.Timestamp(as_of) - regular["last_day"]).dt.days
    return regular[(silence > GAPS * regular["usual_gap"]) & (silence > GAPS * of_item)]


def find_missing(pairs: pd.DataFrame) -> pd.DataFrame:
    """Which items most of the similar customers buy and the customer does not.

    Similar are the ten customers with the highest cosine between what they bought and what the customer did (bought
    or not); of equally similar ones those with the smaller ids. With fewer than ten who have anything in common,
    nothing is missing.

    Parameters
    ----------
    pairs : as `summarize` returns them, of one company

    Returns
    -------
    pd.DataFrame, index = ``customer`` and ``item``, ascending: ``share`` of the similar customers who buy it, float64,
    and ``yearly_worth``, the median of what it is worth to those who buy it, float64
    """
    from scipy import sparse  # noqa: PLC0415 - only who looks for something needs it

    customers, row = np.unique(pairs.index.get_level_values("customer"), return_inverse=True)
    items, column = np.unique(pairs.index.get_level_values("item"), return_inverse=True)
    table = sparse.csr_matrix((np.ones(len(row), "int32"), (row, column)), shape=(len(customers), len(items)))
    # Every n-th, the same every time.
    chosen = np.unique(np.linspace(0, max(len(customers) - 1, 0), min(len(customers), MOST_PEERS)).astype("int64"))
    peers = table[chosen]
    size, peer_size = (np.asarray(each.sum(axis=1), dtype="float64").ravel() for each in (table, peers))
    step = max(1, _CELLS // max(len(chosen), len(items), 1))
    pieces = [
        _find_missing(table[first : first + step], size[first : first + step], first, peers, peer_size, chosen)
        for first in range(0, len(customers) if len(chosen) > ALIKE else 0, step)
    ]
    who, what, share = map(np.concatenate, zip(*pieces, strict=True)) if pieces else np.zeros((3, 0))
    index = pd.MultiIndex.from_arrays(
        [customers[who.astype("int64")], items[what.astype("int64")]], names=["customer", "item"]
    )
    worth = pairs.groupby("item")["yearly_worth"].median()
    worth = worth.reindex(index.get_level_values("item")).to_numpy(dtype="float64")
    return pd.DataFrame({"share": share, "yearly_worth": worth}, index=index)


def _find_missing(own, size, first, peers, peer_size, chosen):
    """Row, column and share of what is missing in a chunk of the table that begins with row `first`."""
    overlap = (own @ peers.T).toarray().astype("float64")
    # The square of the cosine sorts alike, and is the same float wherever it is the same fraction.
    alike = overlap**2 / (size[:, None] * peer_size)
    place = np.searchsorted(chosen, first + np.arange(len(size)))
    place = place.clip(0, len(chosen) - 1)
    itself = chosen[place] == first + np.arange(len(size))
    alike[itself.nonzero()[0], place[itself]] = -1
    least = np.partition(alike, -ALIKE, axis=1)[:, -ALIKE][:, None]
    above, equal = alike > least, alike == least
    taken = above | equal & (equal.cumsum(axis=1) <= ALIKE - above.sum(axis=1, keepdims=True))
    buyers = taken.astype("int32") @ peers
    missing = (buyers >= SHARE * ALIKE) & (own.toarray() == 0) & (least > 0)
    who, what = missing.nonzero()
    return who + first, what, buyers[who, what] / ALIKE


def recommend(pairs: pd.DataFrame, customers: np.ndarray, count: int) -> pd.DataFrame:
    """What each customer is likely to buy next: what the customer bought most often and lately, then what most do.

    Parameters
    ----------
    pairs : as `summarize` returns them, of one company
    customers : ids, int64, unique; those without a purchase are recommended what most customers buy
    count : how many items for each, at most

    Returns
    -------
    pd.DataFrame of int64, columns ``customer``, ``item`` and ``rank`` from 0, by customer in the order of `customers`
    and rank; with equal weights the item with the smaller id is first
    """
    own = pairs.reset_index()[["customer", "item", "weight"]]
    by_all = own.groupby("item")["weight"].agg(["size", "sum"]).reset_index()
    top = by_all.sort_values(["size", "sum", "item"], ascending=[False, False, True])["item"].to_numpy()
    own = own[own["customer"].isin(customers)].assign(
        weight=lambda frame: frame["weight"].round(9)  # the same whichever machine raised it to a power
    )
    # The first `count` of all are enough: at most that many are missing, but some are the customer's own already.
    filled = pd.DataFrame(
        {
            "customer": np.repeat(customers, min(len(top), 2 * count)),
            "item": np.tile(top[: 2 * count], len(customers)),
            "weight": np.tile(-1.0 - np.arange(min(len(top), 2 * count)), len(customers)),
        }
    )
    found = pd.concat([own, filled], ignore_index=True)
    place = pd.Index(customers).get_indexer(found["customer"])
    found = found.assign(place=place).sort_values(["place", "weight", "item"], ascending=[True, False, True])
    found = found.drop_duplicates(["customer", "item"])
    found = found.assign(rank=found.groupby("place").cumcount())
    found = found[found["rank"] < count].reset_index(drop=True)
    return found[["customer", "item", "rank"]].astype("int64")


def find_all(read: list, as_of, decimals: int) -> tuple[pd.DataFrame, dict]:
    """What is stopped and missing among the goods of one company.

    Parameters
    ----------
    read : dicts of arrays of lines, shape (n_lines,): ``customer``, ``day``, ``product``, ``category``, ``quantity``
        and ``money``, as `summarize` wants them; no customer in two of them
    as_of : the last day that counts, datetime.date
    decimals : of the currency

    Returns
    -------
    found : pd.DataFrame, index = ``partner_id``: ``product_id`` and ``category_id`` (int64, one of them 0), ``kind``
        ("stopped" or "missing"), ``last_day`` (datetime64[s], NaT: never), ``usual_gap``, ``usual_quantity``,
        ``yearly_worth`` and ``buyer_share`` (float64, NaN: not said)
    bought : ``{"product_id" or "category_id": last day of each pair}``, Series of datetime64[s], index = ``customer``
        and ``item``
    """
    names = ("customer", "day", "quantity", "money", "product", "category")
    lines = {name: np.concatenate([each[name] for each in read]) for name in names}
    pieces, bought = [], {}
    for column, item in (("product_id", "product"), ("category_id", "category")):
        asked = [lines[name] for name in ("customer", item, "day", "quantity", "money")]
        pairs = _summarize_all(*asked, as_of, decimals)
        bought[column] = pairs["last_day"]
        pieces.append(find_stopped(pairs, as_of).assign(kind="stopped", column=column))
        if item == "category":
            pieces.append(find_missing(pairs).assign(kind="missing", column=column))
    found = pd.concat([piece.reset_index() for piece in pieces], ignore_index=True)
    for column in bought:
        found[column] = np.where(found["column"] == column, found["item"], 0).astype("int64")
    found = found.rename(columns={"customer": "partner_id", "share": "buyer_share"}).set_index("partner_id")
    columns = ["product_id", "category_id", "kind", "last_day", "usual_gap", "usual_quantity", "yearly_worth"]
    return found[[*columns, "buyer_share"]], bought


def _summarize_all(customer, item, day, quantity, money, as_of, decimals) -> pd.DataFrame:
    """The same as `summarize`, of some customers at a time: meanwhile it takes much more memory than what it finds."""
    ids = np.unique(customer)
    step = max(1, len(ids) * _LINES // max(len(customer), 1))
    pieces = []
    for first in range(0, max(len(ids), 1), step):
        some = np.isin(customer, ids[first : first + step])
        pieces.append(summarize(*(each[some] for each in (customer, item, day, quantity, money)), as_of, decimals))
    return pd.concat(pieces)


def recommend_all(read: list, products: np.ndarray, as_of, decimals: int, count: int) -> pd.DataFrame:
    """The products that all who bought something are likely to buy next, see `recommend`.

    What most customers buy is asked within each dict, because those of one policy are alike.

    Parameters
    ----------
    read : as for `find_all`
    products : ids of those that may be recommended, int
    as_of, decimals : as for `summarize`
    count : how many products for each, at most

    Returns
    -------
    As `recommend`
    """
    names = ("customer", "product", "day", "quantity", "money")
    pieces = []
    for goods in read:
        kept = np.isin(goods["product"], products)
        pairs = _summarize_all(*(goods[name][kept] for name in names), as_of, decimals)
        customers = np.unique(goods["customer"]).astype("int64")
        pieces += [
            recommend(pairs, customers[first : first + MOST_AT_ONCE], count)
            for first in range(0, len(customers), MOST_AT_ONCE)
        ]
    return pd.concat([pd.DataFrame(columns=["customer", "item", "rank"], dtype="int64"), *pieces], ignore_index=True)


def measure(recommended: pd.DataFrame, came: pd.DataFrame, count: int) -> float:
    """The precision at `count`: which share of what was recommended was bought.

    Parameters
    ----------
    recommended : as `recommend` returns it
    came : ``customer`` and ``item`` of what was bought afterwards; customers who bought nothing are not judged

    Returns
    -------
    The mean over the customers who bought, 0 to 1; NaN without any
    """
    came = came[["customer", "item"]].drop_duplicates()
    judged = recommended[recommended["customer"].isin(came["customer"]) & (recommended["rank"] < count)]
    if judged.empty:
        return float("nan")
    hits = judged.merge(came, on=["customer", "item"])
    return len(hits) / (count * judged["customer"].nunique())
