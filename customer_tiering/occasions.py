"""Why a salesperson should see to a customer today: a class per kind of reason.

Another module adds one with a value of the occasion's field and a class of its own::

    class CustomerTieringOccasion(models.Model):
        _inherit = "customer.tiering.occasion"

        kind = fields.Selection(selection_add=[("lead", "Opportunity")], ondelete={"lead": "cascade"})

        @api.model
        def _get_occasion_classes(self):
            return {**super()._get_occasion_classes(), "lead": Lead}

All of them read as the person whose list it is: what Odoo hides from the person is no reason to see to it.
"""

import datetime
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from odoo.fields import Domain
from odoo.tools import SQL, format_date, format_list
from odoo.tools.misc import formatLang

from . import triggers

# Quotations that expire within so many days.
EXPIRING_DAYS = 7
# Downgrades that are foreseen within so many days.
FALLING_DAYS = 28
# Orders that are expected so many days ago or ahead.
EXPECTED_DAYS = 7
# What became of the person's quotations is looked at over so many days.
WON_DAYS = 365
# No list has more of a kind than these, what is worth most or is due first.
MOST = 300
# So many products are named in a sentence.
MOST_NAMES = 2
# So many days nothing is said of a reason that was settled, and that is still there.
SETTLED_DAYS = 14
# What a talk takes where its kind of activity is gone.
MINUTES = 15


@dataclass
class Found:
    """A reason to see to a customer.

    :param partner_id: whom, any contact
    :param company_id: in which company
    :param reference: what tells it from the next reason of the kind: as long as it is the same, the answer stays
    :param money: at stake, in the company's currency
    :param chance: that it comes, 0 to 1
    :param date: the day that it is about, a ``datetime.date``; None without one
    :param minutes: that it usually takes; None: what a call takes
    """

    partner_id: int
    company_id: int
    reference: int
    money: float
    chance: float = 1.0
    date: datetime.date | None = None
    minutes: int | None = None


class Occasion:
    """A kind of reason.

    :param env: of the person, with the companies in which the customers are
    """

    kind = None
    # Whether a later reason has a higher reference: then an answer is one to all before it, too.
    grows = False
    # Whether Done writes an activity into the chatter: what is done anyway leaves a trace of its own.
    is_logged = True

    def __init__(self, env):
        self.env = env
        self.today = {company.id: company._get_tiering_today() for company in env.companies}

    # What is to be overridden

    def find(self):
        """Return what there is to do, a list of :class:`Found`."""
        raise NotImplementedError

    def tell(self, rows):
        """Return ``{row: why}`` of rows of this kind, sentences; a row whose reason is gone may be left out."""
        raise NotImplementedError

    def get_document(self, row):
        """Return the record to open for a row."""
        return row.partner_id

    # What is common

    def get_mine(self, fname="partner_id"):
        """Return the domain of rows about customers of the person, in the person's companies."""
        mine = Domain(f"{fname}.user_id", "=", self.env.uid) & Domain(f"{fname}.active", "=", True)
        return mine & Domain("company_id", "in", self.env.companies.ids)

    def get_cards(self, customer_ids):
        """Return ``{(customer id, company id): scorecard}``."""
        domain = Domain("partner_id", "in", list(customer_ids)) & Domain("company_id", "in", self.env.companies.ids)
        fnames = ["partner_id", "company_id", "average_order", "risk", "expected_loss"]
        cards = self.env["customer.tiering.scorecard"].search_fetch(domain, fnames)
        return {(card.partner_id.id, card.company_id.id): card for card in cards}

    def format_money(self, row):
        return formatLang(self.env, row.money, currency_obj=row.currency_id)

    def format_date(self, day):
        return format_date(self.env, day)


class Followup(Occasion):
    """An activity of the person, due today or before, of a customer or a quotation or order."""

    kind = "followup"
    is_logged = False

    def find(self):
        due = max(self.today.values())
        domain = Domain("user_id", "=", self.env.uid) & Domain("date_deadline", "<=", due)
        domain &= Domain("res_model", "in", ["res.partner", "sale.order"])
        fnames = ["res_model", "res_id", "activity_type_id", "date_deadline"]
        activities = self.env["mail.activity"].search_fetch(domain, fnames, order="date_deadline, id", limit=MOST)
        orders = self._search("sale.order", activities, ["partner_id", "company_id"])
        partners = self._search("res.partner", activities, ["commercial_partner_id"])
        owners = {}
        for activity in activities:
            if activity.res_model == "sale.order" and activity.res_id in orders:
                order = orders[activity.res_id]
                owners[activity] = order.partner_id.commercial_partner_id.id, order.company_id.id
            elif activity.res_model == "res.partner" and activity.res_id in partners:
                owners[activity] = partners[activity.res_id].commercial_partner_id.id, None
        cards = self.get_cards({customer_id for customer_id, _company_id in owners.values()})
        homes = dict(reversed(cards))  # the first company of each
        found = []
        for activity, (customer_id, company_id) in owners.items():
            company_id = company_id or self._choose_company(cards, homes, customer_id)
            card = cards.get((customer_id, company_id))
            found.append(
                Found(
                    customer_id,
                    company_id,
                    activity.id,
                    self._get_stake(card) if card else 0.0,
                    date=activity.date_deadline,
                    minutes=activity.activity_type_id.sudo().tiering_minutes,
                )
            )
        return found

    def _search(self, name, activities, fnames):
        ids = [activity.res_id for activity in activities if activity.res_model == name]
        return self.env[name].search_fetch([("id", "in", ids)], fnames).grouped("id") if ids else {}

    def _choose_company(self, cards, homes, customer_id):
        """The company of the person, unless the customer buys in another one only."""
        company_id = self.env.company.id
        return company_id if (customer_id, company_id) in cards else homes.get(customer_id, company_id)

    def _get_stake(self, card):
        is_loss = card.risk in ("watch", "high", "lost") and card.expected_loss
        return card.expected_loss if is_loss else card.average_order

    def tell(self, rows):
        activities = self.env["mail.activity"].search([("id", "in", rows.mapped("reference"))]).grouped("id")
        downgrades = self._tell_downgrades(rows)
        said = {}
        for row in rows:
            if row.reference in activities:
                activity = activities[row.reference]
                names = {
                    "type": activity.activity_type_id.sudo().name,
                    "summary": activity.summary,
                    "date": self.format_date(row.date),
                }
                if activity.summary:
                    said[row] = self.env._("%(type)s, due on %(date)s: %(summary)s", **names)
                else:
                    said[row] = self.env._("%(type)s, due on %(date)s", **names)
                if row in downgrades:
                    said[row] = self.env._("%(followup)s. %(downgrade)s", followup=said[row], downgrade=downgrades[row])
        return said

    def _tell_downgrades(self, rows):
        """Return ``{row: sentence}`` of what the follow-ups of playbooks for downgrades are about."""
        followups = self.env["customer.tiering.followup"].search_fetch(
            Domain("activity_id", "in", rows.mapped("reference"))
            & Domain("playbook_id.trigger", "in", [trigger.kind for trigger in Downgrade.triggers]),
            ["activity_id"],
        )
        ids = set(followups.activity_id.ids)
        return Downgrade(self.env).tell(rows.filtered(lambda row: row.reference in ids)) if ids else {}

    def get_document(self, row):
        activity = self.env["mail.activity"].search([("id", "=", row.reference)])
        is_order = activity.res_model == "sale.order"
        return self.env["sale.order"].browse(activity.res_id) if is_order else row.partner_id


class Downgrade(Occasion):
    """A downgrade that is announced, or foreseen for the coming weeks, of a customer of the person.

    Where a follow-up of the person is about it, that one is on the list when it is due, and says it.
    """

    kind = "downgrade"
    # Of playbooks whose follow-ups are about it.
    triggers = (triggers.Pending, triggers.Foreseen)

    def find(self):
        found = [*self._find_announced(), *self._find_foreseen()]
        followed = self._get_followed([item.partner_id for item in found]) if found else ()
        return [item for item in found if (item.partner_id, item.company_id) not in followed]

    def _get_followed(self, customer_ids):
        """Return the ``(customer id, company id)`` of whom a follow-up of the person is, or was lately, about the very
        downgrade; one that the person has cancelled stays an answer to it."""
        playbook = self.env["customer.tiering.playbook"]
        self.env.flush_all()
        # SQL: what an event is called is said in SQL; only follow-ups of the person are read.
        query = SQL(
            """
            SELECT DISTINCT followup.partner_id, followup.company_id
              FROM customer_tiering_followup followup
              JOIN customer_tiering_scorecard card ON card.partner_id = followup.partner_id
                                                  AND card.company_id = followup.company_id
         LEFT JOIN customer_tiering_fall fall ON fall.partner_id = card.partner_id AND fall.company_id = card.company_id
         LEFT JOIN mail_activity activity ON activity.id = followup.activity_id
             WHERE followup.partner_id = ANY(%(customers)s) AND followup.company_id = ANY(%(companies)s)
               AND followup.state = 'open' AND COALESCE(activity.user_id, followup.user_id) = %(person)s
               AND followup.event IN (%(events)s)
               AND COALESCE(activity.date_done > %(since)s, TRUE)
            """,
            customers=customer_ids,
            companies=self.env.companies.ids,
            person=self.env.uid,
            events=SQL(", ").join(trigger(playbook).event for trigger in self.triggers),
            since=min(self.today.values()) - timedelta(days=SETTLED_DAYS),
        )
        return set(self.env.execute_query(query))

    def _find_announced(self):
        domain = self.get_mine() & Domain("pending_tier_id", "!=", False)
        fnames = ["partner_id", "company_id", "pending_tier_id", "pending_date", "average_order"]
        cards = self.env["customer.tiering.scorecard"].search_fetch(
            domain, fnames, order="average_order desc, id", limit=MOST
        )
        return [
            Found(
                card.partner_id.id,
                card.company_id.id,
                card.pending_tier_id.id,
                card.average_order,
                date=card.pending_date,
            )
            for card in cards
        ]

    def _find_foreseen(self):
        falls = self.env["customer.tiering.fall"]
        domain = self.get_mine() & Domain("date", ">=", min(self.today.values()))
        domain &= Domain("date", "<=", max(self.today.values()) + timedelta(days=FALLING_DAYS))
        falls = falls.search(domain, order="amount desc, id", limit=MOST)
        cards = self.get_cards(falls.partner_id.ids)
        found = []
        for fall in falls:
            card = cards.get((fall.partner_id.id, fall.company_id.id))
            if card and fall._holds_of(card):
                stake = fall.needed_amount or card.average_order
                found.append(Found(card.partner_id.id, card.company_id.id, fall.to_tier_id.id, stake, date=fall.date))
        return found

    def tell(self, rows):
        domain = Domain("partner_id", "in", rows.partner_id.ids) & Domain("company_id", "in", rows.company_id.ids)
        cards = {
            (card.partner_id, card.company_id): card for card in self.env["customer.tiering.scorecard"].search(domain)
        }
        falls = {(fall.partner_id, fall.company_id): fall for fall in self.env["customer.tiering.fall"].search(domain)}
        said = {}
        for row in rows:
            key = row.partner_id, row.company_id
            if key in cards and cards[key].pending_tier_id:
                said[row] = self.env._(
                    "The downgrade to %(tier)s is announced for %(date)s.",
                    tier=cards[key].pending_tier_id.name,
                    date=self.format_date(cards[key].pending_date),
                )
            elif key in cards and key in falls and falls[key]._holds_of(cards[key]):
                said[row] = falls[key].sentence
        return said


class Stopped(Occasion):
    """Products that a customer of the person has stopped buying."""

    kind = "stopped"
    grows = True

    def find(self):
        domain = self._get_domain()
        worth, newest = defaultdict(float), defaultdict(int)
        # A category that is bought no more is what its products come to: not both.
        for operator in ("!=", "="):
            groups = self.env["customer.tiering.gap"]._read_group(
                domain & Domain("product_id", operator, False),
                ["partner_id", "company_id"],
                ["yearly_worth:sum", "id:max"],
                order="yearly_worth:sum desc",
                limit=MOST,
            )
            for partner, company, total, last in groups:
                key = partner.id, company.id
                worth[key], newest[key] = max(worth[key], total), max(newest[key], last)
        return [Found(*key, newest[key], total) for key, total in worth.items()]

    def _get_domain(self):
        gaps = self.env["customer.tiering.gap"]
        looking = self.env["customer.tiering.policy"]._get_looking()
        companies = self.env.companies.filtered(lambda company: company.id in looking)
        domain = Domain.OR(gaps._get_open_domain(company) for company in companies)
        return domain & self.get_mine() & Domain("kind", "=", "stopped")

    def tell(self, rows):
        gaps = self.env["customer.tiering.gap"].search(
            self._get_domain() & Domain("partner_id", "in", rows.partner_id.ids)
        )
        gaps.filtered("product_id").mapped("name")  # of all at once
        said = {}
        of_customer = gaps.grouped(lambda gap: (gap.partner_id, gap.company_id))
        for row in rows:
            found = of_customer.get((row.partner_id, row.company_id), gaps.browse())
            found = found.filtered("product_id") or found
            if not found:
                continue
            names = found[:MOST_NAMES].mapped("name")
            about = {"products": format_list(self.env, names), "count": len(found) - len(names)}
            if about["count"]:
                said[row] = self.env._("Has stopped buying %(products)s and %(count)s more", **about)
            else:
                said[row] = self.env._("Has stopped buying %(products)s", **about)
        return said


class Quotation(Occasion):
    """A quotation of the person that expires soon."""

    kind = "quotation"

    def find(self):
        orders = self.env["sale.order"]
        mine = Domain("user_id", "=", self.env.uid) & Domain("company_id", "in", self.env.companies.ids)
        first, last = min(self.today.values()), max(self.today.values())
        domain = mine & Domain("state", "in", ("draft", "sent")) & Domain("validity_date", ">=", first)
        domain &= Domain("validity_date", "<=", last + timedelta(days=EXPIRING_DAYS))
        fnames = ["partner_id", "company_id", "amount_untaxed", "currency_rate", "validity_date"]
        found = orders.search_fetch(domain, fnames, order="amount_untaxed desc, id", limit=MOST)
        # sudo: conditions about orders that the person reads
        alone = self.env["customer.tiering.reader"].sudo()._get_no_quotations("sale_order")
        if alone and found:
            self.env.flush_all()
            rows = self.env.execute_query(
                SQL("SELECT id FROM sale_order WHERE id = ANY(%s) AND (%s)", found.ids, SQL(" OR ").join(alone))
            )
            found -= orders.browse(id_ for (id_,) in rows)
        chance = found and self._get_won_share(mine)
        return [
            Found(
                order.partner_id.commercial_partner_id.id,
                order.company_id.id,
                order.id,
                order.amount_untaxed / (order.currency_rate or 1.0),
                chance=chance,
                date=order.validity_date,
            )
            for order in found
        ]

    def _get_won_share(self, mine):
        """Return how many of the person's quotations were won in the last year; half where nothing is known."""
        since = max(self.today.values()) - timedelta(days=WON_DAYS)
        settled = Domain("state", "in", ("sale", "cancel")) | Domain("validity_date", "<", min(self.today.values()))
        groups = self.env["sale.order"]._read_group(
            mine & Domain("create_date", ">=", since) & settled, ["state"], ["__count"]
        )
        counts = dict(groups)
        # One won and one lost more than there were (Laplace): the first quotation tells little.
        return (counts.get("sale", 0) + 1) / (sum(counts.values()) + 2)

    def tell(self, rows):
        orders = self.env["sale.order"].search([("id", "in", rows.mapped("reference"))]).grouped("id")
        return {
            row: self.env._(
                "%(order)s of %(amount)s expires on %(date)s",
                order=orders[row.reference].name,
                amount=self.format_money(row),
                date=self.format_date(row.date),
            )
            for row in rows
            if row.reference in orders
        }

    def get_document(self, row):
        return self.env["sale.order"].search([("id", "=", row.reference)]) or row.partner_id


class Overdue(Occasion):
    """Invoices of a customer of the person that are past due, as far as the person sees them."""

    kind = "overdue"
    grows = True

    def find(self):
        lines = self.env["account.move.line"]
        if not lines.has_access("read"):
            return []
        # Of an invoice that is paid in instalments those that are due.
        domain = self._get_open() & Domain("move_id.move_type", "=", "out_invoice") & Domain("amount_residual", ">", 0)
        groups = lines._read_group(
            domain & self.get_mine("partner_id.commercial_partner_id"),
            ["partner_id", "company_id"],
            ["amount_residual:sum", "date_maturity:min", "id:max"],
            order="amount_residual:sum desc",
            limit=MOST,
        )
        due = defaultdict(list)
        for partner, company, *found in groups:
            due[partner.commercial_partner_id, company].append(found)
        owed = self._get_owed([customer.id for customer, _company in due])
        found = []
        for (customer, company), parts in due.items():
            amounts, days, references = zip(*parts, strict=True)
            stake = min(sum(amounts), owed[customer, company])
            if company.currency_id.compare_amounts(stake, 0) > 0:
                found.append(Found(customer.id, company.id, max(references), stake, date=min(days)))
        return found

    def _get_open(self):
        """Return the domain of what is past due, or was paid or credited, and is not matched."""
        lines = Domain("parent_state", "=", "posted") & Domain("account_id.account_type", "=", "asset_receivable")
        lines &= Domain("reconciled", "=", False) & Domain("company_id", "in", self.env.companies.ids)
        return lines & (Domain("balance", "<", 0) | Domain("date_maturity", "<", max(self.today.values())))

    def _get_owed(self, customer_ids):
        """Return ``{(customer, company): amount}`` past due less what the customers paid, or were credited, and nobody
        has matched yet: who has paid is not reminded."""
        # sudo: only lowers what the person's own invoices come to
        groups = (
            self.env["account.move.line"]
            .sudo()
            ._read_group(
                self._get_open() & Domain("partner_id.commercial_partner_id", "in", customer_ids),
                ["partner_id", "company_id"],
                ["amount_residual:sum"],
            )
        )
        owed = defaultdict(float)
        for partner, company, amount in groups:
            owed[partner.commercial_partner_id, company] += amount
        return owed

    def tell(self, rows):
        said = {}
        for row in rows:
            said[row] = self.env._(
                "%(amount)s past due, the oldest since %(date)s",
                amount=self.format_money(row),
                date=self.format_date(row.date),
            )
        return said


class Expected(Occasion):
    """An order that a customer of the person is expected to give about today."""

    kind = "expected"
    grows = True

    def find(self):
        domain = self.get_mine() & Domain("order_percent", ">", 0) & Domain("next_order_date", "!=", False)
        first, last = min(self.today.values()), max(self.today.values())
        domain &= Domain("next_order_date", ">=", first - timedelta(days=EXPECTED_DAYS))
        domain &= Domain("next_order_date", "<=", last + timedelta(days=EXPECTED_DAYS))
        fnames = ["partner_id", "company_id", "order_percent", "next_order_date", "average_order", "last_order_date"]
        cards = self.env["customer.tiering.scorecard"].search_fetch(
            domain, fnames, order="average_order desc, id", limit=MOST
        )
        return [
            Found(
                card.partner_id.id,
                card.company_id.id,
                # The same until the customer orders.
                card.last_order_date.toordinal() if card.last_order_date else 0,
                card.average_order,
                chance=card.order_percent / 100,
                date=card.next_order_date,
            )
            for card in cards
        ]

    def tell(self, rows):
        return {
            row: self.env._(
                "An order of about %(amount)s is expected around %(date)s",
                amount=self.format_money(row),
                date=self.format_date(row.date),
            )
            for row in rows
        }


CLASSES = {kind.kind: kind for kind in (Followup, Downgrade, Stopped, Quotation, Overdue, Expected)}
