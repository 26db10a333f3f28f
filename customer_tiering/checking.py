"""Looks for data that would make the tiers of a company's customers wrong, and for what it does to them.

What is read stands in ``sources/checks.py``, who is alike in ``engine/checks.py``. The number of statements does not
depend on the number of customers.
"""

import dataclasses
import logging
from collections import Counter, defaultdict
from datetime import date

from odoo.exceptions import UserError
from odoo.tools import SQL

from . import engine, pace, sources

_logger = logging.getLogger(__name__)

#: Purchases of so many days say what a customer usually buys for.
DAYS = 730
#: Of more customers than this it is not told in which tier they would be.
MOST_TOLD = 20_000


@dataclasses.dataclass
class Found:
    """Something to check: the values of a ``customer.tiering.check``."""

    kind: str
    key: str  # the same for the same thing in another run
    partner_id: int | None = None
    partner_ids: tuple[int, ...] = ()
    order_id: int | None = None
    move_id: int | None = None
    rate_currency_id: int | None = None
    salesperson_id: int | None = None
    number: int | None = None
    amount: float | None = None
    usual_amount: float | None = None
    day: date | None = None
    tier_id: int | None = None
    evidence: str | None = None


class Looking:
    """One look at the data of a company.

    :param company: a ``res.company``, in an environment of a superuser
    :param as_of: the last day that counts, a ``datetime.date``

    ``found`` is what there is to check, ``common`` how many values so many customers share that they prove nothing.
    """

    def __init__(self, company, as_of):
        self.env, self.company, self.as_of = company.env, company, as_of
        self.reader = self.env["customer.tiering.reader"]
        self.found, self.common = [], 0
        self.amounts, self.policies = {}, {}  # of each customer: what was bought, and the policy
        policies = self.env["customer.tiering.policy"].search([("company_id", "=", company.id)])
        self.usable = [policy for policy in policies if self._is_usable(policy)]

    def look(self):
        """Look at everything; return this."""
        self.measures = {policy: self.env["customer.tiering.run"]._get_measure(policy) for policy in self.usable}
        looked_at = set()
        for policy in self.usable:
            scope = policy._get_scope(self.as_of)
            self._look_at_purchases(policy, scope)
            if policy.revenue_from not in looked_at:
                looked_at.add(policy.revenue_from)
                self._look_at_documents(scope)
            pace.rest()
        self._look_at_contacts()
        self.found = list({(found.kind, found.key): found for found in self.found}.values())
        return self

    @staticmethod
    def _is_usable(policy):
        try:
            policy._check_usable()
        except UserError:
            return False  # its run says why
        return not policy._get_obstacle()

    # ------------------------------------------------------------------
    # What was bought
    # ------------------------------------------------------------------

    def _look_at_purchases(self, policy, scope):
        """Documents that are dated too early, or are worth far more than what the customer usually buys."""
        window = dataclasses.replace(scope, window_days=max(scope.window_days, DAYS))
        customers, bought, is_recent, ids = self.env["customer.tiering.replica"]._read_papers(window)
        buyer, money = bought.buyer, bought.money
        recent = is_recent.nonzero()[0]
        sums = engine.grouped.sums(buyer[recent], money[recent], len(customers))
        self.amounts.update(zip(customers.tolist(), sums.tolist(), strict=True))
        self.policies.update(dict.fromkeys(customers.tolist(), policy))
        large, medians = engine.checks.find_large(buyer[recent], money[recent], len(customers))
        large = recent[large]
        large = large[bought.day[large] > engine.schema.day(scope.window_start)]
        early = ((bought.day < engine.checks.FIRST_DAY) & (money > 0)).nonzero()[0]
        flagged = sorted({*large.tolist(), *early.tolist()})
        if not flagged:
            return
        located = self.reader._get_purchase_source(scope.revenue_from).locate(ids[flagged])
        moves = [id_ for model, id_ in located if model == sources.checks.MOVE]
        shown = {id_ for (id_,) in self.env.execute_query(sources.checks.get_shown_query(moves))} if moves else ()
        tiers = self._get_tiers_without(policy, ids[flagged], {int(customers[buyer[place]]) for place in flagged})
        is_large = set(large.tolist())
        together = Counter(buyer[flagged].tolist())
        for place, (model, id_) in zip(flagged, located, strict=True):
            if model == sources.checks.MOVE and id_ not in shown:
                continue
            customer = int(customers[buyer[place]])
            self._add_document(
                "large" if place in is_large else "early",
                model,
                id_,
                customer,
                bought.day[place].astype(object),
                amount=float(money[place]) if place in is_large else None,
                usual_amount=float(medians[buyer[place]]) if place in is_large else None,
                tier_id=tiers.get(customer),
                number=together[buyer[place]],
            )

    def _look_at_documents(self, scope):
        """Documents that are dated in the future, currencies without a rate, and what counts for nobody."""
        ID, DATE, INTEGER = sources.base.ID, sources.base.DATE, sources.base.INTEGER
        for model in self.reader._get_purchase_source(scope.revenue_from).papers:
            future = sources.rows.fetch_arrays(
                self.env.cr, sources.checks.get_future_query(scope, model), {"id": ID, "customer": ID, "day": DATE}
            )
            for id_, customer, day in zip(*(values.tolist() for values in future.values()), strict=True):
                self._add_document("future", model, id_, customer, day)
            rateless = sources.rows.fetch_arrays(
                self.env.cr, sources.checks.get_rateless_query(scope, model), {"currency": ID, "number": INTEGER}
            )
            for currency, number in zip(*(values.tolist() for values in rateless.values()), strict=True):
                self.found.append(Found("rate", f"{model},{currency}", rate_currency_id=currency, number=number))
        strays = self.env["customer.tiering.run"]._find_strays(scope) or {"ids": ()}
        for partner in strays["ids"]:
            self.found.append(Found("stray", str(partner), partner_id=partner))

    def _add_document(self, kind, model, id_, customer, day, **values):
        key = f"{model or customer},{id_}"
        link = {"sale.order": "order_id", "account.move": "move_id"}.get(model)
        if link:
            values[link] = id_
        self.found.append(Found(kind, key, partner_id=customer or None, day=day, **values))

    # ------------------------------------------------------------------
    # What contacts say
    # ------------------------------------------------------------------

    def _look_at_contacts(self):
        customers = sorted(self.policies)
        own, parts, salespeople = {*self.company.parent_ids.ids, None}, [], {}
        for part in sources.checks.read_contacts(self.env.cr, customers, self._get_phone()):
            parts.append(engine.checks.get_keys(contact for contact, company, *_others in part if company in own))
            salespeople.update((contact.customer, (user, active)) for contact, _company, user, active in part)
        self._look_at_salespeople(salespeople)
        keys = engine.checks.join(parts)
        shared, self.common = engine.checks.find_shared(keys)
        by_phone = {id_ for group in shared[engine.checks.PHONE] for id_ in group}
        names = dict(self.env.execute_query(sources.checks.get_names_query(by_phone)))
        groups = engine.checks.find_duplicates(shared, keys, names)
        persons = engine.checks.find_persons(keys)
        alike = {id_: number for number, group in enumerate(groups) for id_ in group.customers}
        # Who is the firm itself, typed once more, is no person beside it.
        persons = [(person, firm) for person, firm in persons if alike.get(person, -1) != alike.get(firm, -2)]
        leads = [max(group.customers, key=lambda id_: (self.amounts[id_], -id_)) for group in groups]
        tiers = self._get_tiers_together({lead: group.customers for lead, group in zip(leads, groups, strict=True)})
        judged = self.env["customer.tiering.check"]._get_judged(self.company)
        kept = engine.checks.find_kept([group.customers for group in groups], judged)
        for place, (group, lead) in enumerate(zip(groups, leads, strict=True)):
            others = [id_ for id_ in group.customers if id_ != lead]
            listed = sorted([lead, *others[: engine.checks.MOST_LISTED - 1]])
            self.found.append(
                Found(
                    "duplicate",
                    kept.get(place) or ",".join(map(str, listed)),
                    partner_id=lead,
                    partner_ids=tuple(listed),
                    number=len(group.customers),
                    tier_id=tiers.get(lead),
                    evidence=",".join(group.evidence),
                )
            )
        together = defaultdict(list)
        for person, firm in persons:
            together[firm].append(person)
        tiers = self._get_tiers_together({firm: (firm, *of_firm) for firm, of_firm in together.items()})
        for person, firm in persons:
            self.found.append(
                Found(
                    "person",
                    str(person),
                    partner_id=person,
                    partner_ids=(person, firm),
                    number=len(together[firm]),
                    tier_id=tiers.get(firm),
                )
            )

    def _get_phone(self):
        if "phone_sanitized" not in self.env["res.partner"]._fields:
            return SQL("partner.phone")
        return SQL("COALESCE(NULLIF(partner.phone_sanitized, ''), partner.phone)")

    def _look_at_salespeople(self, salespeople):
        """Customers without a salesperson where nearly all have one, and salespeople who are gone."""
        without = [customer for customer, (user, _active) in salespeople.items() if not user]
        if len(salespeople) - len(without) >= engine.checks.MOSTLY * len(salespeople):
            self.found += [Found("nobody", str(customer), partner_id=customer) for customer in without]
        gone = defaultdict(int)
        for user, active in salespeople.values():
            if user and not active:
                gone[user] += 1
        self.found += [Found("gone", str(user), salesperson_id=user, number=count) for user, count in gone.items()]

    # ------------------------------------------------------------------
    # What it does to tiers
    # ------------------------------------------------------------------

    def _get_tiers_together(self, groups):
        """Return the tier that customers would earn together, ``{lead: id of the tier}``.

        :param groups: ``{lead: ids of the customers of the group, the lead among them}``
        """
        leads = {id_: lead for lead, group in groups.items() for id_ in group if id_ != lead}
        of_policy = defaultdict(dict)
        for id_, lead in leads.items():
            of_policy[self.policies[lead]][id_] = lead
        tiers = {}
        for policy, of_leads in of_policy.items():
            tiers |= self._score(
                policy,
                {*of_leads, *of_leads.values()},
                lambda scope, columns, of_leads=of_leads: self.reader._read_united(scope, columns, of_leads),
            )
        return tiers

    def _get_tiers_without(self, policy, ids, customers):
        """Return the tier that customers would earn without some documents, ``{customer: id of the tier}``."""
        return self._score(policy, customers, lambda scope, columns: self.reader._read_without(scope, columns, ids))

    def _score(self, policy, customers, read):
        """Return the tier that customers would earn by what the last run of their policy measured.

        :param read: called with a scope and columns, returns the frame
        """
        measure = self.measures[policy]
        if not measure or len(customers) > MOST_TOLD:
            return {}
        last, rules, as_of, fit = measure
        scope = policy._get_scope(as_of, sorted(customers), last.version_id)
        try:
            frame = read(scope, rules.columns)
            earned = engine.pipeline.earned(rules, fit, frame, as_of).dropna()
        except ValueError as error:
            _logger.info("Tiers of policy %s are not told: %s", policy.id, error)
            return {}
        return {customer: int(tier) for customer, tier in earned.items()}
