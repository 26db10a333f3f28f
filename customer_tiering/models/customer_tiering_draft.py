import logging
import math

from odoo import api, fields, models
from odoo.exceptions import AccessError

from .. import sentences, sources
from .customer_tiering_shown import GROUP
from .customer_tiering_typed import MOST_FLOAT, MOST_INTEGER

_logger = logging.getLogger(__name__)

# What is asked of a quotation and of its lines, see _get_values: ids of records, and numbers.
IDS, NUMBERS = ("company_id", "partner_id", "currency_id", "pricelist_id"), ("amount_untaxed",)
LINE_IDS, LINE_NUMBERS = (
    ("product_id", "product_uom_id"),
    ("product_uom_qty", "price_unit", "discount", "price_subtotal"),
)
LINE_FIELDS = (*LINE_IDS, *LINE_NUMBERS)
# Of a quotation with more lines, as many as its form shows at once, nobody is told what another pricelist would save.
MOST_LINES = 200


class CustomerTieringDraft(models.AbstractModel):
    """What a quotation would do to its customer's score and tier, while somebody writes it.

    Asked for by the form alone, after what is there: nobody waits for it. Nothing is stored, printed or exported.
    """

    _name = "customer.tiering.draft"
    _description = "What a Quotation Would Do"

    @api.readonly
    @api.model
    def get_effect(self, order_id, form):
        """Return in words what a quotation would do if it were confirmed today.

        :param order_id: id of the quotation, False: it was never saved
        :param form: what stands in the form, where it may differ from what is saved: ``company_id``, ``partner_id``,
            ``currency_id`` and ``pricelist_id`` (ids), ``amount_untaxed``, and ``lines``, a list of dicts with
            ``LINE_FIELDS`` (ids for records); None: as it is saved
        :return: ``{"text": …, "kind": "up", "same" or "unknown"}``; False for what is no quotation any more, or
            has no customer yet
        :raises AccessError: to who does not sell, may not read the quotation or does not work in its company
        """
        if not self.env.user.has_group(GROUP):
            raise AccessError(self.env._("Only salespeople see what a quotation would do."))
        order = self.env["sale.order"].browse(_take_id(order_id) or []).exists()
        if order:
            order.check_access("read")
            if order.state not in ("draft", "sent"):
                return False
        elif order_id or not form:
            return False
        values = self._take(form) if form else self._get_values(order)
        company = self.env["res.company"].browse(values.get("company_id") or (order.company_id or self.env.company).id)
        if company not in self.env.companies:
            raise AccessError(self.env._("You do not work in the company of this quotation."))
        partner = self.env["res.partner"].with_company(company).browse(values.get("partner_id") or [])
        if not partner._filtered_access("read"):
            return False
        return self.with_company(company)._tell(company, partner, values)

    @api.model
    def _take(self, form):
        """Return what a client says of a form, each value of its kind; one of another kind as if it was not said."""
        if not isinstance(form, dict):
            return _take_values({}, IDS, NUMBERS) | {"lines": []}
        lines = form.get("lines")
        if isinstance(lines, list):
            lines = [_take_values(line, LINE_IDS, LINE_NUMBERS) for line in lines if isinstance(line, dict)]
        elif lines is not None:
            lines = []
        return _take_values(form, IDS, NUMBERS) | {"lines": lines}

    @api.model
    def _get_values(self, order):
        """Return what a saved quotation says, as :meth:`get_effect` takes it."""
        convert = self.env["sale.order.line"]._fields
        return {
            **{fname: order[fname].id for fname in ("company_id", "partner_id", "currency_id", "pricelist_id")},
            "amount_untaxed": order.amount_untaxed,
            "lines": [
                {fname: convert[fname].convert_to_write(line[fname], line) for fname in LINE_FIELDS}
                for line in order.order_line
            ],
        }

    def _tell(self, company, partner, values):
        """Return what :meth:`get_effect` returns of a quotation to a contact whom the person may read."""
        card = partner.tiering_scorecard_id
        # sudo: salespeople need not see the policy, its runs nor what else the customer has bought
        policy = card.sudo().policy_id.exists().filtered("active")
        runs = self.env["customer.tiering.run"].sudo()
        if reason := self._find_obstacle(company, partner, card, policy, values):
            return {"text": reason, "kind": "unknown"}
        measure = runs._get_measure(policy)
        if reason := self._find_obstacle_in(measure, card, policy):
            return {"text": reason, "kind": "unknown"}
        money = self._get_money(company, values)
        least = measure[0].version_id.rules["min_order_amount"]
        if least and company.currency_id.compare_amounts(money, least) < 0:
            return {"text": sentences.say_too_small(card, least), "kind": "same"}
        try:
            effect = runs._foresee(policy, measure, partner.commercial_partner_id, money)
        except ValueError as error:
            _logger.info("What a quotation would do to customer %s is not known: %s", card.partner_id.id, error)
            effect = None
        if not effect:
            reason = self.env._("Cannot tell yet: the numbers of this customer have to be computed first.")
            return {"text": reason, "kind": "unknown"}
        tier = self.env["customer.tier"].browse(effect.coming or effect.tier or [])
        ladder = [rule.key for rule in measure[1].ladder]
        before = ladder.index(card.tier_id.id) if card.tier_id.id in ladder else -1
        rises = tier.id in ladder[before + 1 :]
        text = sentences.say_draft(
            card,
            effect,
            rises=rises,
            saving=self._get_saving(company, partner, tier, values) if rises else 0,
            currency=self.env["res.currency"].browse(values["currency_id"]),
            invoiced=self._get_counting(policy) == sources.base.INVOICED,
        )
        return {"text": text, "kind": "up" if rises else "same"}

    def _get_counting(self, policy):
        """Return when the money of an order counts by the rules of the last run, see ``sources.base``."""
        version = policy.env["customer.tiering.run"]._get_last(policy).version_id
        key = version.rules["revenue_from"] if version else policy.revenue_from
        return self.env["customer.tiering.reader"]._get_purchase_source(key).counts_when

    def _find_obstacle(self, company, partner, card, policy, values):
        """Return why nothing can be told, a sentence; False where all is there."""
        currency = self.env["res.currency"].browse(values.get("currency_id") or []).exists()
        if not partner.commercial_partner_id:
            return self.env._("Cannot tell yet: this contact belongs to no customer.")
        if values.get("lines") is None:
            return self.env._("Cannot tell before the quotation is saved, because it has so many lines.")
        if not currency or not self._get_worth(values) > 0:
            return self.env._("Cannot tell yet: the quotation has no lines with an amount.")
        if currency != company.currency_id and not self._has_rate(company, currency):
            return self.env._("Cannot tell yet: no exchange rate of %(currency)s is known.", currency=currency.name)
        if not card:
            return self.env._("Cannot tell yet: this customer has no scorecard. It comes with the next computation.")
        if not policy:
            return self.env._("Cannot tell yet: the policy of this customer is not in use any more.")
        if not self._get_counting(policy):
            return self.env._(
                "Cannot tell: orders do not count in the policy “%(policy)s”, only tickets do.", policy=policy.name
            )
        return False

    def _find_obstacle_in(self, measure, card, policy):
        """Return the same of the last run of the policy."""
        if not measure:
            return self.env._("Cannot tell yet: the policy “%(policy)s” has to be computed first.", policy=policy.name)
        last, rules, _as_of, _fit = measure
        return sentences.say_unforeseen(card, rules, last.version_id)

    @api.model
    def _has_rate(self, company, currency):
        """Whether Odoo knows one of the two rates: a currency without any has the rate 1."""
        # sudo: salespeople need not see the rates
        rates = self.env["res.currency.rate"].sudo()
        both = (currency | company.currency_id).ids
        return bool(
            rates.search_count(
                [("currency_id", "in", both), ("company_id", "in", (False, company.root_id.id))], limit=1
            )
        )

    @api.model
    def _get_worth(self, values):
        """Return what the quotation is worth as a purchase, in its own currency."""
        lines = [line for line in values["lines"] if line.get("price_subtotal")]
        query = self.env["customer.tiering.reader"]._get_advance_products()
        advances = {product_id for (product_id,) in self.env.execute_query(query)} if query and lines else ()
        paid = sum(line["price_subtotal"] for line in lines if line.get("product_id") in advances)
        return (values.get("amount_untaxed") or 0) - paid

    @api.model
    def _get_money(self, company, values):
        """Return the same in the company's currency, at the rate that the order has if it is confirmed now."""
        rate = self.env["res.currency"]._get_conversion_rate(
            from_currency=company.currency_id,
            to_currency=self.env["res.currency"].browse(values["currency_id"]),
            company=company,
            date=fields.Datetime.now().date(),
        )
        return self._get_worth(values) / (rate or 1)

    @api.model
    def _get_saving(self, company, partner, tier, values):
        """Return by how much less the lines would be sold by the pricelist of ``tier``; 0: that is not another one, or
        not for this customer. In the currency of the quotation."""
        if not self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist"):
            return 0
        if partner.specific_property_product_pricelist:
            return 0  # a person's choice wins
        if len(values["lines"]) > MOST_LINES:
            return 0
        Pricelist = self.env["product.pricelist"]
        pricelist = tier.sudo().pricelist_id.sudo(False)
        usable = pricelist.filtered_domain(Pricelist._get_partner_pricelist_multi_search_domain_hook(company.id))
        if not usable or pricelist.id == values.get("pricelist_id") or not pricelist._filtered_access("read"):
            return 0
        currency = self.env["res.currency"].browse(values["currency_id"])
        lines = [line for line in values["lines"] if self._is_priced(line)]
        # A client may know of some that are deleted.
        products = self.env["product.product"].browse({line["product_id"] for line in lines}).exists()
        units = self.env["uom.uom"].browse({line.get("product_uom_id") or 0 for line in lines} - {0}).exists()
        products, units = products.with_company(company).grouped("id"), units.grouped("id")
        lines = [line for line in lines if line["product_id"] in products]
        asked = [
            (products[line["product_id"]], line["product_uom_qty"], units.get(line.get("product_uom_id")))
            for line in lines
        ]
        saved = 0
        prices = pricelist._get_tiering_prices(asked, currency, fields.Datetime.now())
        for line, price in zip(lines, prices, strict=True):
            paid = line["price_unit"] * (1 - (line.get("discount") or 0) / 100)
            # As a share: whether taxes are included in both prices does not matter.
            saved += line["price_subtotal"] * (1 - price / paid)
        return currency.round(saved) if math.isfinite(saved) else 0

    @api.model
    def _is_priced(self, line):
        return (
            line.get("product_id")
            and (line.get("product_uom_qty") or 0) > 0
            and (line.get("price_subtotal") or 0) > 0
            and (line.get("price_unit") or 0) > 0
            and (line.get("discount") or 0) < 100
        )


def _take_id(value):
    return type(value) is int and 0 < value <= MOST_INTEGER and value


def _take_number(value):
    # What is no number at all is not below any.
    return float(value) if type(value) in (int, float) and abs(value) <= MOST_FLOAT else 0.0


def _take_values(values, ids, numbers):
    """Return the ids (False where there is none) and numbers (0.0 where there is none) that a client sent."""
    return {name: _take_id(values.get(name)) for name in ids} | {
        name: _take_number(values.get(name)) for name in numbers
    }
