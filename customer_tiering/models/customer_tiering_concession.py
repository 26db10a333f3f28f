import logging
from datetime import timedelta, timezone

from odoo import api, fields, models
from odoo.tools import SQL

from .. import engine, jobs, sources
from ..fields import UncheckedMany2one
from .customer_tiering_run import RETRYABLE

_logger = logging.getLogger(__name__)

# So many papers are looked at in one transaction, and so many before customers are scored again, who wait for it.
BATCH = 200
BATCH_BEFORE = 50
# The hourly look goes back so many days, the nightly one as far as it is kept.
FRESH_DAYS = 3
# What is told of a tier, and changed when something is credited, goes back so many days.
YEAR_DAYS = 365
# The day of money that came before all others, whenever the invoice is made.
AT_ONCE = -36_500
# What a paper was worth counts once for all its rows.
OF_PAPER = ("amount",)
# Keeps two jobs from looking at the same papers; the second key is the company's id.
LOCK_CLASS = 1_953_065_322


class CustomerTieringConcession(models.Model):
    """What a customer was given because of a tier: by a line of an order in prices, by a whole one otherwise.

    Nothing of it happens while a person confirms: the job that scores the customer again, about a minute later, takes
    what the lines would cost without the tier, before the order moves anybody. What is cancelled, corrected or credited
    later is taken back in the month of the order.
    """

    _name = "customer.tiering.concession"
    _inherit = ["customer.tiering.given"]
    _description = "Given by a Tier"
    _order = "date desc, id desc"
    _rec_name = "paper"
    _log_access = False  # written by the system
    _tiering_papers = {"order_id": "sale.order", "move_id": "account.move"}

    partner_id = UncheckedMany2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id")
    tier_id = UncheckedMany2one("customer.tier", required=True, readonly=True, ondelete="restrict", index=True)
    tier_color = fields.Integer(related="tier_id.color", string="Tier Color", aggregator=None)
    date = fields.Date(required=True, readonly=True, help="The day of the order or invoice.")
    kind = fields.Selection([("price", "Prices"), ("terms", "Payment terms")], required=True, readonly=True)
    reason = fields.Selection(
        [
            ("earned", "Earned"),
            ("grace", "Days of grace"),
            ("lock", "Locked by a person"),
            ("quoted", "Quoted before the customer left"),
            ("hand", "Chosen by hand"),
        ],
        required=True,
        readonly=True,
        help="Why the customer had it. Chosen by hand: a person gave the pricelist of the tier to somebody who was not "
        "in it, or chose it for the customer.",
    )
    paper = fields.Char(string="Document Key", required=True, readonly=True, exportable=False)
    line = fields.Integer(required=True, readonly=True, default=0, aggregator=None, exportable=False)
    order_id = fields.Many2one("sale.order", readonly=True, ondelete="cascade", index="btree_not_null")
    move_id = fields.Many2one(
        "account.move", string="Invoice", readonly=True, ondelete="cascade", index="btree_not_null"
    )
    product_id = fields.Many2one("product.product", readonly=True, ondelete="set null", index="btree_not_null")
    quantity = fields.Float(
        readonly=True,
        digits="Product Unit",
        aggregator=None,
        help="Of goods; with payment terms, the days that were waited longer.",
    )
    paper_currency_id = fields.Many2one("res.currency", string="Currency of the Document", readonly=True)
    price = fields.Float(
        string="Price of the Tier",
        readonly=True,
        digits="Product Price",
        aggregator=None,
        help="Of one unit, before the discount that a person gave.",
    )
    usual_price = fields.Float(
        string="Price without the Tier",
        readonly=True,
        digits="Product Price",
        aggregator=None,
        help="What one unit would have cost by the pricelist that the customer would have had without the tier.",
    )
    whole = fields.Monetary(
        string="Given at Confirmation",
        readonly=True,
        help="What the tier gave, untaxed, before something was cancelled or credited.",
    )
    back = fields.Float(string="Taken Back (Share)", readonly=True, digits=(16, 6), aggregator=None)
    given = fields.Monetary(
        string="Given Away",
        readonly=True,
        help="What the tier gave, untaxed, less what was cancelled, credited or paid in advance; below 0, it took it.",
    )
    whole_amount = fields.Monetary(readonly=True, aggregator=None, groups=fields.NO_ACCESS)
    amount = fields.Monetary(
        string="Amount of the Documents",
        readonly=True,
        help="Untaxed amount of the orders or invoices, less what was cancelled or credited. Each counts once.",
    )
    share = fields.Float(
        string="Given (%)",
        readonly=True,
        digits=(16, 1),
        aggregator="avg",
        help="What was given in percent of the amount of these documents.",
    )
    # Of payment terms: how much longer which part of the money is waited for, see ``engine.concessions.get_longer``.
    waits = fields.Json(readonly=True, exportable=False, prefetch=False, groups=fields.NO_ACCESS)
    digest = fields.Char(readonly=True, exportable=False, groups=fields.NO_ACCESS)
    line_digest = fields.Char(readonly=True, exportable=False, groups=fields.NO_ACCESS)

    _row_uniq = models.UniqueIndex("(paper, kind, line)")
    _date_idx = models.Index("(company_id, date)")

    @api.depends("order_id", "move_id")
    def _compute_display_name(self):
        for row in self:
            row.display_name = row._get_paper().display_name

    def _read_group_select(self, aggregate_spec, query):
        """Of a group, what each document was worth counts once."""
        fname, _colon, function = aggregate_spec.partition(":")
        if fname in self._get_paper_measures() and function == "sum":
            return self._sum_once(fname, query)
        if aggregate_spec == "share:avg":
            given = self._field_to_sql(self._table, "given", query)
            return SQL("(100 * SUM(%s) / NULLIF(%s, 0))::float8", given, self._sum_once("amount", query))
        return super()._read_group_select(aggregate_spec, query)

    @api.model
    def _sum_once(self, fname, query):
        return SQL(
            "(SELECT SUM(each.value::numeric) FROM jsonb_each_text(jsonb_object_agg(%s, %s)) AS each)",
            self._field_to_sql(self._table, "paper", query),
            self._field_to_sql(self._table, fname, query),
        )

    @api.readonly
    def action_open_paper(self):
        """Open the order or the invoice."""
        self.ensure_one()
        paper = self._get_paper()
        return {
            "type": "ir.actions.act_window",
            "res_model": paper._name,
            "res_id": paper.id,
            "views": [(False, "form")],
        }

    def _get_paper(self):
        return self.order_id or self.move_id

    @api.model
    def _sum_up(self, tiers):
        """Return what tiers gave in the last 12 months and the amount of its documents, ``{tier: (money, money)}``;
        of all customers."""
        found = {}
        for company, of_company in tiers.grouped("company_id").items():
            since = company._get_tiering_today() - timedelta(days=YEAR_DAYS)
            domain = [("tier_id", "in", of_company.ids), ("date", ">", since)]
            # sudo: shown to who sees all that they count
            rows = self.sudo()._read_group(domain, ["tier_id"], ["given:sum", "amount:sum"])
            found |= {tier.with_env(tiers.env): (given, amount) for tier, given, amount in rows}
        return found

    # ------------------------------------------------------------------
    # The jobs
    # ------------------------------------------------------------------

    @api.model
    def _get_companies(self):
        """Return the companies that want to know what their tiers give."""
        return self.env["res.company"].sudo().search([("tiering_ledger", "=", True)])

    @api.model
    def _cron_record(self):
        """Look at what was confirmed lately and has not been looked at, as what scores customers again does."""
        self._work(lambda company: [self._get_waiting(company, FRESH_DAYS)])

    @api.model
    def _cron_settle(self):
        """Look at all that has not been looked at, or was changed since, and take back what was cancelled or credited.

        In the month in which it was given: then what a month shows is what is left of it, and amounts of the same
        documents stand beside.
        """
        if not self._work(lambda company: [self._get_waiting(company), self._get_changed(company)]):
            return
        for company in self._get_companies():
            try:
                with self.env.cr.savepoint():
                    self._settle(company)
            except RETRYABLE:
                raise
            except Exception:
                _logger.exception("What was credited could not be taken back in company %s", company.id)
            jobs.commit(self.env)

    def _work(self, find):
        """Record papers and commit after each batch.

        :param find: returns those of a company, dicts ``{name of a model: ids}``
        :return: whether there was time for all of them
        """
        batches = [
            (company, self.env[name].browse(ids[start : start + BATCH]))
            for company in self._get_companies()
            for found in find(company)
            for name, ids in found.items()
            for start in range(0, len(ids), BATCH)
        ]
        jobs.begin(self.env, left=len(batches))
        for company, papers in batches:
            try:
                with self.env.cr.savepoint():
                    self._record(company, papers)
                    self.env.flush_all()
            except RETRYABLE as error:
                _logger.info("What tiers gave in company %s is recorded later: %s", company.id, str(error).strip())
            except Exception:
                _logger.exception("What tiers gave in company %s could not be recorded", company.id)
            if not jobs.commit(self.env, 1) and papers != batches[-1][1]:
                return False
        return True

    @api.model
    def _record_before(self, company):
        """Record what is new, before the customers of a company are scored again: the reason is that of the moment.

        What goes wrong stops nothing else, and what there is no time for is left to the job.
        """
        company = company.sudo()  # sudo: since when it wants to know is nobody's to see
        if not company.tiering_ledger:
            return
        try:
            with self.env.cr.savepoint():
                for name, ids in self._get_waiting(company, FRESH_DAYS).items():
                    self._record(company, self.env[name].browse(ids[:BATCH_BEFORE]))
                self.env.flush_all()
        except RETRYABLE as error:
            _logger.info("What tiers gave in company %s is recorded later: %s", company.id, str(error).strip())
        except Exception:
            _logger.exception("What tiers gave in company %s could not be recorded", company.id)

    # ------------------------------------------------------------------
    # What is looked at
    # ------------------------------------------------------------------

    @api.model
    def _get_tiers(self, company):
        """Return the tiers of a company, archived ones too, the highest first."""
        tiers = self.env["customer.tier"].sudo().with_context(active_test=False)
        return tiers.search([("company_id", "=", company.id), ("origin_id", "=", False)])

    @api.model
    def _get_interest(self, company):
        """Return which interest of a year, in percent, a company reckons on what it is owed; 0: none."""
        costs = self.env["customer.tiering.cost"].sudo().with_company(company)
        return costs.search([("key", "=", "interest")], limit=1).rate

    @api.model
    def _get_conditions(self, company):
        """Return conditions, one of which says of ``placed``, an order, that a tier may have given something."""
        tiers = self._get_tiers(company)
        conditions = [SQL("placed.pricelist_id = ANY(%s)", tiers.pricelist_id.ids)]
        if self._get_interest(company):
            conditions.append(SQL("placed.payment_term_id = ANY(%s)", tiers.payment_term_id.ids))
        return conditions

    @api.model
    def _get_waiting(self, company, days=None):
        """Return the papers that nobody has looked at, ``{name of a model: ids}``.

        :param days: how far back; None: since the company wants to know
        """
        self.env.flush_all()
        since = company.tiering_ledger_since
        if days is not None:
            since = max(since, fields.Datetime.now() - timedelta(days=days))
        orders = SQL(
            """
            SELECT placed.id
              FROM sale_order placed
             WHERE placed.company_id = %(company)s AND placed.date_order >= %(since)s AND %(is_confirmed)s
               AND (%(may_give)s)
               AND NOT EXISTS (SELECT FROM customer_tiering_concession known WHERE known.order_id = placed.id)
          ORDER BY placed.id
            """,
            company=company.id,
            since=since,
            is_confirmed=sources.orders.is_confirmed("placed"),
            may_give=SQL(" OR ").join(self._get_conditions(company)),
        )
        found = {"sale.order": self._get_ids(orders)}
        if self._get_interest(company):
            moves = SQL(
                """
                SELECT move.id
                  FROM account_move move
                 WHERE %(is_invoice)s AND move.invoice_date >= %(since)s::date
                   AND move.move_type = 'out_invoice' -- receipts are paid at once, and not for salespeople to see
                   AND move.invoice_payment_term_id = ANY(%(terms)s)
                   AND NOT EXISTS (SELECT FROM customer_tiering_concession known WHERE known.move_id = move.id)
                   AND NOT EXISTS (SELECT FROM account_move_line line WHERE line.move_id = move.id AND %(is_linked)s)
              ORDER BY move.id
                """,
                is_invoice=sources.billing.is_invoice(self._get_year(company)),
                since=since,
                terms=self._get_tiers(company).payment_term_id.ids,
                is_linked=sources.billing.is_linked(),
            )
            found["account.move"] = self._get_ids(moves)
        return found

    @api.model
    def _get_changed(self, company):
        """Return the papers that somebody has changed since they were looked at, ``{name of a model: ids}``."""
        self.env.flush_all()
        kinds = (
            ("sale.order", "order_id", sources.orders.is_confirmed("placed")),
            ("account.move", "move_id", SQL("placed.state = 'posted'")),
        )
        found = {}
        for name, fname, is_confirmed in kinds:
            query = SQL(
                """
                SELECT placed.id
                  FROM (SELECT DISTINCT %(field)s AS id, digest FROM customer_tiering_concession
                         WHERE company_id = %(company)s AND %(field)s IS NOT NULL AND date > %(since)s) known
                  JOIN %(papers)s placed ON placed.id = known.id AND %(is_confirmed)s
                 WHERE known.digest IS DISTINCT FROM %(digest)s
              ORDER BY placed.id
                """,
                field=SQL.identifier(fname),
                papers=SQL.identifier(self.env[name]._table),
                company=company.id,
                since=company._get_tiering_today() - timedelta(days=YEAR_DAYS),
                is_confirmed=is_confirmed,
                digest=self._get_digest(name),
            )
            found[name] = self._get_ids(query)
        return found

    @api.model
    def _get_digest(self, name):
        """Return what of ``placed``, an order or an invoice, is looked at, as SQL.

        :param name: of its model
        """
        if name == "account.move":
            return SQL(
                """
                md5(concat_ws('|', placed.invoice_date, placed.partner_id, placed.invoice_payment_term_id,
                              placed.currency_id, placed.invoice_currency_rate, placed.amount_untaxed,
                              placed.amount_total))
                """
            )
        return SQL(
            """
            md5(concat_ws('|', placed.date_order, placed.partner_id, placed.pricelist_id, placed.payment_term_id,
                          (SELECT string_agg(concat_ws(':', id, product_id, product_uom_id, product_uom_qty, price_unit,
                                                       discount, price_subtotal), ',' ORDER BY id)
                             FROM sale_order_line WHERE order_id = placed.id)))
            """
        )

    def _get_ids(self, query):
        return [id_ for (id_,) in self.env.execute_query(query)]

    # ------------------------------------------------------------------
    # What is given
    # ------------------------------------------------------------------

    @api.model
    def _record(self, company, papers):
        """Write the rows of papers anew. One that fails stops no other, and is tried again.

        :param papers: of one model, all of them confirmed
        """
        ((is_alone,),) = self.env.execute_query(SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK_CLASS, company.id))
        if not is_alone:
            return
        # sudo: the job's own, which asks for prices of all customers
        papers = papers.sudo().with_company(company)
        known = self.sudo().search([("paper", "in", [_get_key(paper) for paper in papers])])
        of_paper, facts, vals_list = known.grouped("paper"), self._gather(company, papers), []
        done = self.sudo().browse()
        for paper in papers:
            before = of_paper.get(_get_key(paper), done.browse())
            try:
                with self.env.cr.savepoint():
                    vals_list += self._get_rows(paper, facts, before)
                    done |= before
            except RETRYABLE:
                raise
            except Exception:
                _logger.exception("What a tier gave by %s %s could not be told", paper._name, paper.id)
        done.unlink()
        self.sudo().create(vals_list)

    @api.model
    def _gather(self, company, papers):
        """Return what is to be known of all of these papers, a dict."""
        self.env.flush_all()
        facts = {
            "company": company,
            "tiers": self._get_tiers(company),
            "interest": self._get_interest(company),
            "usual": self.env["product.pricelist"].sudo().with_company(company)._get_tiering_usual(papers.partner_id),
        }
        if papers._name in ("sale.order", "account.move"):
            rows = self.env.execute_query(
                SQL(
                    "SELECT id, %s FROM %s placed WHERE id = ANY(%s)",
                    self._get_digest(papers._name),
                    SQL.identifier(papers._table),
                    papers.ids,
                )
            )
            facts["digests"] = dict(rows)
        return facts

    @api.model
    def _get_rows(self, paper, facts, before):
        """Return the values of the rows of a paper. With at least one, that it was looked at.

        :param facts: what :meth:`_gather` returned
        :param before: the rows that it had
        """
        if paper._name == "account.move":
            rate, day = paper.invoice_currency_rate or 1, paper.invoice_date
        else:
            zone = facts["company"]._get_tiering_timezone()
            rate = paper.currency_rate or 1
            day = paper.date_order.replace(tzinfo=timezone.utc).astimezone(zone).date()
        customer = paper.partner_id.commercial_partner_id or paper.partner_id
        card = customer.tiering_unfiltered_card_id
        tier = paper.tiering_tier_id
        if not tier and paper._name == "account.move":  # of which it is kept where invoices count
            tier = card.tier_id
        found = {**facts, "card": card, "tier": tier, "day": day, "rate": rate}
        rows = self._get_gifts(paper, found, before)
        company = facts["company"]
        if not rows:
            tier = found["tier"] or facts["tiers"].filtered(
                lambda tier: paper._name != "account.move" and tier.pricelist_id == paper.pricelist_id
            )
            # That it was looked at. What it was worth is beside nothing that was given.
            nothing = {f"{part}{fname}": 0 for fname in self._get_paper_measures() for part in ("", "whole_")}
            rows = [self._get_row(tier[:1] or facts["tiers"][:1], "price", engine.concessions.HAND, 0, **nothing)]
        # Why somebody had it is of the moment of the paper, however often it is looked at again; not where an order was
        # confirmed again in another tier.
        is_order, confirmed = paper._name == "sale.order", found["tier"]
        reasons = {
            (row.kind, row.tier_id.id): row.reason
            for row in before
            if (row.partner_id, row.date) == (customer, day)
            and (row.line or row.kind != "price")
            and not (is_order and engine.concessions.is_outdated(row.reason, is_in=row.tier_id == confirmed))
        }
        common = {
            "partner_id": customer.id,
            "company_id": company.id,
            "date": day,
            "paper": _get_key(paper),
            "paper_currency_id": paper.currency_id.id,
            "digest": facts.get("digests", {}).get(paper.id),
            **self._get_paper_values(paper, found),
        }
        for row in rows:
            row["reason"] = reasons.get((row["kind"], row["tier_id"]), row["reason"])
            row["whole"] = company.currency_id.round(row["whole"] / rate)
            row["share"] = 100 * row["whole"] / common["amount"] if common["amount"] else 0
        return [{**common, "given": row["whole"], **row} for row in rows]

    @api.model
    def _get_paper_values(self, paper, found):
        """Return the values that all rows of a paper have; an app adds its own."""
        amount = found["company"].currency_id.round(paper.amount_untaxed / found["rate"])
        fname = "order_id" if paper._name == "sale.order" else "move_id"
        return {fname: paper.id, "amount": amount, "whole_amount": amount}

    @api.model
    def _get_gifts(self, paper, found, before):
        """Return what was given by a paper, a list of the values of rows; an app adds its own.

        :param found: what :meth:`_gather` returned, with the ``card`` of the customer, the ``tier`` at confirmation,
            the ``day`` and the ``rate``
        """
        rows = self._get_term_gifts(paper, found, before)
        if paper._name == "sale.order":
            rows += self._get_price_gifts(paper, found, before)
        return rows

    @api.model
    def _get_row(self, tier, kind, reason, whole, **values):
        """Return the values of a row. Money in the currency of the paper."""
        return {"tier_id": tier.id, "kind": kind, "reason": reason, "whole": whole, **values}

    @api.model
    def _keep(self, before, kind, digest, found):
        """Return what was said of a paper as a whole, where what it was said by is the same, a list: whatever the tier
        gives since.

        :param before: the rows that the paper had
        :param digest: what decides, which a row of this ``kind`` has
        """
        return [
            self._get_row(
                row.tier_id,
                kind,
                row.reason,
                row.whole * found["rate"],
                quantity=row.quantity,
                product_id=row.product_id.id,
                waits=row.waits,
                line_digest=digest,
            )
            for row in before
            if row.kind == kind and row.line_digest == digest
        ]

    @api.model
    def _get_reason(self, found, gives=True, has_left=False):
        card, tier = found["card"], found["tier"]
        same = card.tier_id == tier
        return engine.concessions.choose_reason(
            gives=gives,
            has_left=has_left,
            is_locked=bool(same and card.lock_id and card.differs),
            is_falling=bool(same and card.pending_tier_id),
        )

    # ------------------------------------------------------------------
    # Prices
    # ------------------------------------------------------------------

    @api.model
    def _choose_tier(self, paper, found):
        """Return the tier whose pricelist a paper has, why, and the pricelist that it would have without."""
        pricelist, partner = paper.pricelist_id, paper.partner_id
        giving = found["tiers"].filtered(lambda tier: tier.pricelist_id == pricelist)
        # A person's choice wins over the tier.
        chosen = partner.specific_property_product_pricelist._get_partner_pricelist_multi_filter_hook()
        usual = found["usual"].get(partner.id, pricelist.browse())
        if chosen and usual == pricelist:
            country = partner.country_id
            usual = pricelist._get_country_pricelist_multi(country.ids)[country.id]
        if found["tier"] in giving and not chosen:
            return found["tier"], self._get_reason(found), usual
        left = not chosen and self._find_left(paper, found, giving)
        if left:
            return left, self._get_reason(found, gives=False, has_left=True), usual
        tier = (giving & found["tier"]) or giving.filtered("active")[:1] or giving[:1]
        return tier, self._get_reason(found, gives=False), usual

    @api.model
    def _find_left(self, paper, found, giving):
        """Return which of the tiers the customer was in when a quotation was made, and has left since."""
        zone = found["company"]._get_tiering_timezone()
        made = paper.create_date.replace(tzinfo=timezone.utc).astimezone(zone).date()
        customer = paper.partner_id.commercial_partner_id
        changes = self.env["customer.tier.change"].sudo()
        domain = [
            ("partner_id", "=", customer.id),
            ("company_id", "=", found["company"].id),
            ("from_tier_id", "in", giving.ids),
            ("date", ">=", made),
        ]
        return changes.search(domain, limit=1, order="id").from_tier_id

    @api.model
    def _get_price_gifts(self, order, found, before):
        """Return what the lines of an order that the pricelist of a tier priced would have cost more without it.

        A price that a person typed, or that is no longer what the pricelist says, is no gift of the tier, nor is what
        is free by another hand, and would be without the tier. Whoever changed nothing of a line keeps what was said
        of it, whatever became of the pricelists.
        """
        if order.pricelist_id not in found["tiers"].pricelist_id:
            return []
        tier, reason, usual_list = self._choose_tier(order, found)
        kept = {row.line: row for row in before if row.kind == "price" and row.line}
        told = []  # line, its price by the tier, and without it
        asked = []  # the same of which the latter is not known yet
        for line in order.order_line.filtered(self._is_priced):
            row, digest = kept.get(line.id), _get_line_digest(line)
            if row and row.line_digest == digest:
                told.append((line, row.price, row.usual_price))
            elif line.currency_id.compare_amounts(_adapt(line, line._get_display_price()), line.price_unit) == 0:
                listed = _get_listed_discount(line)
                if line.discount < 100 or listed >= 100:
                    charged = engine.concessions.get_charged(line.price_unit, line.discount, listed)
                    asked.append((line, charged))
        prices = usual_list._get_tiering_prices(
            [
                (
                    line.product_id.with_context(**line._get_product_price_context()),
                    line.product_uom_qty,
                    line.product_uom_id,
                )
                for line, _charged in asked
            ],
            order.currency_id,
            order.date_order,
        )
        told += [(line, charged, _adapt(line, price)) for (line, charged), price in zip(asked, prices, strict=True)]
        return [
            self._get_row(
                tier,
                "price",
                reason,
                get_subtotal(line, usual) - get_subtotal(line, charged),
                line=line.id,
                product_id=line.product_id.id,
                quantity=line.product_uom_qty,
                price=charged,
                usual_price=usual,
                line_digest=_get_line_digest(line),
            )
            for line, charged, usual in told
        ]

    @api.model
    def _is_priced(self, line):
        """Whether a pricelist priced a line of an order. Combinations of products share a price, which is not told."""
        return bool(
            line.product_id
            and not line.display_type
            and not line.is_downpayment
            and not line._is_global_discount()
            and not line.is_expense
            and line.product_type != "combo"
            and not line.combo_item_id
            and not any(line[fname] for fname in sources.billing.NO_GOODS_FIELDS if fname in line._fields)
            and line.currency_id.compare_amounts(line.technical_price_unit, line.price_unit) == 0
        )

    # ------------------------------------------------------------------
    # Payment terms
    # ------------------------------------------------------------------

    @api.model
    def _get_term_gifts(self, paper, found, before):
        """Return what waiting longer for the money of a paper costs, because of the payment terms of a tier.

        Where the money, the day and the terms are the same, what was said of it stays, whatever became of the tier.
        """
        interest, tier = found["interest"], found["tier"]
        term = paper.payment_term_id if paper._name == "sale.order" else paper.invoice_payment_term_id
        digest = f"{found['day']}:{term.id}:{paper.amount_total}:{paper.amount_tax}:{paper.currency_id.id}"
        if kept := self._keep(before, "terms", digest, found):
            return kept
        if not interest or not term or term != tier.payment_term_id:
            return []
        default = paper.partner_id._fields["property_payment_term_id"].get_company_dependent_fallback(paper.partner_id)
        usual = paper.partner_id.property_payment_term_id
        if usual and usual != default:
            return []  # a person's choice
        day = found["day"]
        parts, usual_parts = self._get_parts(paper, term, day), self._get_parts(paper, usual, day)
        longer = engine.concessions.wait(day, parts) - engine.concessions.wait(day, usual_parts)
        days = longer / paper.amount_total if paper.amount_total else 0
        given = engine.concessions.get_interest(longer, interest)
        waits = engine.concessions.get_longer(day, parts, usual_parts)
        reason = self._get_reason(found)
        return [self._get_row(tier, "terms", reason, given, quantity=days, waits=waits, line_digest=digest)]

    @api.model
    def _get_parts(self, paper, term, day):
        """Return when each part of the money of a paper is due, a list of days and money in its currency."""
        if not term:
            return [(day, paper.amount_total)]  # due at once
        parts = term._compute_terms(
            date_ref=day,
            currency=paper.currency_id,
            company=paper.company_id,
            tax_amount=paper.amount_tax,
            tax_amount_currency=paper.amount_tax,
            untaxed_amount=paper.amount_untaxed,
            untaxed_amount_currency=paper.amount_untaxed,
            sign=1,
        )["line_ids"]
        return [(part["date"], part["foreign_amount"]) for part in parts]

    # ------------------------------------------------------------------
    # What is taken back
    # ------------------------------------------------------------------

    @api.model
    def _settle(self, company):
        """Take back what was cancelled or credited, of a line by the share of it, of the rest by that of the order; and
        of payment terms what was paid in advance."""
        self.env.flush_all()
        papers, lines = self._read_back(company)
        advances = self._read_advances(company)
        self.env.cr.execute(
            SQL(
                """
                UPDATE customer_tiering_concession row
                   SET back = new.back, given = ROUND(row.whole * (1 - new.back), %(decimals)s), %(once)s,
                       share = COALESCE(100 * row.whole * (1 - new.back)
                                        / NULLIF(row.whole_amount * (1 - new.of_paper), 0), 0)
                  FROM (SELECT known.id, COALESCE(paper.share, 0) AS of_paper,
                               CASE WHEN known.kind = 'terms'
                                    THEN LEAST(1, COALESCE(paper.share, 0) + COALESCE(advance.share, 0))
                                    -- of a line of which nothing came back, nothing: where it is known of all
                                    ELSE COALESCE(line.share,
                                                  CASE WHEN known.line > 0 AND known.paper = ANY(%(line_papers)s)
                                                       THEN 0 ELSE paper.share END, 0) END AS back
                          FROM customer_tiering_concession known
                     LEFT JOIN unnest(%(papers)s::text[], %(paper_shares)s::numeric[]) AS paper (key, share)
                            ON paper.key = known.paper
                     LEFT JOIN unnest(%(line_papers)s::text[], %(lines)s::int[], %(line_shares)s::numeric[])
                            AS line (key, id, share)
                            ON line.key = known.paper AND line.id = known.line AND known.kind = 'price'
                     LEFT JOIN unnest(%(advances)s::int[], %(advance_shares)s::numeric[]) AS advance (id, share)
                            ON advance.id = known.id
                         WHERE known.company_id = %(company)s AND known.date > %(since)s) new
                 WHERE row.id = new.id
                   AND (row.back IS DISTINCT FROM new.back
                        OR row.amount IS DISTINCT FROM ROUND(row.whole_amount * (1 - new.of_paper), %(decimals)s))
                """,
                decimals=company.currency_id.decimal_places,
                once=SQL(", ").join(
                    SQL(
                        "%s = ROUND(%s * (1 - new.of_paper), %s)",
                        SQL.identifier(fname),
                        SQL.identifier("row", f"whole_{fname}"),
                        company.currency_id.decimal_places,
                    )
                    for fname in self._get_paper_measures()
                ),
                papers=list(papers),
                paper_shares=list(papers.values()),
                line_papers=[key for key, _line in lines],
                lines=[line for _key, line in lines],
                line_shares=list(lines.values()),
                advances=list(advances),
                advance_shares=list(advances.values()),
                company=company.id,
                since=company._get_tiering_today() - timedelta(days=YEAR_DAYS),
            )
        )
        self.invalidate_model(flush=False)

    @api.model
    def _get_paper_measures(self):
        """Return the names of the money that counts once for a document, whose whole is kept beside."""
        return OF_PAPER

    @api.model
    def _read_back(self, company):
        """Return which share of papers came back, ``{key: share}``, and of their lines, ``{(key, line id): share}``;
        of a paper all of which came back, and of one where it is not known of each line, no lines."""
        orders, lines = self._read_back_of_orders(company)
        return orders | self._read_back_of_moves(company), lines

    @api.model
    def _read_back_of_orders(self, company):
        scope = self._get_year(company)
        source = self.env["customer.tiering.reader"]._get_purchase_source(sources.scope.ORDER)
        found = sources.reading.Reading(self.env.cr, scope, source, []).returns
        orders, lines, unclear = {}, {}, set()
        columns = (found[name].tolist() for name in ("order", "line", "share", "kept", "returned"))
        for order_id, line_id, share, kept, returned in zip(*columns, strict=True):
            key = f"sale.order,{order_id}"
            if returned > 0:
                orders[key] = min(returned / (kept + returned), 1.0)
            if share != share:  # not known
                unclear.add(key)
            elif share > 0:
                lines[key, line_id] = min(lines.get((key, line_id), 0.0) + share, 1.0)
        cancelled = self._get_ids(
            SQL(
                """
                SELECT DISTINCT placed.id
                  FROM customer_tiering_concession known JOIN sale_order placed ON placed.id = known.order_id
                 WHERE known.company_id = %s AND NOT %s
                """,
                company.id,
                sources.orders.is_confirmed("placed"),
            )
        )
        gone = {f"sale.order,{order_id}": 1.0 for order_id in cancelled}
        left_out = gone.keys() | unclear
        return orders | gone, {place: share for place, share in lines.items() if place[0] not in left_out}

    @api.model
    def _read_back_of_moves(self, company):
        """Of invoices without an order by the credit notes that reverse them, unless another entry has reversed these;
        of one that is no longer posted, all."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT paper.id,
                       CASE WHEN paper.state != 'posted' THEN 1
                            -- of the same currency, whatever its rate on the day of the credit note
                            ELSE LEAST(1, COALESCE(SUM(
                                     CASE WHEN move.currency_id = paper.currency_id
                                          THEN ABS(move.amount_untaxed / NULLIF(paper.amount_untaxed, 0))
                                          ELSE ABS(move.amount_untaxed_signed / NULLIF(paper.amount_untaxed_signed, 0))
                                      END), 0)) END
                  FROM account_move paper
             LEFT JOIN account_move move ON move.reversed_entry_id = paper.id AND %(is_credit)s
                 WHERE paper.id IN (SELECT move_id FROM customer_tiering_concession
                                     WHERE company_id = %(company)s AND move_id IS NOT NULL)
              GROUP BY paper.id
                """,
                is_credit=sources.billing.is_credit(self._get_year(company)),
                company=company.id,
            )
        )
        return {f"account.move,{move_id}": float(share) for move_id, share in rows if share}

    @api.model
    def _get_year(self, company):
        return company._get_tiering_scope(company._get_tiering_today(), YEAR_DAYS)

    @api.model
    def _read_advances(self, company):
        """Return which share of what payment terms gave was never given, as the money came before they were needed,
        ``{id of a row: share}``. What a credit note paid came back, and is no money."""
        rows = self.env.execute_query(
            SQL(
                """
                WITH known AS (
                    SELECT id, order_id, move_id FROM customer_tiering_concession
                     WHERE company_id = %(company)s AND date > %(since)s AND kind = 'terms' AND waits IS NOT NULL
                ), billed AS (
                    SELECT id, move_id, 1.0 AS part, FALSE AS is_advance FROM known WHERE move_id IS NOT NULL
                 UNION ALL
                    -- the part of the order that an invoice is about; what was paid down is subtracted by the last one
                    SELECT known.id, line.move_id, SUM(line.price_total) / NULLIF(placed.amount_total, 0),
                           BOOL_AND(line.is_downpayment IS TRUE)
                      FROM known
                      JOIN sale_order placed ON placed.id = known.order_id
                      JOIN sale_order_line ordered ON ordered.order_id = placed.id
                      JOIN sale_order_line_invoice_rel rel ON rel.order_line_id = ordered.id
                      JOIN account_move_line line ON line.id = rel.invoice_line_id
                  GROUP BY known.id, line.move_id, placed.amount_total
                ), paid AS (
                    -- by the days of the invoice: from it on the terms count
                    SELECT billed.id, CASE WHEN billed.is_advance THEN %(at_once)s
                                           ELSE money.date - move.invoice_date END AS day,
                           billed.part * SUM(matched.debit_amount_currency) / NULLIF(move.amount_total, 0) AS share
                      FROM billed
                      JOIN account_move move ON move.id = billed.move_id AND move.state = 'posted'
                       AND move.move_type = 'out_invoice'
                      JOIN account_move_line due ON due.move_id = move.id AND due.display_type = 'payment_term'
                      JOIN account_partial_reconcile matched ON matched.debit_move_id = due.id
                      JOIN account_move_line money ON money.id = matched.credit_move_id
                      JOIN account_move payment ON payment.id = money.move_id AND payment.move_type != 'out_refund'
                  GROUP BY billed.id, billed.part, billed.is_advance, money.date, move.id
                 UNION ALL
                    -- online, before there is an invoice
                    SELECT known.id, %(at_once)s, SUM(transaction.amount) / NULLIF(placed.amount_total, 0)
                      FROM known
                      JOIN sale_order placed ON placed.id = known.order_id
                      JOIN sale_order_transaction_rel rel ON rel.sale_order_id = placed.id
                      JOIN payment_transaction transaction ON transaction.id = rel.transaction_id
                       AND transaction.state = 'done' AND transaction.currency_id = placed.currency_id
                     WHERE NOT EXISTS (SELECT FROM billed WHERE billed.id = known.id)
                  GROUP BY known.id, placed.id
                )
                SELECT row.id, row.waits, jsonb_agg(jsonb_build_array(paid.day, paid.share))
                  FROM paid JOIN customer_tiering_concession row ON row.id = paid.id
                 WHERE paid.share > 0
              GROUP BY row.id
                """,
                company=company.id,
                since=company._get_tiering_today() - timedelta(days=YEAR_DAYS),
                at_once=AT_ONCE,
            )
        )
        return {id_: engine.concessions.get_advance(waits, payments) for id_, waits, payments in rows}


def _get_key(paper):
    return f"{paper._name},{paper.id}"


def _get_line_digest(line):
    """What decides over the prices of a line."""
    return f"{line.product_id.id}:{line.product_uom_id.id}:{line.product_uom_qty}:{line.price_unit}:{line.discount}"


def _adapt(line, price):
    """Return a price of a pricelist as it stands on a line of an order, with the taxes of the fiscal position."""
    return line.product_id._get_tax_included_unit_price_from_price(
        price,
        product_taxes=line.product_id.taxes_id._filter_taxes_by_company(line.company_id),
        fiscal_position=line.order_id.fiscal_position_id,
    )


def _get_listed_discount(line):
    """Return which discount, in percent, the pricelist of an order shows on a line, as Odoo computes it."""
    rule = line.pricelist_item_id
    if not rule._is_discount_feature_enabled() or not rule._show_discount():
        return 0.0
    before = line._get_pricelist_price_before_discount()
    return max(100 * (before - line._get_pricelist_price()) / before, 0.0) if before > 0 else 0.0


def get_subtotal(line, price):
    """Return the untaxed amount of a line with another price and without discount, in the currency of the order."""
    return get_untaxed(line, line._prepare_base_line_for_taxes_computation(price_unit=price, discount=0.0))


def get_untaxed(line, base_line):
    """Return the untaxed amount of a line as Odoo computes it.

    :param base_line: what Odoo prepares of the line for it, with another price
    """
    taxes = line.env["account.tax"]
    taxes._add_tax_details_in_base_line(base_line, line.company_id)
    taxes._round_base_lines_tax_details([base_line], line.company_id)
    return base_line["tax_details"]["total_excluded_currency"]
