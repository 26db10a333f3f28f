from odoo import models
from odoo.exceptions import UserError


class CustomerTieringMailable(models.AbstractModel):
    """What is about a customer, ``partner_id``, of a company: the lists that open from a report offer a mailing."""

    _name = "customer.tiering.mailable"
    _description = "Rows about Customers"

    def action_tiering_mailing(self):
        """Open a new mailing to the customers of these rows."""
        if len(self.company_id) > 1:
            raise UserError(
                self.env._("A mailing is for the customers of one company. Choose rows of one company only.")
            )
        return self.env["mailing.mailing"]._open_for_tiering(
            self._get_tiering_mailing_domain(), self.company_id or self.env.company
        )

    def _get_tiering_mailing_domain(self):
        """Return the filter of contacts that finds the customers of these rows, also those whom no run has seen yet."""
        company = self.company_id or self.env.company
        cards = self.env["customer.tiering.scorecard"].search(
            [("company_id", "=", company.id), ("partner_id", "in", self.partner_id.ids)]
        )
        known = ("tiering_scorecard_id.partner_id", "in", cards.partner_id.ids)
        new = self.partner_id - cards.partner_id
        return ["|", known, ("id", "in", new.ids)] if new else [known]
