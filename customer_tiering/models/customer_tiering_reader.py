from datetime import datetime, time

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .. import tools

# Messages that a person wrote to, from or about the customer; notifications are left out, because a
# done activity posts one and would count twice.
CONTACT_MESSAGE_TYPES = ("email", "email_outgoing", "comment")

# What a source's column holds, and what a customer has there of whom the source knows nothing.
DATE = "date"  # nothing
COUNT = "count"  # a whole number, 0
SUM = "sum"  # 0
NUMBER = "number"  # nothing
KINDS = {DATE: tools.DATE, COUNT: tools.INTEGER, SUM: tools.FLOAT, NUMBER: tools.FLOAT}
DTYPES = {DATE: "datetime64[s]", COUNT: "int64", SUM: "float64", NUMBER: "float64"}
NOTHING = {DATE: "NaT", COUNT: 0, SUM: 0.0, NUMBER: float("nan")}


class People:
    """The partners, and the customer that each of them belongs to.

    :param partner_ids: ids of partners, in any order
    :param customer_ids: the commercial partner of each
    :param colleagues: whether each is an internal user
    """

    def __init__(self, partner_ids, customer_ids, colleagues):
        order = partner_ids.argsort()
        self.ids = partner_ids[order]
        self.customer_ids = customer_ids[order]
        self.colleagues = colleagues[order]

    def find(self, partner_ids):
        """Return the place of each partner in ``ids``, -1 for strangers."""
        return find(self.ids, partner_ids)


def find(ids, wanted):
    """Return the place of each of ``wanted`` in the ascending array ``ids``, -1 for those that are not there."""
    import numpy as np  # noqa: PLC0415

    if not len(ids):
        return np.full(len(wanted), -1)
    first, span = ids[0], ids[-1] - ids[0]
    if span < 8 * len(ids) + 1000:  # ids mostly are: looked up in a table, ten times as fast
        table = np.full(span + 2, -1, dtype="int32")
        table[ids - first] = np.arange(len(ids))
        return table[np.clip(wanted - first, -1, span + 1)]
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[place] == wanted, place, -1)


def _join(events, customers):
    """Return meeting and customer in one number each."""
    return (events.astype("int64") << 31) + customers


def to_days(moments, timezone):
    """Return the day of each moment (datetime64, naive UTC) in a time zone, as datetime64[D]."""
    import pandas as pd  # noqa: PLC0415

    local = pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(timezone).tz_localize(None)
    return local.to_numpy().astype("datetime64[D]")


class CustomerTieringReader(models.AbstractModel):
    """Turns orders, credit notes and contacts into one row per customer.

    The ORM is bypassed because 200,000 customers with 2,000,000 orders have to be read in seconds, by
    statements whose number and text do not depend on the number of customers. It runs as superuser
    and filters the company itself.

    Orders, their lines, credit notes and contacts come as arrays, a row each and only the columns that count, in
    one scan of each table; the engine sums them up by customer. So the same scan answers several questions.

    What only few metrics need comes from *sources*, each a SELECT with a row per customer, which is read
    when one of its metrics is in use. Another module adds its own in :meth:`_get_sources`.
    """

    _name = "customer.tiering.reader"
    _description = "Customer Tiering Reader"

    @api.model
    def _read_customers(self, policy, as_of, metrics=(), partner_ids=None):
        """Read the customers of ``policy`` as of the end of day ``as_of``.

        :param policy: a ``customer.tiering.policy`` record
        :param as_of: a ``datetime.date``, the last day that counts
        :param metrics: keys of the metrics in use: what only other metrics need is not read
        :param partner_ids: ids of the only customers to read, in milliseconds whatever the size of
            the tables; their rows are those of the full read. None: all customers
        :return: a DataFrame as ``engine/schema.py`` describes it: index = id of the commercial
            partner (int64, ascending); money in the company's currency, rounded to its decimals
        """
        import numpy as np  # noqa: PLC0415 - stays out of the server's start-up
        import pandas as pd  # noqa: PLC0415

        from ..engine import contacts, products, purchases, quotations, schema  # noqa: PLC0415

        self.env.flush_all()
        company, timezone = policy.company_id, policy.company_id._get_tiering_timezone()
        needed = self._get_needed_columns(metrics)
        people = self._read_people(partner_ids)
        parameters = self._get_parameters(policy, as_of, None if partner_ids is None else people.ids.tolist())
        asked, lined = (bool(needed & set(engine.COLUMNS)) for engine in (quotations, products))
        orders = self._read_orders(people, parameters, asked, lined)

        candidates = self._read_candidates(company, policy._get_population_domain(), partner_ids)
        dealing = np.zeros(len(people.ids) + 1, dtype=bool)
        dealing[orders["person"][orders["live"]]] = True
        known = np.append(people.customer_ids[dealing[:-1]], self._read_known(parameters))
        customers = pd.Index(candidates[np.isin(candidates, known)], dtype="int64", name=schema.CUSTOMER)

        # From the place of a person to the place of the customer; -1, a stranger, leads to -1.
        places = np.append(customers.get_indexer(people.customer_ids), -1).astype("int32")
        orders["buyer"] = places[orders["person"]]
        orders["day"] = to_days(orders.pop("moment"), timezone)
        window = {"as_of": as_of, "window_days": policy.window_days}
        money = {"decimals": company.currency_id.decimal_places}
        bought, credited = self._choose_purchases(orders, as_of), self._read_credits(people, places, parameters)
        frame = purchases.summarize(customers, bought, credited, **window, **money)
        del bought
        who, day = self._read_contacts(people, places, orders, parameters, as_of, timezone)
        frame = frame.join(contacts.summarize(customers, who, day, **window))
        if asked:
            placed = self._choose_quotations(orders, parameters, timezone)
            frame = frame.join(quotations.summarize(customers, *placed, **money))
        if lined:
            lines = self._read_lines(orders, parameters)
            frame = frame.join(products.summarize(customers, *lines, **money))
        del orders
        frame = frame[[column for column in frame if column in needed]]
        for query, kinds in self._get_needed_sources(policy, parameters, needed):
            frame = frame.join(self._read_source(customers, query, kinds))
        return frame

    # ------------------------------------------------------------------
    # Rows
    # ------------------------------------------------------------------

    def _read_people(self, partner_ids):
        only = SQL("IS NOT NULL") if partner_ids is None else SQL("= ANY(%s)", list(partner_ids))
        query = SQL(
            """
            SELECT id, commercial_partner_id AS customer, partner_share IS FALSE AS colleague
              FROM res_partner
             WHERE commercial_partner_id %s
            """,
            only,
        )
        columns = {"id": tools.ID, "customer": tools.ID, "colleague": tools.BOOLEAN}
        return People(*tools.fetch_arrays(self.env.cr, query, columns).values())

    def _read_candidates(self, company, domain, partner_ids):
        """Return the ids of the partners who match, ascending, whether they have dealings with the company or not."""
        if partner_ids is not None:
            domain &= Domain("id", "in", list(partner_ids))
        query = self._get_candidate_query(company, domain)
        ids = tools.fetch_arrays(self.env.cr, query, {"id": tools.ID})["id"]
        ids.sort()
        return ids

    def _read_known(self, parameters):
        """Return the ids of the customers with a scorecard or a lock."""
        query = SQL(
            """
            SELECT partner_id FROM customer_tiering_scorecard WHERE company_id = %(company)s AND %(of_partners)s
         UNION ALL
            SELECT partner_id FROM customer_tiering_lock
             WHERE company_id = %(company)s AND active IS TRUE AND %(of_partners)s
            """,
            **parameters,
        )
        return tools.fetch_arrays(self.env.cr, query, {"partner_id": tools.ID})["partner_id"]

    def _fetch(self, table, query, columns, parameters):
        """Return the arrays of ``query``, in parts where it may bring all rows of a table."""
        if parameters["everybody"]:
            return tools.fetch_parts(self.env.cr, table, query, columns)
        return tools.fetch_arrays(self.env.cr, query, columns)

    def _read_orders(self, people, parameters, asked, lined):
        """Return the arrays of the company's quotations and orders of any state, with the place of each ``person``.

        The ``amount`` is money of the company's currency for confirmed orders, of which those before the
        window only say whether it is positive: their money counts nowhere, and to convert it takes longest.
        ``currency_rate`` is the order currency per company currency on the day of the order; Odoo
        itself reads a missing or zero rate as 1.

        :param asked: read the teams and what is quoted, too
        :param lined: read the rates, which convert the money of lines, too
        """
        columns = {"id": tools.ID, "partner_id": tools.ID, "moment": tools.MOMENT}
        columns |= {"confirmed": tools.BOOLEAN, "amount": tools.FLOAT}
        more = {}
        if asked:
            columns |= {"team": tools.ID, "quoted_at": tools.MOMENT, "quoted": tools.FLOAT}
            more["team"] = SQL("team_id")
            more["quoted_at"] = SQL("CASE WHEN state IN ('draft', 'sent') THEN create_date END")
            more["quoted"] = SQL(
                """CASE WHEN state IN ('draft', 'sent')
                        THEN COALESCE(amount_untaxed / COALESCE(NULLIF(currency_rate, 0), 1), 0)::float8
                        ELSE 0::float8 END"""
            )
        if lined:
            columns |= {"rate": tools.FLOAT}
            more["rate"] = SQL(
                """CASE WHEN state != 'sale' OR date_order < %(since)s OR currency_rate = 1 THEN 1::float8
                        ELSE COALESCE(NULLIF(currency_rate, 0), 1)::float8 END""",
                **parameters,
            )
        query = SQL(
            """
            SELECT id, partner_id, date_order AS moment, state = 'sale' AS confirmed, %(more)s
                   CASE WHEN state = 'cancel' THEN 'NaN'
                        WHEN state != 'sale' THEN 0
                        WHEN date_order < %(since)s THEN CASE WHEN amount_untaxed > 0 THEN 1 ELSE 0 END
                        WHEN currency_rate = 1 THEN COALESCE(amount_untaxed, 0)::float8
                        ELSE COALESCE(amount_untaxed / COALESCE(NULLIF(currency_rate, 0), 1), 0)::float8
                        END::float8 AS amount
              FROM sale_order
             WHERE company_id = %(company)s AND %(of_partners)s
            """,
            more=SQL("").join(SQL("%s AS %s,", value, SQL.identifier(column)) for column, value in more.items()),
            **parameters,
        )
        orders = self._fetch("sale_order", query, columns, parameters)
        orders["person"] = people.find(orders.pop("partner_id"))
        orders["live"] = orders["amount"] == orders["amount"]  # not NaN: not cancelled
        return orders

    def _choose_purchases(self, orders, as_of):
        """Return the confirmed orders until ``as_of``: place of the customer, day and money."""
        from ..engine import schema  # noqa: PLC0415

        chosen = orders["confirmed"] & (orders["buyer"] >= 0) & (orders["day"] <= schema.day(as_of))
        return orders["buyer"][chosen], orders["day"][chosen], orders["amount"][chosen]

    def _choose_in_window(self, orders, parameters):
        """Return which orders of any state are of a customer and dated in the window."""
        from ..engine import schema  # noqa: PLC0415

        day = orders["day"]
        return (
            (orders["buyer"] >= 0)
            & (day > schema.day(parameters["window_start"]))
            & (day <= schema.day(parameters["as_of"]))
        )

    def _choose_quotations(self, orders, parameters, timezone):
        """Return what ``engine/quotations.py`` takes: the orders of any state that are dated in the window, the
        purchases among them, and the quotations that are open now and were there on the day ``as_of``."""
        from ..engine import schema  # noqa: PLC0415

        buyer, confirmed, quoted_at = orders["buyer"], orders["confirmed"], orders["quoted_at"]
        placed = self._choose_in_window(orders, parameters)
        bought = placed & confirmed & (orders["amount"] > 0)
        quoted = (buyer >= 0) & (quoted_at == quoted_at)  # not NaT
        quoted[quoted] = to_days(quoted_at[quoted], timezone) <= schema.day(parameters["as_of"])
        return (
            (buyer[placed], confirmed[placed]),
            (buyer[bought], orders["team"][bought]),
            (buyer[quoted], orders["quoted"][quoted]),
        )

    def _read_lines(self, orders, parameters):
        """Return what ``engine/products.py`` takes: the lines of the purchases in the window.

        Lines with a negative price (a discount, a reward) are nothing that somebody bought.
        """
        import numpy as np  # noqa: PLC0415

        chosen = self._choose_in_window(orders, parameters) & orders["confirmed"] & (orders["amount"] > 0)
        chosen = np.flatnonzero(chosen)
        chosen = chosen[orders["id"][chosen].argsort()]
        ids = orders["id"][chosen]
        if parameters["everybody"]:
            # Which of the orders, is asked below; most that are not are older and have smaller ids.
            of_orders = SQL("order_id >= %s AND order_id <= %s", *(map(int, ids[[0, -1]]) if len(ids) else (0, 0)))
        else:
            of_orders = SQL("order_id = ANY(%s)", ids.tolist())
        query = SQL(
            """
            SELECT id, order_id, product_id AS product, GREATEST(price_subtotal, 0) AS cost,
                   price_unit AS price, product_uom_qty AS quantity, discount
              FROM sale_order_line
             WHERE %(of_orders)s AND display_type IS NULL AND product_uom_qty > 0 AND price_unit >= 0
               AND company_id = %(company)s
            """,
            of_orders=of_orders,
            **parameters,
        )
        columns = {"order_id": tools.ID, "product": tools.ID}
        columns |= dict.fromkeys(("cost", "price", "quantity", "discount"), tools.FLOAT)
        lines = self._fetch("sale_order_line", query, columns, parameters)
        place = find(ids, lines.pop("order_id"))
        known = place >= 0
        order = chosen[place[known]]
        rate = orders["rate"][order]
        cost, price, quantity, discount = (np.nan_to_num(lines.pop(c)[known]) for c in list(columns)[2:])
        listed = price * quantity / rate
        product = lines.pop("product")[known]
        money = cost / rate, listed, listed * discount / 100
        return orders["buyer"][order], orders["day"][order], product, self._read_categories(product, parameters), money

    def _read_categories(self, products, parameters):
        """Return the category of each product (ids), 0: none."""
        import numpy as np  # noqa: PLC0415

        query = SQL(
            """
            SELECT product.id, template.categ_id AS category
              FROM product_product product
              JOIN product_template template ON template.id = product.product_tmpl_id
             WHERE %s
            """,
            SQL("TRUE") if parameters["everybody"] else SQL("product.id = ANY(%s)", np.unique(products).tolist()),
        )
        rows = tools.fetch_arrays(self.env.cr, query, {"id": tools.ID, "category": tools.ID})
        by_id = rows["id"].argsort()
        categories = np.append(rows["category"][by_id], 0)
        return categories[find(rows["id"][by_id], products)]

    def _read_credits(self, people, places, parameters):
        """Return the posted credit notes in the window: place of the customer and (negative) money.

        A credit note that an entry has reversed counts no more.
        """
        query = SQL(
            """
            SELECT partner_id, COALESCE(amount_untaxed_signed, 0) AS amount
              FROM account_move
             WHERE company_id = %(company)s AND move_type = 'out_refund' AND state = 'posted'
               AND payment_state IS DISTINCT FROM 'reversed'
               AND invoice_date > %(window_start)s AND invoice_date <= %(as_of)s AND %(of_partners)s
            """,
            **parameters,
        )
        rows = tools.fetch_arrays(self.env.cr, query, {"partner_id": tools.ID, "amount": tools.FLOAT})
        customer = places[people.find(rows["partner_id"])]
        return customer[customer >= 0], rows["amount"][customer >= 0]

    def _read_contacts(self, people, places, orders, parameters, as_of, timezone):
        """Return the contacts until ``as_of``: place of the customer and day.

        Messages and done activities on the customer, its contacts and their orders in the company, and meetings.
        A meeting counts once for a customer, however many of its contacts attend. The done activity
        from which it was planned is the same contact, whichever day somebody marked it as done.
        """
        import numpy as np  # noqa: PLC0415

        from ..engine import schema  # noqa: PLC0415

        messages = self._fetch("mail_message", *self._get_message_query(parameters), parameters)
        activities = tools.fetch_arrays(self.env.cr, *self._get_activity_query(parameters))
        company = SQL("(VALUES (%(company)s, %(timezone)s))", **parameters)
        query = self._get_attendance_query(company, parameters["of_attendees"])
        columns = {"event_id": tools.ID, "partner_id": tools.ID, "day": tools.DATE}
        attendance = tools.fetch_arrays(self.env.cr, query, columns)
        by_id = orders["id"].argsort()
        order_ids, order_people = orders["id"][by_id], np.append(orders["person"][by_id], -1)

        def find_customers(documents):
            on_order, res_id = documents["on_order"], documents["res_id"]
            person = np.empty(len(res_id), dtype=int)
            person[~on_order] = people.find(res_id[~on_order])
            person[on_order] = order_people[find(order_ids, res_id[on_order])]
            return places[person]

        person = people.find(attendance["partner_id"])
        met = (person >= 0) & (attendance["day"] <= schema.day(as_of))
        met[met] = ~people.colleagues[person[met]]
        guest, event, met_on = places[person[met]], attendance["event_id"][met], attendance["day"][met]
        meetings, first = np.unique(_join(event, guest), return_index=True)

        doer = find_customers(activities)
        again = np.isin(_join(activities["event_id"], doer), meetings)
        who = np.concatenate((find_customers(messages), doer[~again], guest[first]))
        day = np.concatenate((to_days(messages["moment"], timezone), activities["day"][~again], met_on[first]))
        past = (who >= 0) & (day <= schema.day(as_of))
        return who[past], day[past]

    def _read_source(self, customers, query, kinds):
        """Return the frame of one source's columns."""
        import numpy as np  # noqa: PLC0415
        import pandas as pd  # noqa: PLC0415

        types = {column: KINDS[kind] for column, kind in kinds.items()}
        rows = tools.fetch_arrays(self.env.cr, query, {"customer": tools.ID, **types})
        place = customers.get_indexer(rows["customer"])
        frame = {}
        for column, kind in kinds.items():
            values = rows[column] if kind != SUM else np.nan_to_num(rows[column])
            frame[column] = np.full(len(customers), NOTHING[kind], dtype=DTYPES[kind])
            frame[column][place[place >= 0]] = values[place >= 0]
        return pd.DataFrame(frame, index=customers)

    # ------------------------------------------------------------------
    # What was decided before
    # ------------------------------------------------------------------

    @api.model
    def _read_cards(self, company, partner_ids=None):
        """Read the scorecards of ``company``.

        :param company: a ``res.company`` record
        :param partner_ids: read only these, as in :meth:`_read_customers`
        :return: a DataFrame: index = id of the customer (ascending); id, policy_id, the ids of tiers and of
            the lock (int64, 0: none), score (float64), dates (datetime64) and the ``digest`` of what is written
        """
        import pandas as pd  # noqa: PLC0415

        self.env.flush_all()
        columns = {
            "partner_id": tools.ID,
            "id": tools.ID,
            "policy_id": tools.ID,
            "tier_id": tools.ID,
            "computed_tier_id": tools.ID,
            "computed_since": tools.DATE,
            "pending_tier_id": tools.ID,
            "pending_date": tools.DATE,
            "lock_id": tools.ID,
            "score": tools.FLOAT,
            "digest": tools.INTEGER,
        }
        query = SQL(
            "SELECT * FROM customer_tiering_scorecard WHERE company_id = %s AND %s",
            company.id,
            SQL("TRUE") if partner_ids is None else SQL("partner_id = ANY(%s)", list(partner_ids)),
        )
        cards = pd.DataFrame(tools.fetch_arrays(self.env.cr, query, columns))
        return cards.set_index(cards.pop("partner_id").astype("int64").rename("customer")).sort_index()

    @api.model
    def _read_states(self, company, as_of, customers, cards, partner_ids=None):
        """Return what was decided about customers before, and the locks that hold on ``as_of``.

        :param company: a ``res.company`` record
        :param as_of: a ``datetime.date``
        :param customers: the index of the frame of customers; the result has the same
        :param cards: what :meth:`_read_cards` returned
        :param partner_ids: ids of the only customers whose locks are read; None: all
        :return: a DataFrame: previous_tier, pending_tier, lock_id, lock_tier (Int64), previous_since,
            pending_date (datetime64), lock_mode (object); missing where there is none
        """
        import pandas as pd  # noqa: PLC0415

        rows = self.env.execute_query(self.env["customer.tiering.lock"]._get_query(company, as_of, partner_ids))
        locks = pd.DataFrame(rows, columns=["customer", "lock_id", "lock_mode", "lock_tier"]).set_index("customer")
        before = cards.reindex(customers)
        keys = {"previous_tier": before["computed_tier_id"], "pending_tier": before["pending_tier_id"]}
        return pd.DataFrame(
            {
                **{key: tiers.where(tiers > 0).astype("Int64") for key, tiers in keys.items()},
                "previous_since": before["computed_since"],
                "pending_date": before["pending_date"],
                **locks.reindex(customers).astype({"lock_id": "Int64", "lock_mode": object, "lock_tier": "Int64"}),
            }
        )

    # ------------------------------------------------------------------
    # Who is a customer
    # ------------------------------------------------------------------

    @api.model
    def _count_customers(self, company, domain):
        """Return how many customers of ``company`` match ``domain``."""
        self.env.flush_all()
        query = SQL(
            """
            SELECT COUNT(*) FROM (%(candidates)s) customer
             WHERE id IN (SELECT commercial_partner_id FROM res_partner
                           WHERE id IN (SELECT partner_id FROM sale_order
                                         WHERE company_id = %(company)s AND state != 'cancel'))
                OR id IN (SELECT partner_id FROM customer_tiering_scorecard WHERE company_id = %(company)s)
                OR id IN (SELECT partner_id FROM customer_tiering_lock
                           WHERE company_id = %(company)s AND active IS TRUE)
            """,
            candidates=self._get_candidate_query(company, domain),
            company=company.id,
        )
        ((count,),) = self.env.execute_query(query)
        return count

    @api.model
    def _get_sources(self, policy, parameters):
        """Return what can be read of customers.

        :param policy: a ``customer.tiering.policy`` record
        :param parameters: what :meth:`_get_parameters` returns
        :return: ``{name: (SELECT, {column: kind})}``; the SELECT has one row per customer, with the
            commercial partner's id as ``customer`` and the columns under their names in the frame;
            the kind is DATE, COUNT, SUM or NUMBER
        """
        return {
            "overdue": (self._get_overdue_query(parameters), {"overdue_activity_count": COUNT}),
        }

    @api.model
    def _get_needed_columns(self, metrics):
        """Return the columns that every run or one of ``metrics`` needs."""
        from ..engine import metrics as engine_metrics  # noqa: PLC0415
        from ..engine import schema  # noqa: PLC0415

        return schema.DTYPES.keys() | {schema.REFUND_AMOUNT} | engine_metrics.needed_columns(metrics)

    @api.model
    def _get_needed_sources(self, policy, parameters, needed):
        """Return the sources with some of the columns ``needed``, and only these: ``[(SELECT, {column: kind})]``."""
        sources = []
        for query, kinds in self._get_sources(policy, parameters).values():
            kinds = {column: kind for column, kind in kinds.items() if column in needed}
            if kinds:
                sources.append((query, kinds))
        return sources

    @api.model
    def _get_parameters(self, policy, as_of, people_ids):
        """Return the parameters of the queries.

        ``window_start`` is the day before the window. ``since`` and ``until`` are moments (naive UTC)
        that only keep PostgreSQL from looking at other rows; the day decides. No place on earth is
        24 hours ahead of UTC, so what happens before ``since`` happens before the window everywhere.

        :param people_ids: ids of the only customers and all their contacts, or None
        """
        window_start, until = policy._get_window(as_of)
        return {
            "everybody": people_ids is None,
            "company": policy.company_id.id,
            "timezone": policy.company_id._get_tiering_timezone().zone,
            "decimals": policy.company_id.currency_id.decimal_places,
            "as_of": as_of,
            "window_start": window_start,
            "since": datetime.combine(window_start, time()),
            "until": until,
            "of_partners": self._get_partner_condition(SQL.identifier("partner_id"), people_ids),
            "of_messages": self._get_document_condition("message", "model", people_ids),
            "of_activities": self._get_document_condition("activity", "res_model", people_ids),
            "of_attendees": self._get_partner_condition(SQL.identifier("attendance", "res_partner_id"), people_ids),
        }

    @api.model
    def _get_partner_condition(self, column, people_ids):
        """Return the condition that ``column`` is one of these partners; None: any."""
        return SQL("TRUE") if people_ids is None else SQL("%s = ANY(%s)", column, people_ids)

    @api.model
    def _get_document_condition(self, alias, model_column, people_ids):
        """Return the condition that a message or an activity is on one of these partners or their orders."""
        if people_ids is None:
            return SQL("TRUE")
        return SQL(
            """(%(model)s = 'res.partner' AND %(res_id)s = ANY(%(people)s)
             OR %(model)s = 'sale.order' AND %(res_id)s = ANY(ARRAY(
                    SELECT id FROM sale_order WHERE partner_id = ANY(%(people)s))))""",
            model=SQL.identifier(alias, model_column),
            res_id=SQL.identifier(alias, "res_id"),
            people=people_ids,
        )

    @api.model
    def _get_candidate_query(self, company, domain):
        """Return the SELECT of the active commercial partners who match ``domain``, without the companies' own."""
        own = Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%(id)s = %(commercial)s AND %(id)s NOT IN (SELECT partner_id FROM res_company)",
                id=SQL.identifier(alias, "id"),
                commercial=SQL.identifier(alias, "commercial_partner_id"),
            )
        )
        partners = self.env["res.partner"].sudo().with_company(company)
        return partners._search(Domain("active", "=", True) & domain & own).select()

    @api.model
    def _get_message_query(self, parameters):
        """Return the SELECT of what people wrote to, from or about customers, and the kinds of its columns."""
        query = SQL(
            """
            SELECT id, model = 'sale.order' AS on_order, res_id, date AS moment
              FROM mail_message message
             WHERE message_type IN %(types)s AND model IN ('sale.order', 'res.partner')
               AND date < %(until)s AND %(of_messages)s
            """,
            types=CONTACT_MESSAGE_TYPES,
            **parameters,
        )
        return query, {"on_order": tools.BOOLEAN, "res_id": tools.ID, "moment": tools.MOMENT}

    @api.model
    def _get_activity_query(self, parameters):
        """Return the SELECT of the done activities on customers and orders, and the kinds of its columns.

        A follow-up that was closed because its reason had gone was no contact.
        """
        query = SQL(
            """
            SELECT res_model = 'sale.order' AS on_order, res_id, calendar_event_id AS event_id, date_done AS day
              FROM mail_activity activity
             WHERE active IS FALSE AND res_model IN ('sale.order', 'res.partner')
               AND date_done <= %(as_of)s AND %(of_activities)s
               AND NOT EXISTS (SELECT FROM customer_tiering_followup followup
                                WHERE followup.activity_id = activity.id AND followup.state = 'closed')
            """,
            **parameters,
        )
        columns = {"on_order": tools.BOOLEAN, "res_id": tools.ID, "event_id": tools.ID, "day": tools.DATE}
        return query, columns

    @api.model
    def _get_meeting_query(self, companies):
        """Return the SELECT of who met customers: what :meth:`_get_attendance_query` has, without colleagues, and
        the ``customer``; several contacts of a customer give equal rows.

        :param companies: a table of the companies' ids and the names of their time zones, as SQL
        """
        return SQL(
            """
            SELECT attended.company_id, attended.event_id, attendee.commercial_partner_id AS customer,
                   attended.day, attended.hours
              FROM (%s) attended
              JOIN res_partner attendee ON attendee.id = attended.partner_id
             WHERE attendee.partner_share IS NOT FALSE
            """,
            self._get_attendance_query(companies, SQL("TRUE")),
        )

    @api.model
    def _get_attendance_query(self, companies, of_attendees):
        """Return the SELECT of who attends meetings: a row per company, meeting and person, with ``company_id``,
        ``event_id``, ``partner_id``, ``day`` and ``hours``. Whoever declined the invitation does not attend.

        A meeting has no company: it belongs to those that its organizer may work in, and to all when
        no user organizes it. All-day meetings are kept as dates without a time zone, and count 8 hours
        a day. The occurrences of a recurrent meeting are rows of their own.

        :param companies: a table of the companies' ids and the names of their time zones, as SQL
        :param of_attendees: condition on ``attendance.res_partner_id``, as SQL
        """
        return SQL(
            """
            SELECT company.id AS company_id, event.id AS event_id, attendance.res_partner_id AS partner_id,
                   CASE WHEN event.allday THEN event.start_date
                        ELSE (event.start AT TIME ZONE 'UTC' AT TIME ZONE company.timezone)::date END AS day,
                   CASE WHEN event.allday THEN (event.stop_date - event.start_date + 1) * 8.0
                        ELSE event.duration END AS hours
              FROM calendar_event_res_partner_rel attendance
              JOIN calendar_event event ON event.id = attendance.calendar_event_id
              JOIN %(companies)s company (id, timezone)
                ON event.user_id IS NULL
                OR EXISTS (SELECT FROM res_company_users_rel WHERE cid = company.id AND user_id = event.user_id)
             WHERE event.active IS TRUE
               AND NOT EXISTS (SELECT FROM calendar_attendee answer
                                WHERE answer.event_id = event.id AND answer.partner_id = attendance.res_partner_id
                                  AND answer.state = 'declined')
               AND %(of_attendees)s
            """,
            companies=companies,
            of_attendees=of_attendees,
        )

    @api.model
    def _get_overdue_query(self, parameters):
        """Return the SELECT of the open activities whose deadline has passed, on each customer, its
        contacts and their orders in the policy's company."""
        return SQL(
            """
            SELECT customer.commercial_partner_id AS customer, COUNT(*) AS overdue_activity_count
              FROM mail_activity activity
         LEFT JOIN sale_order ON activity.res_model = 'sale.order' AND sale_order.id = activity.res_id
                             AND sale_order.company_id = %(company)s
              JOIN res_partner customer ON customer.id = CASE WHEN activity.res_model = 'res.partner'
                                                              THEN activity.res_id ELSE sale_order.partner_id END
             WHERE activity.res_model IN ('res.partner', 'sale.order') AND activity.active
               AND activity.date_deadline < %(as_of)s AND %(of_activities)s
          GROUP BY 1
            """,
            **parameters,
        )
