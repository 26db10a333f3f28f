from odoo import api, models


class CustomerTieringRecorded(models.AbstractModel):
    """A paper that keeps what was so at a moment, as the tier of its customer.

    That is no matter of choice, and the database does not check whether such a tier exists: only the app writes it.
    """

    _name = "customer.tiering.recorded"
    _description = "Keeps the Customer's Tier"
    _tiering_recorded = ()

    @api.model
    def default_get(self, fields):
        return self._leave_out_recorded(super().default_get(fields))

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._leave_out_recorded(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._leave_out_recorded(vals))

    @api.model
    def _leave_out_recorded(self, vals):
        if self.env.su or not any(fname in vals for fname in self._tiering_recorded):
            return vals
        return {fname: value for fname, value in vals.items() if fname not in self._tiering_recorded}
