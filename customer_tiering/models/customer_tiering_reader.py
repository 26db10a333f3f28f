import dataclasses
from datetime import timedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .. import engine, sources


class CustomerTieringReader(models.AbstractModel):
    """Turns what happened with customers into one row for each of them.

    The ORM is bypassed because 200,000 customers with 2,000,000 orders have to be read in seconds, by
    statements whose number and text do not depend on the number of customers. It runs as superuser
    and filters the company itself.

    How it is read stands in ``sources/``; here is which sources there are. Another module adds its own, which is
    read where a policy uses a metric that needs one of its columns::

        from odoo.addons.customer_tiering.sources import base


        class Visits(base.QuerySource):
            columns = {"visit_count": base.COUNT}

            def get_query(self, scope):
                return SQL(
                    "SELECT partner_id AS customer, COUNT(*) AS visit_count FROM shop_visit WHERE %s GROUP BY 1",
                    scope.of_partners(SQL.identifier("partner_id")),
                )


        class CustomerTieringReader(models.AbstractModel):
            _inherit = "customer.tiering.reader"

            @api.model
            def _get_metric_sources(self):
                return [*super()._get_metric_sources(), Visits()]
    """

    _name = "customer.tiering.reader"
    _description = "Customer Tiering Reader"

    # ------------------------------------------------------------------
    # What is read
    # ------------------------------------------------------------------

    @api.model
    def _get_purchase_sources(self):
        """Return where purchases can come from, ``{key: sources.base.PurchaseSource}``; a scope says which one counts.

        People who confirm and post wait for these: their modules should import neither numpy nor pandas.
        """
        of_lines = self._get_no_goods(), self._get_advance_products(), self._get_recorded_cost()
        orders = sources.orders.Orders(*of_lines)
        return {
            sources.scope.ORDER: orders,
            "invoice": sources.invoices.Invoices(*of_lines),
            "order_invoice": sources.invoices.OrdersAndInvoices(orders, sources.invoices.DirectInvoices(*of_lines)),
        }

    @api.model
    def _get_purchase_source(self, revenue_from):
        """Return the purchase source with this key; the orders where the app that brought it is gone."""
        found = self._get_purchase_sources()
        return found.get(revenue_from) or found[sources.scope.ORDER]

    @api.model
    def _get_no_goods(self):
        """Return conditions, any of which says of ``ordered``, a line of an order, that it is neither goods nor a
        discount on them, such as freight; a list of SQL. Another app adds its own."""
        known = self.env["sale.order.line"]._fields
        return [SQL.identifier("ordered", name) for name in sources.billing.NO_GOODS_FIELDS if name in known]

    @api.model
    def _get_advance_products(self):
        """Return the SELECT of the ids of the products that stand for money paid in advance, such as gift cards: a line
        of one pays, or sells what will pay, and is no purchase. None: no app has such products."""
        return None

    @api.model
    def _get_recorded_cost(self):
        """Return what one unit of ``ordered``, a line of an order, costs in the order's currency, as it was recorded,
        SQL. None: no app records it, so that goods cost what they cost today."""
        return None

    @api.model
    def _get_no_quotations(self, order="placed"):
        """Return conditions, any of which says of an order that the customer made it alone, as in a shop, so that there
        never was a quotation; a list of SQL. Another app adds its own.

        :param order: the alias of ``sale_order``
        """
        return []

    @api.model
    def _get_rebate_condition(self):
        """Return the condition that ``move``, a credit note that comes from no order and reverses nothing, is a
        rebate; SQL. Another app may know better where some come from."""
        return SQL("TRUE")

    @api.model
    def _get_metric_sources(self):
        """Return what brings further columns, a list of ``sources.base.MetricSource``."""
        return [
            sources.interactions.Interactions(),
            sources.quotations.Quotations(self._get_no_quotations("sale_order")),
            sources.products.Products(),
            sources.behaviour.Weekdays(),
            sources.wishes.Wishes(),
            sources.margins.Margins(),
            sources.activities.Overdue(),
            sources.service.MeetingHours(),
            sources.service.DoneActivities(),
            sources.receivables.Receivables(),
            sources.answers.Answers(self._get_no_quotations("sale_order")),
            sources.credited.Credited(),
            sources.voices.Needs(),
            sources.voices.Pulse(),
            sources.voices.Motives(),
            sources.contact_fields.ContactFields(self.env["customer.tiering.metric"]._get_from_fields()),
        ]

    @api.model
    def _get_documents(self):
        """Return on what there are messages, activities and meetings beside contacts.

        Another module adds its documents, and what people do there counts as interactions with the customer.

        :return: a list of ``sources.documents.Documents``
        """
        return [sources.documents.ORDERS]

    @api.model
    def _get_number_columns(self):
        """Return the names of all columns with numbers that customers can have, but those of ratios."""
        schema = engine.schema
        dtypes = schema.DTYPES | schema.OPTIONAL_DTYPES
        columns = {*schema.DTYPES, *schema.DERIVED, *engine.profit.DERIVED, *schema.FORETOLD}
        for source in self._get_metric_sources():
            columns.update(source.columns)
            if isinstance(source, sources.base.QuerySource):
                columns.difference_update(name for name, kind in source.columns.items() if kind == sources.base.DATE)
        dates = {name for name, dtype in dtypes.items() if dtype.startswith("datetime")}
        dates |= {schema.NEXT_ORDER_DATE, schema.SECOND_ORDER_DATE}
        keys = {
            schema.TOP_CATEGORY_ID,
            schema.TOP_TEAM_ID,
            schema.TOP_WEEKDAY,
            schema.MOTIVE_SAID,
            schema.MOTIVE_BEFORE,
        }
        return columns - dates - keys

    @api.model
    def _get_candidates(self, company, domain):
        """Return the SELECT of the active commercial partners who match ``domain``, without the companies' own and
        those whom a person leaves out of scoring.

        Whether they have dealings with the company or not.
        """
        own = Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%(id)s = %(commercial)s AND %(id)s NOT IN (SELECT partner_id FROM res_company)"
                " AND %(id)s NOT IN (%(left_out)s)",
                id=SQL.identifier(alias, "id"),
                commercial=SQL.identifier(alias, "commercial_partner_id"),
                left_out=self.env["customer.tiering.check"]._get_left_out_query(company),
            )
        )
        partners = self.env["res.partner"].sudo().with_company(company)
        return partners._search(Domain("active", "=", True) & domain & own).select()

    # ------------------------------------------------------------------
    # Customers
    # ------------------------------------------------------------------

    @api.model
    def _read_customers(self, scope, columns=(), learn=None, with_interactions=True):
        """Read the customers of a scope.

        :param scope: what ``customer.tiering.policy._get_scope`` returns; the rows of single customers are those of
            the full read
        :param columns: names of the columns that the metrics in use need, beside those that every run needs: what only
            others need is not read
        :param learn: called, if given, with the DataFrame, all that its customers bought, the engine's ``Purchases``,
            and the first day of which their money is right
        :param with_interactions: False: as if nobody had had any, which saves to read all messages
        :return: a DataFrame as ``engine/schema.py`` describes it: index = id of the commercial
            partner (int64, ascending); money in the company's currency, rounded to its decimals
        """
        return self._read_all(scope, columns, learn, with_interactions)[0]

    @api.model
    def _read_part(self, scope, columns, learn=None):
        """Read the customers of a part, and by which documents they bought in the window.

        :param columns, learn: see :meth:`_read_customers`
        :return: what that returns; and two arrays: the ids by which the purchase source knows the documents, and the
            customer of each
        """
        frame, reading = self._read_all(scope, columns, learn)
        ids = reading.purchase_source.get_ids(reading)[reading.bought]
        return frame, ids, reading.customers.to_numpy()[reading.purchases.buyer[reading.bought]]

    def _read_all(self, scope, columns, learn=None, with_interactions=True):
        """Return what :meth:`_read_customers` returns, and the reading."""
        self.env.flush_all()
        if learn:
            scope = dataclasses.replace(scope, nights=engine.outlook.PAST_DAYS)
        purchases = self._get_purchase_source(scope.revenue_from)
        reading = sources.reading.Reading(self.env.cr, scope, purchases, self._get_metric_sources())
        if with_interactions:
            frame = reading.frame(columns)
        else:
            left_out = engine.schema.NO_INTERACTIONS
            frame = reading.frame(columns, sources.reading.ALWAYS - left_out.keys()).assign(**left_out)
            frame = frame.astype({name: engine.schema.DTYPES[name] for name in left_out})
        if learn:
            learn(frame, reading.purchases, scope.window_start + timedelta(days=1 - scope.nights))
        return frame, reading

    @api.model
    def _read_planned(self, scope, columns, money):
        """Read the only customer of a scope as it is, and as it would be if it bought once more on the last day.

        :param columns: see :meth:`_read_customers`
        :param money: of the company, untaxed
        :return: two DataFrames as :meth:`_read_customers` returns one; without rows where there is no such customer
        """
        self.env.flush_all()
        purchases = self._get_purchase_source(scope.revenue_from)
        reading = sources.reading.Reading(self.env.cr, scope, purchases, self._get_metric_sources())
        frame = reading.frame(columns)
        return frame, frame if frame.empty else reading.plan(frame, scope.as_of, money)

    @api.model
    def _read_history(self, scope, columns, nights, with_untaken=False):
        """Read the customers of a scope and all that they bought, to live through its last nights again.

        :param columns: see :meth:`_read_customers`
        :param with_untaken: whether what was taken back is told, too, see the engine's ``purchases.summarize``
        :return: the engine's ``History``
        """
        self.env.flush_all()
        scope = dataclasses.replace(scope, nights=nights, with_untaken=with_untaken)
        purchases = self._get_purchase_source(scope.revenue_from)
        return sources.reading.Reading(self.env.cr, scope, purchases, self._get_metric_sources()).history(columns)

    @api.model
    def _read_purchases(self, scope):
        """Read what the customers of a scope bought in its window and did not return, and nothing else about them.

        :return: the index of the customers, the engine's ``Purchases``, and which of them are purchases
        """
        self.env.flush_all()
        scope = dataclasses.replace(scope, with_untaken=False)
        purchases = self._get_purchase_source(scope.revenue_from)
        reading = sources.reading.Reading(self.env.cr, scope, purchases, [])
        reading.read_purchases()
        return reading.customers, reading.purchases, reading.bought

    @api.model
    def _read_margins(self, scope):
        """Read the same as :meth:`_read_purchases`, and what is left of each purchase after what its goods cost.

        :return: as there, and of each purchase the margin and the money of which no cost is known, two arrays of
            float64
        """
        self.env.flush_all()
        scope = dataclasses.replace(scope, with_untaken=False)
        purchases, margins = self._get_purchase_source(scope.revenue_from), sources.margins.Margins()
        reading = sources.reading.Reading(self.env.cr, scope, purchases, [])
        reading.read_purchases(margins.get_order_columns(scope))
        return reading.customers, reading.purchases, reading.bought, *margins.read_margins(reading)

    @api.model
    def _read_papers(self, scope):
        """Read the documents that the customers of a scope bought by, as they can be found again.

        :return: the index of the customers, the engine's ``Purchases``, which of them are purchases of the window, and
            the ids by which the purchase source knows them
        """
        self.env.flush_all()
        scope = dataclasses.replace(scope, with_untaken=False)
        purchases = self._get_purchase_source(scope.revenue_from)
        reading = sources.reading.Reading(self.env.cr, scope, purchases, [])
        reading.read_purchases()
        return reading.customers, reading.purchases, reading.bought, purchases.get_ids(reading)

    @api.model
    def _read_united(self, scope, columns, leads):
        """Read customers of a scope as they would be if others were one with them: what the others bought, and what
        they did, is theirs. What stands on the contact, such as its country, is that of the customer itself.

        :param scope: of these customers and the others
        :param columns: see :meth:`_read_customers`
        :param leads: ``{id of another one: id of the customer that it would be one with}``
        :return: a DataFrame of these customers, as :meth:`_read_customers` returns one
        """
        self.env.flush_all()
        purchases = self._get_purchase_source(scope.revenue_from)
        reading = sources.reading.Reading(self.env.cr, scope, purchases, self._get_metric_sources())
        reading.people.unite(leads)
        frame = reading.frame(columns)
        return frame[frame.index.isin(set(leads.values()))]

    @api.model
    def _read_without(self, scope, columns, ids):
        """Read the customers of a scope as they would be without some documents.

        :param columns: see :meth:`_read_customers`
        :param ids: those of :meth:`_read_papers`
        :return: a DataFrame as :meth:`_read_customers` returns one
        """
        self.env.flush_all()
        purchases = self._get_purchase_source(scope.revenue_from)
        reading = sources.reading.Reading(self.env.cr, scope, purchases, self._get_metric_sources())
        return reading.leave_out(reading.frame(columns), ids)

    @api.model
    def _read_goods(self, scope):
        """Read which goods the customers of a scope bought in its window and did not return, line by line.

        :return: the arrays of ``sources.products.Goods``
        """
        self.env.flush_all()
        scope = dataclasses.replace(scope, with_untaken=False)
        goods = sources.products.Goods()
        purchases = self._get_purchase_source(scope.revenue_from)
        sources.reading.Reading(self.env.cr, scope, purchases, [goods]).frame(goods.columns, always=frozenset())
        return goods.found

    @api.model
    def _read_months(self, scope, first):
        """Read what the customers of a scope bought and did not return, month by month.

        :param scope: whose window begins on ``first``
        :param first: the first day of the first month
        :return: a list of money, from the month of ``first`` to that of the scope's last day
        """
        bought = self._read_history(scope, (), nights=0).purchases
        counted, _served = engine.purchases.choose_counted(
            bought, scope.as_of, scope.window_days, scope.decimals, least=scope.least
        )
        months = bought.day.astype("datetime64[M]").astype(int)
        start, end = (12 * day.year + day.month - 1 for day in (first, scope.as_of))
        numbers = months + 12 * 1970 - start
        within = counted & (numbers >= 0) & (numbers <= end - start)
        sums = [0.0] * (end - start + 1)
        for number, money in zip(numbers[within].tolist(), bought.money[within].tolist(), strict=True):
            sums[number] += money
        return [round(amount, scope.decimals) for amount in sums]

    @api.model
    def _read_timeline(self, scope):
        """Read what the only customer of a scope did.

        :return: the engine's ``Purchases``, with money that is right in the window, and the days of the interactions as
            an array; both without any where the scope's customer is none
        """
        self.env.flush_all()
        purchases = self._get_purchase_source(scope.revenue_from)
        reading = sources.reading.Reading(self.env.cr, scope, purchases, [])
        reading.frame(always=frozenset())
        who, day = sources.interactions.read_days(reading)
        return reading.purchases, day[who == 0]

    @api.model
    def _read_revenue(self, scope):
        """Read what customers bought in the window of a scope, and what is offered to them now.

        :return: a DataFrame, index = id of the commercial partner as ``customer``, with ``revenue``, the number of open
            ``quotations`` and their money ``quoted``, in the company's currency
        """
        self.env.flush_all()
        purchases = self._get_purchase_source(scope.revenue_from)
        quotations = [sources.quotations.Quotations(self._get_no_quotations("sale_order"))]
        return sources.reading.Reading(self.env.cr, scope, purchases, quotations).revenue()

    @api.model
    def _count_customers(self, company, domain, revenue_from):
        """Return how many customers of ``company`` match ``domain``; those who have dealings as the purchase source
        ``revenue_from`` says."""
        self.env.flush_all()
        purchases = self._get_purchase_source(revenue_from)
        candidates = self._get_candidates(company, domain)
        ((count,),) = self.env.execute_query(sources.customers.get_count_query(company.id, candidates, purchases))
        return count

    # ------------------------------------------------------------------
    # What was decided before
    # ------------------------------------------------------------------

    @api.model
    def _read_cards(self, scope):
        """Read the scorecards of a scope's company; only those of its customers where these are some.

        :return: see ``sources.states.read_cards``
        """
        self.env.flush_all()
        return sources.states.read_cards(self.env.cr, scope)

    @api.model
    def _read_states(self, policy, scope, customers, cards, ladder):
        """Return what was decided about customers before, and the locks that hold on the scope's day.

        Who comes from another policy was in the tier of the same name, where there is one, and so are locks.

        :param policy: the ``customer.tiering.policy``
        :param customers: the index of the frame of customers; the result has the same
        :param cards: what :meth:`_read_cards` returned
        :param ladder: keys of the tiers of the policy
        :return: see ``sources.states.join``
        """
        query = self.env["customer.tiering.lock"]._get_query(scope)
        states = sources.states.join(customers, cards, self.env.execute_query(query))
        namesakes = self.env["customer.tier"]._get_namesakes(policy, ladder, sources.states.get_tiers(states))
        return sources.states.rename(states, namesakes)
