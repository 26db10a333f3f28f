"""What goods cost the company, from the lines of documents."""

from odoo.tools import SQL

from .base import FLOAT, ID, INTEGER, MOST


def get_cost_today(line):
    """What one unit of a line costs today in the company's currency, as Odoo's own analysis of invoices reads it; with
    :func:`join_cost_today`.

    :param line: the alias of ``sale_order_line`` or ``account_move_line``
    """
    return SQL(
        "COALESCE((product.standard_price ->> %s::text)::numeric, 0) * COALESCE(sold_in.factor, 1)::numeric"
        " / COALESCE(NULLIF(kept_in.factor, 0), 1)::numeric",
        SQL.identifier(line, "company_id"),
    )


def join_cost_today(line):
    """The joins for :func:`get_cost_today`."""
    return SQL(
        """LEFT JOIN product_product product ON product.id = %s
           LEFT JOIN product_template template ON template.id = product.product_tmpl_id
           LEFT JOIN uom_uom sold_in ON sold_in.id = %s
           LEFT JOIN uom_uom kept_in ON kept_in.id = template.uom_id""",
        SQL.identifier(line, "product_id"),
        SQL.identifier(line, "product_uom_id"),
    )


def read_costs(reading, lines, ids, back=None):
    """Return the costs of documents as :meth:`.base.PurchaseSource.read_costs` does.

    Of goods without a cost nobody knows what they cost; a discount has none, and fees such as freight need none. A
    discount by a line of its own is one on all goods of the document, also on those without a cost. A line that is
    worth nothing and costs nothing, or a discount, is nobody's work.

    :param lines: the SELECT of the lines: ``line``, its id, ``document``, ``money`` (below 0: a discount, or goods that
        come back) and ``cost`` in the company's currency, ``quantity``, and whether it ``is_goods``
    :param back: the SELECT of which ``share`` of a ``line`` came back, several rows are added up; then the costs are
        those of what did. None: those of whole documents
    """
    if back is not None:
        lines = SQL(
            """
            SELECT line.line, document, money * share AS money, quantity * share AS quantity, cost * share AS cost,
                   is_goods
              FROM (%s) line
              JOIN (SELECT line, LEAST(GREATEST(SUM(share), 0), 1) AS share FROM (%s) back GROUP BY 1) back
                   ON back.line = line.line
            """,
            lines,
            back,
        )
    query = SQL(
        """
        SELECT document, cost, lines, money,
               uncosted * CASE WHEN goods > 0 THEN GREATEST(1 + discount / goods, 0) ELSE 1 END AS uncosted
          FROM (SELECT document, SUM(cost)::float8 AS cost, SUM(money)::float8 AS money,
                       COUNT(*) FILTER (WHERE is_goods AND (money > 0 OR cost != 0 OR quantity < 0)) AS lines,
                       COALESCE(SUM(money) FILTER (WHERE is_goods AND (money > 0 OR quantity < 0)), 0)::float8 AS goods,
                       COALESCE(SUM(money) FILTER (WHERE is_goods AND cost = 0 AND money < 0 AND quantity >= 0),
                                0)::float8 AS discount,
                       COALESCE(SUM(money) FILTER (WHERE is_goods AND cost = 0 AND (money > 0 OR quantity < 0)),
                                0)::float8 AS uncosted
                  FROM (SELECT document, is_goods, quantity, %(cost)s AS cost, %(money)s AS money
                          FROM (%(lines)s) line) line
              GROUP BY document) charged
        """,
        cost=_limit("cost"),
        money=_limit("money"),
        lines=lines,
    )
    found = reading.fetch(query, {"document": ID, "cost": FLOAT, "lines": INTEGER, "money": FLOAT, "uncosted": FLOAT})
    place, row = reading.find_in(ids, found["document"])
    return place, *(found[name][row] for name in ("cost", "uncosted", "lines", "money"))


def _limit(column):
    """A number that makes no sum fail, however it was typed."""
    return SQL("LEAST(GREATEST(%s, %s), %s)", SQL.identifier(column), -MOST, MOST)
