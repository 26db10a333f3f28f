import io

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

# Messages that a person wrote to, from or about the customer; notifications are left out, because a
# done activity posts one and would count twice.
CONTACT_MESSAGE_TYPES = ("email", "email_outgoing", "comment")


class CustomerTieringReader(models.AbstractModel):
    """Turns orders, credit notes and contacts into one row per customer.

    The ORM is bypassed because 200,000 customers with 2,000,000 orders have to be read in seconds:
    PostgreSQL aggregates everything in one statement, whose text does not depend on the number of
    customers. It runs as superuser and filters the company itself.
    """

    _name = "customer.tiering.reader"
    _description = "Customer Tiering Reader"

    @api.model
    def _read_customers(self, policy, as_of):
        """Read the customers of ``policy`` as of the end of day ``as_of``.

        :param policy: a ``customer.tiering.policy`` record
        :param as_of: a ``datetime.date``, the last day that counts
        :return: a DataFrame as ``engine/schema.py`` describes it: index = id of the commercial
            partner (int64, ascending); money in the company's currency, rounded to its decimals
        """
        import pandas as pd  # noqa: PLC0415 - stays out of the server's start-up

        self.env.flush_all()
        columns = self._get_columns()
        frame = self._copy_to_frame(self._get_query(policy, as_of), ["customer", *columns])
        frame = frame.astype({"customer": "int64"}).set_index("customer")
        for column, dtype in columns.items():
            if dtype == "date":
                frame[column] = pd.to_datetime(frame[column], format="%Y-%m-%d")
            else:
                frame[column] = frame[column].astype(dtype)
        return frame

    @api.model
    def _get_columns(self):
        """Return ``{column: dtype}`` of the frame, in the order of :meth:`_get_query`'s select list."""
        return {
            "first_order_date": "date",
            "last_order_date": "date",
            "purchase_days": "int64",
            "order_count": "int64",
            "gross_amount": "float64",
            "amount": "float64",
            "gap_median_days": "float64",
            "contact_count": "int64",
            "last_contact_date": "date",
        }

    @api.model
    def _get_query(self, policy, as_of):
        """Return the SELECT of all customers, one row each, in the order of their ids."""
        window_start, until = policy._get_window(as_of)
        return SQL(
            """
            WITH population (id) AS %(population)s,
            purchase AS (%(purchases)s),
            credit AS (%(credits)s),
            contact AS (%(contacts)s)
            SELECT population.id,
                   purchase.first_day,
                   purchase.last_day,
                   COALESCE(purchase.purchase_days, 0),
                   COALESCE(purchase.order_count, 0),
                   ROUND(COALESCE(purchase.gross, 0), %(decimals)s),
                   ROUND(COALESCE(purchase.net, 0) + COALESCE(credit.amount, 0), %(decimals)s),
                   purchase.gap_median,
                   COALESCE(contact.contact_count, 0),
                   contact.last_day
              FROM population
         LEFT JOIN purchase ON purchase.customer = population.id
         LEFT JOIN credit ON credit.customer = population.id AND purchase.purchase_days > 0
         LEFT JOIN contact ON contact.customer = population.id
          ORDER BY population.id
            """,
            population=self._get_population_query(policy),
            purchases=self._get_purchase_query(policy, window_start, as_of, until),
            credits=self._get_credit_query(policy, window_start, as_of),
            contacts=self._get_contact_query(policy, window_start, as_of, until),
            decimals=policy.company_id.currency_id.decimal_places,
        )

    @api.model
    def _get_population_query(self, policy):
        """Return the SELECT (in parentheses) of the ids of the policy's customers.

        A customer is an active commercial partner with a quotation or an order in the company that
        is not cancelled, or one that has a scorecard already (so that who loses the last order is
        scored again and not forgotten). The companies' own contacts are no customers.
        """
        domain = Domain.AND(
            [
                Domain("active", "=", True),
                policy._get_population_domain(),
                Domain.custom(
                    to_sql=lambda model, alias, query: SQL(
                        """%(id)s = %(commercial)s
                        AND %(id)s NOT IN (SELECT partner_id FROM res_company)
                        AND (%(id)s IN (SELECT commercial_partner_id FROM res_partner
                                         WHERE id IN (SELECT partner_id FROM sale_order
                                                       WHERE company_id = %(company)s AND state != 'cancel'))
                          OR %(id)s IN (SELECT partner_id FROM customer_tiering_scorecard
                                         WHERE company_id = %(company)s))""",
                        id=SQL.identifier(alias, "id"),
                        commercial=SQL.identifier(alias, "commercial_partner_id"),
                        company=policy.company_id.id,
                    )
                ),
            ]
        )
        partners = self.env["res.partner"].sudo().with_company(policy.company_id)
        return partners._search(domain, order="id").subselect()

    @api.model
    def _get_purchase_query(self, policy, window_start, as_of, until):
        """Return the SELECT of what each customer ordered.

        ``currency_rate`` is the order currency per company currency on the day of the order; Odoo
        itself reads a missing or zero rate as 1. The gap before a day is counted from the last day
        with a purchase, whatever was returned in between.
        """
        return SQL(
            """
            SELECT customer,
                   MIN(day) FILTER (WHERE purchases > 0) AS first_day,
                   MAX(day) FILTER (WHERE purchases > 0) AS last_day,
                   COUNT(*) FILTER (WHERE purchases > 0) AS purchase_days,
                   SUM(purchases) FILTER (WHERE day > %(window_start)s) AS order_count,
                   SUM(gross) FILTER (WHERE day > %(window_start)s) AS gross,
                   SUM(net) FILTER (WHERE day > %(window_start)s) AS net,
                   PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY gap) AS gap_median
              FROM (
                    SELECT *, CASE WHEN purchases > 0 THEN
                                  day - MAX(day) FILTER (WHERE purchases > 0) OVER (
                                      PARTITION BY customer ORDER BY day
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                              END AS gap
                      FROM (
                            SELECT buyer.commercial_partner_id AS customer,
                                   (ordered.date_order AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date AS day,
                                   COUNT(*) FILTER (WHERE ordered.amount > 0) AS purchases,
                                   SUM(ordered.amount) FILTER (WHERE ordered.amount > 0) AS gross,
                                   SUM(ordered.amount) AS net
                              FROM (
                                    SELECT partner_id, date_order,
                                           amount_untaxed / COALESCE(NULLIF(currency_rate, 0), 1) AS amount
                                      FROM sale_order
                                     WHERE company_id = %(company)s AND state = 'sale' AND date_order < %(until)s
                                   ) ordered
                              JOIN res_partner buyer ON buyer.id = ordered.partner_id
                          GROUP BY 1, 2
                           ) customer_day
                     WHERE day <= %(as_of)s
                   ) rhythm
          GROUP BY customer
            """,
            window_start=window_start,
            as_of=as_of,
            until=until,
            timezone=policy.company_id._get_tiering_timezone().zone,
            company=policy.company_id.id,
        )

    @api.model
    def _get_credit_query(self, policy, window_start, as_of):
        """Return the SELECT of each customer's posted credit notes in the window (negative amounts).

        They are subtracted from what the customer ordered; who never bought has nothing to subtract from.
        """
        return SQL(
            """
            SELECT commercial_partner_id AS customer, SUM(amount_untaxed_signed) AS amount
              FROM account_move
             WHERE company_id = %(company)s AND move_type = 'out_refund' AND state = 'posted'
               AND invoice_date > %(window_start)s AND invoice_date <= %(as_of)s
          GROUP BY 1
            """,
            company=policy.company_id.id,
            window_start=window_start,
            as_of=as_of,
        )

    @api.model
    def _get_contact_query(self, policy, window_start, as_of, until):
        """Return the SELECT of the contacts with each customer: messages and done activities, on the
        customer, its contacts and their orders in the policy's company."""
        return SQL(
            """
            SELECT customer.commercial_partner_id AS customer,
                   COUNT(*) FILTER (WHERE contact.day > %(window_start)s) AS contact_count,
                   MAX(contact.day) AS last_day
              FROM (
                    SELECT CASE WHEN message.model = 'res.partner' THEN message.res_id
                                ELSE sale_order.partner_id END AS partner_id,
                           (message.date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date AS day
                      FROM mail_message message
                 LEFT JOIN sale_order ON message.model = 'sale.order' AND sale_order.id = message.res_id
                                     AND sale_order.company_id = %(company)s
                     WHERE message.model IN ('res.partner', 'sale.order')
                       AND message.message_type IN %(types)s AND message.date < %(until)s
                 UNION ALL
                    SELECT CASE WHEN activity.res_model = 'res.partner' THEN activity.res_id
                                ELSE sale_order.partner_id END AS partner_id,
                           activity.date_done AS day
                      FROM mail_activity activity
                 LEFT JOIN sale_order ON activity.res_model = 'sale.order' AND sale_order.id = activity.res_id
                                     AND sale_order.company_id = %(company)s
                     WHERE activity.res_model IN ('res.partner', 'sale.order')
                       AND activity.active IS FALSE
                   ) contact
              JOIN res_partner customer ON customer.id = contact.partner_id
             WHERE contact.day <= %(as_of)s
          GROUP BY 1
            """,
            window_start=window_start,
            until=until,
            as_of=as_of,
            timezone=policy.company_id._get_tiering_timezone().zone,
            company=policy.company_id.id,
            types=CONTACT_MESSAGE_TYPES,
        )

    @api.model
    def _copy_to_frame(self, query, columns):
        """Return the rows of ``query`` as a DataFrame with these columns, NULL as NaN.

        COPY hands over a million rows without a Python object per value.
        """
        import pandas as pd  # noqa: PLC0415

        statement = self.env.cr.mogrify(SQL("COPY (%s) TO STDOUT WITH (FORMAT csv)", query))
        buffer = io.BytesIO()
        self.env.cr.copy_expert(statement.decode(), buffer)
        buffer.seek(0)
        return pd.read_csv(buffer, names=columns, header=None)
