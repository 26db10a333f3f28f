"""The columns of metrics reckoned anew from what their help says, with pandas and plain queries, without the addons.

Slow and simple. It is assumed that credit notes come from orders, and that no order is invoiced again after one.
"""

import numpy as np
import pandas as pd

SUPPORT_OVER = ("1_done", "1_canceled")


class Table:
    """The columns of the customers of a company as of a day; each method is one, or several of the same thing."""

    def __init__(self, env, policy, as_of):
        self.cr, self.policy, self.company, self.as_of = env.cr, policy, policy.company_id, pd.Timestamp(as_of)
        self.timezone = self.company.partner_id.tz or self.company.resource_calendar_id.tz or "UTC"
        self.days = policy.window_days
        self.start = self.as_of - pd.Timedelta(days=self.days)  # the last day that does not count
        env.flush_all()
        partners = self.read("SELECT id, commercial_partner_id FROM res_partner")
        self.customer_of = partners.set_index("id")["commercial_partner_id"]

    def read(self, query, *parameters):
        self.cr.execute(query, parameters)
        return pd.DataFrame(self.cr.fetchall(), columns=[column.name for column in self.cr.description])

    def day(self, moments):
        moments = pd.to_datetime(moments).dt.tz_localize("UTC").dt.tz_convert(self.timezone)
        return moments.dt.tz_localize(None).dt.normalize()

    def customer(self, partners):
        return partners.map(self.customer_of)

    def recent(self, days):
        days = pd.to_datetime(days)
        return (days > self.start) & (days <= self.as_of)

    def collect(self):
        """Return the columns as a frame by customer; what is not there is not known, or 0."""
        columns = {}
        for name in sorted(name for name in dir(self) if name.startswith("reckon_")):
            columns |= getattr(self, name)()
        found = pd.DataFrame(columns).astype("float64")
        return found.assign(
            net_percent=found["net_profit"] / found["amount"].where(found["amount"] > 0) * 100,
            returned_share=found["return_count"].fillna(0)
            / found["delivery_count"].where(found["delivery_count"] > 0)
            * 100,
        )

    # ------------------------------------------------------------------
    # Orders
    # ------------------------------------------------------------------

    def orders(self):
        orders = self.read(
            """SELECT id, partner_id, date_order, create_date, state, team_id, website_id,
                      (amount_untaxed / currency_rate)::float8 AS whole
                 FROM sale_order WHERE company_id = %s""",
            self.company.id,
        )
        orders["customer"], orders["day"] = self.customer(orders["partner_id"]), self.day(orders["date_order"])
        back = self.read(
            """SELECT DISTINCT line.order_id, item.id, item.price_subtotal::float8 AS money
                 FROM sale_order_line_invoice_rel link
                 JOIN sale_order_line line ON line.id = link.order_line_id
                 JOIN account_move_line item ON item.id = link.invoice_line_id
                 JOIN account_move move ON move.id = item.move_id
                WHERE move.move_type = 'out_refund' AND move.state = 'posted' AND move.invoice_date <= %s""",
            self.as_of.date(),
        )
        orders["money"] = orders["whole"] - orders["id"].map(back.groupby("order_id")["money"].sum()).fillna(0)
        return orders

    def bought(self):
        orders = self.orders()
        return orders[(orders["state"] == "sale") & (orders["money"] > 0.004) & (orders["day"] <= self.as_of)]

    def reckon_purchases(self):
        bought = self.bought()
        recent = bought[self.recent(bought["day"])]
        by, by_recent = bought.groupby("customer"), recent.groupby("customer")
        late = recent["day"] > self.as_of - pd.Timedelta(days=self.days // 2)
        newer = recent["money"].where(late, 0).groupby(recent["customer"]).sum()
        older = recent["money"].where(~late, 0).groupby(recent["customer"]).sum()
        growth = ((newer - older) / older.where(older > 0) * 100).clip(upper=900).fillna(900)
        days = bought.drop_duplicates(["customer", "day"]).sort_values(["customer", "day"])
        gaps = days.groupby("customer")["day"].diff().dt.days
        gaps = gaps[gaps.notna()].groupby(days["customer"])
        recency = (self.as_of - by["day"].max()).dt.days
        often = gaps.size()[gaps.size() >= 2].index
        weekday = recent.groupby(["customer", recent["day"].dt.day_of_week]).size().groupby("customer").max()
        team = recent[recent["team_id"].notna()].groupby(["customer", "team_id"]).size().groupby("customer").max()
        return {
            "recency_days": recency,
            "tenure_days": (self.as_of - by["day"].min()).dt.days,
            "order_count": by_recent.size(),
            "amount": by_recent["money"].sum(),
            "average_order": by_recent["money"].mean(),
            "gap_mean_days": gaps.mean(),
            "gap_median_days": gaps.median(),
            "gap_regularity": (100 / (1 + gaps.std(ddof=0) / gaps.mean())).reindex(often),
            "lateness": recency / gaps.median(),
            "growth": growth,
            "weekday_share": weekday / by_recent.size() * 100,
            "top_team_share": team.reindex(by_recent.size().index).fillna(0) / by_recent.size() * 100,
        }

    def lines(self):
        return self.read(
            """SELECT line.id AS line, line.order_id, line.product_id, template.categ_id, template.type,
                      line.price_subtotal::float8 AS money, line.product_uom_qty::float8 AS quantity,
                      (line.price_unit * line.product_uom_qty)::float8 AS listed, line.purchase_price::float8 AS cost
                 FROM sale_order_line line
                 JOIN product_product product ON product.id = line.product_id
                 JOIN product_template template ON template.id = product.product_tmpl_id
                WHERE line.display_type IS NULL"""
        )

    def returned(self):
        """What was credited of each line of an order, by its id."""
        back = self.read(
            """SELECT link.order_line_id, SUM(item.price_subtotal)::float8 AS money
                 FROM sale_order_line_invoice_rel link
                 JOIN account_move_line item ON item.id = link.invoice_line_id
                 JOIN account_move move ON move.id = item.move_id
                WHERE move.move_type = 'out_refund' AND move.state = 'posted' AND move.invoice_date <= %s
             GROUP BY 1""",
            self.as_of.date(),
        )
        return back.set_index("order_line_id")["money"]

    def kept(self):
        """The lines of which not all came back."""
        lines = self.lines()
        back = lines["line"].map(self.returned()).fillna(0)
        return lines[(back <= 0) | (back < lines["money"] - 0.004)]

    def reckon_products(self):
        bought = self.bought()
        recent = bought[self.recent(bought["day"])][["id", "customer", "day"]]
        lines = self.kept().merge(recent, left_on="order_id", right_on="id")
        categories = lines.groupby(["customer", "categ_id"])["money"].sum()
        days = lines.groupby(["customer", "product_id"])["day"].nunique()
        by = lines.groupby("customer")
        return {
            "category_count": lines.groupby("customer")["categ_id"].nunique(),
            "top_category_share": categories.groupby("customer").max() / categories.groupby("customer").sum() * 100,
            "repurchase_rate": (days > 1).groupby("customer").mean() * 100,
            "discount_share": (by["listed"].sum() - by["money"].sum()) / by["listed"].sum() * 100,
        }

    def reckon_prices(self):
        sold = self.read(
            """SELECT id, categ_id, list_price::float8 AS price FROM product_template
                WHERE active AND sale_ok AND type != 'combo' AND list_price > 0 AND categ_id IS NOT NULL
                  AND COALESCE(company_id, %s) = %s""",
            *(self.company.id, self.company.id),
        )
        price = sold.groupby("categ_id")["price"]
        many = price.transform("size")
        sold["is_upper"] = (price.rank(method="min") - 1) / (many - 1) > 2 / 3
        products = self.read("SELECT id AS product_id, product_tmpl_id AS id FROM product_product")
        products = products.merge(sold[many >= 3][["id", "is_upper"]], on="id")[["product_id", "is_upper"]]
        bought = self.bought()
        recent = bought[self.recent(bought["day"])][["id", "customer"]]
        lines = self.kept().merge(recent, left_on="order_id", right_on="id").merge(products, on="product_id")
        upper = lines["money"].where(lines["is_upper"], 0).groupby(lines["customer"]).sum()
        return {"upper_share": upper / lines.groupby("customer")["money"].sum() * 100}

    def reckon_wishes(self):
        orders = self.orders()
        orders = orders[(orders["state"] == "sale") & self.recent(orders["day"])].copy()
        wished = self.read("SELECT id, commitment_date FROM sale_order WHERE commitment_date IS NOT NULL")
        wished = wished.set_index("id")["commitment_date"]
        until = self.day(orders["id"].map(pd.to_datetime(wished)))
        orders["is_soon"] = (until - orders["day"]).dt.days <= 2
        lines = self.read("SELECT id AS line, order_id AS id FROM sale_order_line WHERE display_type IS NULL")
        lines = lines.merge(orders[["id", "customer"]], on="id")
        chosen = self.read("SELECT sale_order_line_id FROM product_template_attribute_value_sale_order_line_rel")
        typed = self.read("SELECT sale_order_line_id FROM product_attribute_custom_value WHERE custom_value != ''")
        own = {*chosen["sale_order_line_id"], *typed["sale_order_line_id"]}
        return {
            "rush_share": orders.groupby("customer")["is_soon"].mean() * 100,
            "specified_share": lines["line"].isin(own).groupby(lines["customer"]).mean() * 100,
        }

    def reckon_quotations(self):
        orders = self.orders()
        orders = orders[orders["website_id"].isna()]  # what customers did alone in the shop
        placed = orders[self.recent(orders["day"])]
        is_open = orders["state"].isin(("draft", "sent")) & (self.day(orders["create_date"]) <= self.as_of)
        return {
            "conversion_rate": (placed["state"] == "sale").groupby(placed["customer"]).mean() * 100,
            "open_quotation_count": orders[is_open].groupby("customer").size(),
        }

    # ------------------------------------------------------------------
    # Profit
    # ------------------------------------------------------------------

    def reckon_profit(self):
        orders = self.orders()
        orders = orders[(orders["state"] == "sale") & (orders["whole"] > 0) & self.recent(orders["day"])]
        lines = self.lines()
        lines["cost"] = lines["cost"] * lines["quantity"]
        lines["uncosted"] = lines["money"].where(lines["cost"] == 0, 0)
        share = lines["line"].map(self.returned()) / lines["money"]
        left = (1 - share.where(lines["money"] != 0).fillna(0)).clip(0, 1)
        sums = lines[["cost", "uncosted"]].mul(left, axis=0).groupby(lines["order_id"]).sum()
        cost, uncosted = orders["id"].map(sums["cost"]), orders["id"].map(sums["uncosted"])
        by = orders["customer"]
        costed = (orders["money"] - uncosted).groupby(by).sum()
        margin = (costed - cost.groupby(by).sum()).round(2)
        margin[(cost.groupby(by).sum().round(2) == 0) & (uncosted.groupby(by).sum() > 0)] = np.nan
        work = {
            "order": orders.groupby("customer").size(),
            "order_line": orders["id"].map(lines.groupby("order_id").size()).groupby(by).sum(),
            "returned_order": orders[orders["money"] < orders["whole"]].groupby("customer").size(),
            "delivery": self.reckon_deliveries()["delivery_count"],
            "returned_delivery": self.reckon_deliveries()["return_count"],
            "meeting_hour": self.reckon_meetings()["meeting_hours"],
            "activity": self.done_activities()[0],
            "overdue_month": self.receivables()["overdue_months"],
            "interest": self.receivables()["receivable_average"] / 100 * self.days / 365,
        }
        rates = self.policy.env["customer.tiering.cost"].with_company(self.company).search([])
        rates = {cost.key: cost.rate for cost in rates}
        assert rates.keys() == work.keys()
        everybody = sorted({*self.customer_of})
        served = sum(
            (work[key].reindex(everybody).fillna(0).astype(float) * rate).round(2)
            for key, rate in rates.items()
            if rate
        )
        return {
            "margin": margin.reindex(everybody, fill_value=0),
            "margin_percent": margin / costed.where(costed > 0) * 100,
            "cost_to_serve": served,
            "net_profit": margin.reindex(everybody, fill_value=0) - served,
        }

    def receivables(self):
        lines = self.read(
            """SELECT line.id, line.partner_id, line.date, line.balance::float8 AS balance, move.move_type,
                      COALESCE(line.date_maturity, line.date) AS due
                 FROM account_move_line line
                 JOIN account_move move ON move.id = line.move_id
                 JOIN account_account account ON account.id = line.account_id
                WHERE account.account_type = 'asset_receivable' AND line.company_id = %s
                  AND line.parent_state = 'posted' AND line.date <= %s AND line.partner_id IS NOT NULL""",
            *(self.company.id, self.as_of.date()),
        )
        matches = self.read(
            """SELECT match.debit_move_id, match.credit_move_id, match.amount::float8 AS amount, match.max_date,
                      paying.move_type = 'entry' AND (paying.origin_payment_id IS NOT NULL OR EXISTS (
                          SELECT FROM account_move_line other
                            JOIN account_account ON account_account.id = other.account_id
                           WHERE other.move_id = paying.id AND other.debit > 0
                             AND SPLIT_PART(account_type, '_', 1) IN ('asset', 'liability'))) AS is_payment
                 FROM account_partial_reconcile match
                 JOIN account_move_line credit ON credit.id = match.credit_move_id
                 JOIN account_move paying ON paying.id = credit.move_id
                WHERE match.max_date <= %s""",
            self.as_of.date(),
        )
        for frame, name in ((lines, "date"), (lines, "due"), (matches, "max_date")):
            frame[name] = pd.to_datetime(frame[name])
        lines["customer"] = self.customer(lines["partner_id"])
        result = {name: {} for name in ("overdue_amount", "overdue_months", "receivable_average", "days_to_pay")}
        window = pd.date_range(self.start + pd.Timedelta(days=1), self.as_of)
        for customer, own in lines.groupby("customer"):
            overdue, months, owed, weighted, paid = 0.0, 0.0, np.zeros(len(window)), 0.0, 0.0
            for line in own.itertuples():
                owed += np.where(window >= line.date, line.balance, 0)
                if line.balance < 0:
                    overdue += line.balance + matches["amount"][matches["credit_move_id"] == line.id].sum()
                    continue
                found = matches[matches["debit_move_id"] == line.id]
                left = line.balance - found["amount"].sum()
                overdue += left if line.due < self.as_of else 0
                end = self.as_of if left > 0.005 else min(found["max_date"].max(), self.as_of)
                months += max((end - max(line.due, self.start)).days, 0) / (365 / 12)
                if line.move_type not in ("out_invoice", "out_receipt"):
                    continue
                for match in found[found["is_payment"]].itertuples():
                    if match.max_date > self.start:
                        weighted += match.amount * max((match.max_date - line.date).days, 0)
                        paid += match.amount
            result["overdue_amount"][customer] = max(overdue, 0)
            result["overdue_months"][customer] = months
            result["receivable_average"][customer] = max(owed.mean(), 0)
            if paid:
                result["days_to_pay"][customer] = weighted / paid
        return {name: pd.Series(values, dtype="float64") for name, values in result.items()}

    def reckon_receivables(self):
        found = self.receivables()
        return {name: found[name] for name in ("overdue_amount", "receivable_average", "days_to_pay")}

    # ------------------------------------------------------------------
    # What people do and say
    # ------------------------------------------------------------------

    def meetings(self):
        """A row per meeting and customer."""
        met = self.read(
            """SELECT event.id, guest.res_partner_id AS partner_id, event.start, event.allday, event.start_date,
                      event.stop_date, event.duration::float8 AS hours, partner.partner_share
                 FROM calendar_event event
                 JOIN calendar_event_res_partner_rel guest ON guest.calendar_event_id = event.id
                 JOIN res_partner partner ON partner.id = guest.res_partner_id
                WHERE event.active AND (event.user_id IS NULL OR EXISTS (
                          SELECT FROM res_company_users_rel rel WHERE rel.user_id = event.user_id AND rel.cid = %s))
                  AND NOT EXISTS (SELECT FROM calendar_attendee attendee
                                   WHERE attendee.event_id = event.id AND attendee.state = 'declined'
                                     AND attendee.partner_id = guest.res_partner_id)""",
            self.company.id,
        )
        met = met[met["partner_share"] != False]  # noqa: E712 - it may be None
        met["customer"] = self.customer(met["partner_id"])
        met["day"] = self.day(met["start"]).where(~met["allday"].astype(bool), pd.to_datetime(met["start_date"]))
        length = (pd.to_datetime(met["stop_date"]) - pd.to_datetime(met["start_date"])).dt.days + 1
        met["hours"] = met["hours"].where(~met["allday"].astype(bool), length * 8)
        return met.drop_duplicates(["id", "customer"])

    def reckon_meetings(self):
        met = self.meetings()
        return {"meeting_hours": met[self.recent(met["day"])].groupby("customer")["hours"].sum()}

    def on_customers(self, query, model):
        """The rows of a query, with ``res_id`` and the name of the ``model``, that are on contacts, and on orders and
        leads of the company."""
        rows = self.read(query)
        owners = {"res.partner": self.customer_of}
        for table, name in (("sale_order", "sale.order"), ("crm_lead", "crm.lead")):
            documents = self.read(
                f"SELECT id, partner_id FROM {table} WHERE COALESCE(company_id, %s) = %s AND partner_id IS NOT NULL",
                *(self.company.id, self.company.id),
            )
            owners[name] = self.customer(documents.set_index("id")["partner_id"])
        for name, customers in owners.items():
            is_one = rows[model] == name
            rows.loc[is_one, "customer"] = rows.loc[is_one, "res_id"].map(customers)
        return rows[rows["customer"].notna()]

    def done_activities(self):
        """How many were done in the window, and the rows of all that were done, without those of meetings."""
        done = self.on_customers(
            """SELECT res_model, res_id, calendar_event_id AS event_id, date_done AS day FROM mail_activity
                WHERE active IS FALSE AND date_done IS NOT NULL AND id NOT IN (
                      SELECT activity_id FROM customer_tiering_followup
                       WHERE activity_id IS NOT NULL AND state = 'closed')""",
            "res_model",
        )
        met = {(row.id, row.customer) for row in self.meetings().itertuples()}
        done = done[[(row.event_id, row.customer) not in met for row in done.itertuples()]]
        return done[self.recent(done["day"])].groupby("customer").size(), done

    def reckon_interactions(self):
        written = self.on_customers(
            """SELECT model, res_id, date AS moment FROM mail_message
                WHERE message_type IN ('comment', 'email') AND tiering_impersonal IS NOT TRUE""",
            "model",
        )
        written["day"] = self.day(written["moment"])
        done, met = self.done_activities()[1], self.meetings()
        done["day"] = pd.to_datetime(done["day"])
        said = pd.concat([written[["customer", "day"]], done[["customer", "day"]], met[["customer", "day"]]])
        said = said[said["day"] <= self.as_of]
        recent = said[said["day"] > self.start]
        weight = 1 - (self.as_of - recent["day"]).dt.days / self.days
        late = self.on_customers(
            "SELECT res_model, res_id, date_deadline AS day FROM mail_activity WHERE active", "res_model"
        )
        return {
            "contact_count": recent.groupby("customer").size(),
            "days_since_contact": (self.as_of - said.groupby("customer")["day"].max()).dt.days,
            "contact_decay": weight.groupby(recent["customer"]).sum(),
            "overdue_activity_count": late[pd.to_datetime(late["day"]) < self.as_of].groupby("customer").size(),
        }

    def reckon_voices(self):
        needs = self.read(
            """SELECT partner_id AS customer FROM customer_tiering_need
                WHERE COALESCE(company_id, %s) = %s AND date <= %s AND COALESCE(valid_until, 'infinity') >= %s""",
            *(self.company.id, self.company.id, self.as_of.date(), self.as_of.date()),
        )
        felt = self.read(
            "SELECT id, partner_id AS customer, user_id, date, sign FROM customer_tiering_pulse WHERE company_id = %s",
            self.company.id,
        )
        felt["date"] = pd.to_datetime(felt["date"])
        felt = felt[(felt["date"] <= self.as_of) & (felt["date"] > self.as_of - pd.Timedelta(days=90))]
        felt = felt.sort_values(["date", "id"]).drop_duplicates(["customer", "user_id"], keep="last")
        return {
            "need_count": needs.groupby("customer").size(),
            "pulse": felt["sign"].map({"up": 1.0, "same": 0.0, "down": -1.0}).groupby(felt["customer"]).mean(),
        }

    # ------------------------------------------------------------------
    # Other apps
    # ------------------------------------------------------------------

    def reckon_deliveries(self):
        moved = self.read(
            """SELECT DISTINCT picking.id, ordered.partner_id, picking.date_done, origin.usage AS origin,
                      target.usage AS target
                 FROM stock_picking picking
                 JOIN stock_move move ON move.picking_id = picking.id
                 JOIN stock_location origin ON origin.id = move.location_id
                 JOIN stock_location target ON target.id = move.location_dest_id
                 JOIN sale_order_line line ON line.id = move.sale_line_id
                 JOIN sale_order ordered ON ordered.id = line.order_id
                WHERE picking.state = 'done' AND move.state = 'done' AND ordered.company_id = %s""",
            self.company.id,
        )
        moved = moved[self.recent(self.day(moved["date_done"]))]
        moved["customer"] = self.customer(moved["partner_id"])
        sent = moved[(moved["target"] == "customer") & (moved["origin"] != "customer")]
        back = moved[(moved["origin"] == "customer") & (moved["target"] != "customer")]
        return {
            "delivery_count": sent.groupby("customer")["id"].nunique(),
            "return_count": back.groupby("customer")["id"].nunique(),
        }

    def reckon_support(self):
        tasks = self.read(
            """SELECT task.id, task.partner_id, task.create_date, task.date_deadline, task.state
                 FROM project_task task
                WHERE task.active AND task.project_id = ANY(%s) AND task.partner_id IS NOT NULL""",
            self.policy.support_project_ids.ids,
        )
        tagged = self.read(
            "SELECT project_task_id AS id FROM project_tags_project_task_rel WHERE project_tags_id = ANY(%s)",
            self.policy.complaint_tag_ids.ids,
        )
        tasks["customer"], tasks["day"] = self.customer(tasks["partner_id"]), self.day(tasks["create_date"])
        tasks = tasks[tasks["day"] <= self.as_of]
        is_open = tasks[~tasks["state"].isin(SUPPORT_OVER)]
        late = is_open[self.day(is_open["date_deadline"]) < self.as_of]
        return {
            "support_count": tasks[self.recent(tasks["day"])].groupby("customer").size(),
            "support_open_count": is_open.groupby("customer").size(),
            "support_late_count": late.groupby("customer").size(),
            "complaint_open_count": is_open[is_open["id"].isin(tagged["id"])].groupby("customer").size(),
        }

    def reckon_ratings(self):
        rated = self.read(
            """SELECT rating.partner_id, rating.rating::float8 AS rating, rating.rated_on
                 FROM rating_rating rating
                WHERE rating.consumed AND rating.rating > 0 AND rating.partner_id IS NOT NULL AND (
                      rating.res_model = 'discuss.channel'
                      OR rating.res_model = 'project.task' AND rating.res_id IN (
                         SELECT id FROM project_task WHERE company_id IS NULL OR company_id = %s))""",
            self.company.id,
        )
        rated = rated[self.recent(self.day(rated["rated_on"]))]
        rated["customer"] = self.customer(rated["partner_id"])
        by = rated.groupby("customer")
        return {
            "rating_average": by["rating"].mean(),
            "rating_count": by.size(),
            "bad_rating_count": rated[rated["rating"] < 3].groupby("customer").size(),
        }

    def reckon_surveys(self):
        asked = self.read(
            """SELECT asked.id, asked.partner_id, asked.state, asked.create_date, asked.end_datetime,
                      asked.scoring_percentage::float8 AS score
                 FROM survey_user_input asked
                WHERE asked.survey_id = ANY(%s) AND asked.test_entry IS NOT TRUE AND asked.partner_id IS NOT NULL""",
            self.policy.survey_ids.ids,
        )
        said = self.read(
            "SELECT user_input_id, value_scale FROM survey_user_input_line"
            " WHERE question_id = %s AND skipped IS NOT TRUE",
            self.policy.recommendation_question_id.id,
        )
        asked["customer"] = self.customer(asked["partner_id"])
        asked["value"] = asked["id"].map(said.set_index("user_input_id")["value_scale"])
        done = asked[(asked["state"] == "done") & self.recent(self.day(asked["end_datetime"]))]
        last = done[done["value"].notna()].sort_values(["end_datetime", "id"]).groupby("customer")["value"].last()
        asked_on = self.day(asked["create_date"])
        past = asked_on <= self.as_of
        return {
            "survey_result": done.groupby("customer")["score"].mean(),
            "survey_recommendation": last,
            "survey_asked_days": (self.as_of - asked_on[past].groupby(asked["customer"][past]).max()).dt.days,
        }

    def reckon_loyalty(self):
        cards = self.read(
            """SELECT card.id, card.partner_id, card.points::float8 AS points, card.active, card.expiration_date,
                      program.date_to, program.active AS runs
                 FROM loyalty_card card JOIN loyalty_program program ON program.id = card.program_id
                WHERE program.program_type = 'loyalty' AND card.partner_id IS NOT NULL
                  AND COALESCE(program.company_id, %s) = %s""",
            *(self.company.id, self.company.id),
        )
        moved = self.read(
            "SELECT card_id, create_date, issued::float8 AS issued, used::float8 AS used FROM loyalty_history"
        )
        moved["day"] = self.day(moved["create_date"])
        moved = moved.merge(cards[["id", "partner_id"]], left_on="card_id", right_on="id")
        moved["customer"] = self.customer(moved["partner_id"])
        later = moved[moved["day"] > self.as_of]
        later = (later["issued"] - later["used"]).groupby(later["card_id"]).sum()
        cards["points"] -= cards["id"].map(later).fillna(0)
        cards["customer"] = self.customer(cards["partner_id"])
        ends = pd.DataFrame(
            {name: pd.to_datetime(cards[name], errors="coerce") for name in ("expiration_date", "date_to")}
        ).min(axis=1)
        held = cards[cards["active"] & cards["runs"] & ~(ends < self.as_of)]
        soon = held[ends[held.index] <= self.as_of + pd.Timedelta(days=30)]
        recent = moved[self.recent(moved["day"])].groupby("customer")
        return {
            "loyalty_points": held.groupby("customer")["points"].sum(),
            "loyalty_expiring": soon.groupby("customer")["points"].sum(),
            "loyalty_earned": recent["issued"].sum(),
            "loyalty_used": recent["used"].sum(),
        }

    def reckon_browsing(self):
        start = max(self.start, self.as_of - pd.Timedelta(days=90))
        visitors = self.read(
            """SELECT visitor.id AS visitor_id, visitor.partner_id, visitor.create_date
                 FROM website_visitor visitor JOIN website ON website.id = visitor.website_id
                WHERE visitor.partner_id IS NOT NULL AND website.company_id = %s AND website.tiering_track""",
            self.company.id,
        )
        visitors["customer"] = self.customer(visitors["partner_id"])
        tracks = self.read(
            """SELECT track.visitor_id, track.visit_datetime AS moment, product.product_tmpl_id AS product,
                      template.active AND template.sale_ok AS sold
                 FROM website_track track
            LEFT JOIN product_product product ON product.id = track.product_id
            LEFT JOIN product_template template ON template.id = product.product_tmpl_id"""
        )
        tracks["day"] = self.day(tracks["moment"])
        tracks = tracks[(tracks["day"] > start) & (tracks["day"] <= self.as_of)]
        views = visitors.merge(tracks, on="visitor_id")
        known = visitors[self.day(visitors["create_date"]) <= self.as_of]["customer"].unique()
        bought = self.orders()
        bought = bought[(bought["state"] == "sale") & (bought["day"] <= self.as_of)]
        lines = self.read(
            "SELECT order_id AS id, product_tmpl_id AS product FROM sale_order_line"
            " JOIN product_product ON product_product.id = product_id"
        ).merge(bought, on="id")
        last = lines.groupby(["customer", "product"])["date_order"].max().rename("last").reset_index()
        seen = views[views["sold"] == True].merge(last, on=["customer", "product"], how="left")  # noqa: E712
        seen = seen[seen["last"].isna() | (seen["moment"] > seen["last"])]
        twice = seen.groupby(["customer", "product"]).size() >= 2
        return {
            "website_visit_count": views.groupby("customer")["day"].nunique().reindex(known).fillna(0),
            "website_product_count": views.groupby("customer")["product"].nunique().reindex(known).fillna(0),
            "website_unbought_count": twice.groupby("customer").sum(),
            **self.carts(start),
        }

    def carts(self, start):
        carts = self.orders()
        delays = self.read("SELECT id, cart_abandoned_delay FROM website").set_index("id")["cart_abandoned_delay"]
        carts = carts[(carts["state"] == "draft") & carts["website_id"].notna() & (carts["day"] > start)]
        lines = self.read("SELECT DISTINCT order_id FROM sale_order_line")["order_id"]
        midnight = self.as_of.tz_localize(self.timezone).tz_convert("UTC").tz_localize(None)
        left = pd.to_datetime(carts["date_order"]) + pd.to_timedelta(carts["website_id"].map(delays), unit="h")
        carts = carts[carts["id"].isin(lines) & (left <= midnight)]
        by = carts.groupby("customer")
        return {"website_cart_count": by.size(), "website_cart_amount": by["whole"].sum()}
