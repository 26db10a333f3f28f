from odoo import api, fields, models
from odoo.tools import SQL

from odoo.addons.customer_tiering import triggers

from ..sources.browsing import Views


class CustomerTieringPlaybook(models.Model):
    _inherit = "customer.tiering.playbook"

    trigger = fields.Selection(selection_add=[("viewed", "Viewed and not bought")], ondelete={"viewed": "cascade"})

    @api.model
    def _get_trigger_classes(self):
        return {**super()._get_trigger_classes(), "viewed": ViewedNotBought}


class ViewedNotBought(triggers.Trigger):
    """A product was viewed for the second time and not ordered since: once between two orders of it.

    Only runs of all customers look for it, because nobody waits for one while browsing.
    """

    kind = "viewed"
    detail = SQL("unbought.product_id || ':' || COALESCE(unbought.ordered_on::text, '')")
    follows_calendar = True

    def get_joins(self, scan):
        company = self.playbook.company_id
        views = Views(company.id, company._get_tiering_timezone().key, scan.as_of)
        return SQL("JOIN (%s) unbought ON unbought.customer_id = card.partner_id", views.get_unbought(SQL("TRUE")))

    def get_condition(self, scan):
        return SQL("unbought.viewed_on >= %s", scan.since)

    def get_held(self, scan):
        return SQL("FALSE")

    def get_reason(self):
        return SQL(
            """
            NOT EXISTS (SELECT FROM res_partner buyer
                          JOIN sale_order placed ON placed.partner_id = buyer.id
                           AND placed.company_id = followup.company_id
                          JOIN sale_order_line line ON line.order_id = placed.id
                          JOIN product_product bought ON bought.id = line.product_id
                         WHERE buyer.commercial_partner_id = followup.partner_id AND placed.state = 'sale'
                           AND bought.product_tmpl_id = split_part(followup.event, ':', 2)::int
                           AND placed.date_order >= followup.date)
            """
        )

    def get_gone_message(self):
        return self.env._("Closed: the customer has ordered the product.")
