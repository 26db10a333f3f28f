"""What the people of customers looked at in the shops of a company, and what they left in their carts."""

from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from odoo.tools import SQL

from odoo.addons.customer_tiering.sources import customers, orders
from odoo.addons.customer_tiering.sources.base import COUNT, NUMBER, SUM, QuerySource

#: What is longer ago than so many days is not looked at, however long the policy's window is.
KEPT_DAYS = 90


class Views:
    """The views of pages and products that count, in SQL.

    :param company_id: whose websites count, those that are switched on
    :param timezone: name of the company's time zone
    :param as_of: the last day that counts
    :param window_start: the last day that does not; None: as many days as are kept
    """

    def __init__(self, company_id, timezone, as_of, window_start=None):
        self.company_id, self.timezone, self.as_of = company_id, timezone, as_of
        self.start = as_of - timedelta(days=KEPT_DAYS)
        if window_start:
            self.start = max(self.start, window_start)

    @classmethod
    def of_scope(cls, scope):
        """Return those of a :class:`Scope`."""
        return cls(scope.company_id, scope.timezone, scope.as_of, scope.window_start)

    @property
    def day(self):
        """The day of ``track`` in the company's time zone."""
        return self._get_day(SQL("track.visit_datetime"))

    @property
    def customer(self):
        """The customer of ``visitor``: that of the time of ``track``, if the contact has moved since."""
        return customers.get_customer(SQL("visitor"), SQL("COALESCE(track.visit_datetime, 'infinity')"))

    def _get_day(self, moment):
        return SQL("(%s AT TIME ZONE 'UTC' AT TIME ZONE %s)::date", moment, self.timezone)

    def _get_midnight(self, day):
        """The moment (naive UTC) at which a day ends in the company's time zone."""
        midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(self.timezone))
        return midnight.astimezone(timezone.utc).replace(tzinfo=None)

    def get_from(self, of_people):
        """Return the FROM of a SELECT: ``visitor``, a contact and its ``visitor_id``, ``track``, the view, and
        ``template``, the product.

        A visitor who viewed nothing is there, too. Only people who were logged in have a contact. A visitor is one for
        all websites and says on which it came first; pages and products of one website say it better.

        :param of_people: the condition on ``person``, the contact, that keeps others out
        """
        return SQL(
            """     (SELECT visitor.id AS visitor_id, visitor.website_id, visitor.create_date,
                            person.id, person.commercial_partner_id
                       FROM website_visitor visitor
                       JOIN res_partner person ON person.id = visitor.partner_id
                      WHERE %(of_people)s
                     OFFSET 0) visitor -- by itself: else contacts are looked up once per view
          LEFT JOIN website_track track ON track.visitor_id = visitor.visitor_id
                -- Moments and not their days: PostgreSQL knows how many there are.
                AND track.visit_datetime >= %(since)s AND track.visit_datetime < %(until)s
          LEFT JOIN website_page page ON page.id = track.page_id
          LEFT JOIN product_product product ON product.id = track.product_id
          LEFT JOIN product_template template ON template.id = product.product_tmpl_id
               JOIN website
                 ON website.id = COALESCE(page.website_id, template.website_id, visitor.website_id)
                AND website.company_id = %(company)s AND website.tiering_track
                AND (template.company_id IS NULL OR template.company_id = %(company)s)""",
            of_people=of_people,
            since=self._get_midnight(self.start),
            until=self._get_midnight(self.as_of),
            company=self.company_id,
        )

    def get_unbought(self, of_people):
        """Return the SELECT of what was viewed twice since it was last ordered: ``customer_id``, ``product_id`` (of the
        template), ``viewed_on``, the day of the second view, and ``ordered_on``, when it was ordered before, if ever.

        Odoo notes a view of the same product by the same person half an hour after the last one at the earliest.

        :param of_people: see :meth:`get_from`
        """
        return SQL(
            """
            SELECT viewed.customer_id, viewed.product_id, %(day_of)s AS viewed_on, %(ordered_on)s AS ordered_on
              FROM (SELECT customer_id, product_id, ARRAY_AGG(moment) AS moments
                      -- Most were viewed once: an array of each of them would take longer than all the rest.
                      FROM (SELECT customer_id, product_id, moment,
                                   COUNT(*) OVER (PARTITION BY customer_id, product_id) AS times
                              FROM (SELECT %(customer)s AS customer_id, template.id AS product_id,
                                           track.visit_datetime AS moment
                                      FROM %(from_tables)s
                                     WHERE template.active AND template.sale_ok) looked) view
                     WHERE times > 1
                  GROUP BY 1, 2) viewed
CROSS JOIN LATERAL (SELECT MAX(placed.date_order) AS moment
                      FROM (SELECT id, commercial_partner_id FROM res_partner
                             WHERE commercial_partner_id = viewed.customer_id
                             UNION
                            SELECT moved.id, moved.commercial_partner_id
                              FROM customer_tiering_former former JOIN res_partner moved ON moved.id = former.partner_id
                             WHERE former.customer_id = viewed.customer_id) buyer
                      JOIN sale_order placed ON placed.partner_id = buyer.id AND placed.company_id = %(company)s
                      JOIN sale_order_line line ON line.order_id = placed.id
                      JOIN product_product bought ON bought.id = line.product_id
                     WHERE %(buyer)s = viewed.customer_id AND %(is_confirmed)s
                       AND bought.product_tmpl_id = viewed.product_id AND %(order_day)s <= %(as_of)s) ordered
              JOIN LATERAL (SELECT moment
                              FROM unnest(viewed.moments) AS moment
                             WHERE ordered.moment IS NULL OR moment > ordered.moment
                          ORDER BY 1
                            OFFSET 1 LIMIT 1) second ON TRUE
            """,
            day_of=self._get_day(SQL("second.moment")),
            ordered_on=self._get_day(SQL("ordered.moment")),
            customer=self.customer,
            buyer=customers.get_customer(SQL("buyer"), SQL("placed.date_order")),
            from_tables=self.get_from(of_people),
            order_day=orders.get_day(self.timezone, "placed"),
            is_confirmed=orders.is_confirmed("placed"),
            company=self.company_id,
            as_of=self.as_of,
        )


class Visits(QuerySource):
    """On how many days somebody came, and how many different products were viewed, so that neither robots nor people
    who reload a page a thousand times make a customer of more interest. Who was never logged in is unknown."""

    columns = {"website_visit_count": NUMBER, "website_product_count": NUMBER}

    def get_query(self, scope):
        views = Views.of_scope(scope)
        return SQL(
            """
            SELECT %(customer)s AS customer, COUNT(DISTINCT %(day)s) AS website_visit_count,
                   COUNT(DISTINCT template.id) AS website_product_count
              FROM %(from_tables)s
             WHERE (visitor.create_date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date <= %(as_of)s
          GROUP BY 1
            """,
            customer=views.customer,
            day=views.day,
            from_tables=views.get_from(scope.of_partners(SQL.identifier("person", "id"))),
            **scope.parameters,
        )


class Unbought(QuerySource):
    """How many products were viewed twice and not ordered since."""

    columns = {"website_unbought_count": COUNT}

    def get_query(self, scope):
        unbought = Views.of_scope(scope).get_unbought(scope.of_partners(SQL.identifier("person", "id")))
        return SQL(
            "SELECT customer_id AS customer, COUNT(*) AS website_unbought_count FROM (%s) unbought GROUP BY 1", unbought
        )


class Carts(QuerySource):
    """Carts that were abandoned before the last day began: then it does not matter at which hour a run looks. Those of
    strangers belong to the website's public user, who is archived and no customer."""

    columns = {"website_cart_count": COUNT, "website_cart_amount": SUM}

    def get_query(self, scope):
        return SQL(
            """
            SELECT %(customer)s AS customer, COUNT(*) AS website_cart_count,
                   ROUND(SUM(%(money)s)::numeric, %(decimals)s)::float8 AS website_cart_amount
              FROM sale_order
              JOIN website ON website.id = sale_order.website_id AND website.company_id = %(company)s
              JOIN res_partner buyer ON buyer.id = sale_order.partner_id
             WHERE sale_order.company_id = %(company)s AND sale_order.state = 'draft' AND %(day)s > %(start)s
               AND sale_order.date_order
                 + make_interval(secs => 3600 * COALESCE(NULLIF(website.cart_abandoned_delay, 0), 1))
                <= %(as_of)s::timestamp AT TIME ZONE %(timezone)s AT TIME ZONE 'UTC'
               AND EXISTS (SELECT FROM sale_order_line line WHERE line.order_id = sale_order.id)
               AND %(of_buyers)s
          GROUP BY 1
            """,
            customer=customers.get_customer(SQL("buyer"), SQL("sale_order.date_order")),
            money=orders.get_money(),
            day=orders.get_day(scope.timezone),
            start=Views.of_scope(scope).start,
            of_buyers=scope.of_partners(SQL.identifier("sale_order", "partner_id")),
            **scope.parameters,
        )
