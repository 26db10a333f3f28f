from odoo import models

from odoo.addons.customer_tiering.sentences import format_number


class CustomerTieringRun(models.Model):
    _inherit = "customer.tiering.run"

    def _get_note(self, customer_count, fit, idle_locks):
        """Say that support projects do not count. Not which: not everybody who sees the run may see them."""
        note = super()._get_note(customer_count, fit, idle_locks)
        if count := len(self.policy_id._get_support_problems()):
            support = self.env._(
                "Support projects whose tasks do not count, because they are archived, templates or of another "
                "company: %(count)s. See the page “Support” of the policy.",
                count=format_number(self.env, count),
            )
            note = "\n".join(filter(None, (note, support)))
        return note
