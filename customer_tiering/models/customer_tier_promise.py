from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..sentences import format_number


class CustomerTierPromise(models.Model):
    """What customers of a tier are promised, beside what the fields of the tier give.

    How often somebody is in touch is the tier's *Interaction Every (Days)*, so no row says it again.
    """

    _name = "customer.tier.promise"
    _inherit = ["customer.tiering.typed"]
    _description = "Promise to the Customers of a Tier"
    _order = "tier_id, sequence, id"
    _rec_name = "sentence"
    _rec_names_search = ["text"]  # what it says is made of it

    _typed_sizes = {"text": 300}
    _typed_ranges = {"days": (0, None)}

    tier_id = fields.Many2one("customer.tier", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    kind = fields.Selection(
        [("words", "In words"), ("quotation", "A quotation is answered within so many days")],
        string="What",
        required=True,
        default="words",
        help="All but words are measured: see Promises Kept.",
    )
    days = fields.Integer(
        string="Within Days",
        compute="_compute_days",
        store=True,
        readonly=False,
        precompute=True,
        help="So many days after the day on which it was asked for. 0: on the same day.",
    )
    text = fields.Char(string="Words", translate=True, help="As customers hear it: “A person of your own to call”.")
    sentence = fields.Char(string="Promise", compute="_compute_sentence")

    _days_positive = models.Constraint("CHECK(days >= 0)", "A promise is kept within 0 or more days.")
    _measured_once = models.UniqueIndex(
        "(tier_id, kind) WHERE kind != 'words'",
        "A tier promises the same thing once. Change the promise that is there.",
    )

    @api.model
    def _get_timed_kinds(self):
        """Return the kinds whose promise names days."""
        return {"quotation"}

    @api.depends("kind")
    def _compute_days(self):
        timed = self._get_timed_kinds()
        for promise in self:
            promise.days = (promise.days or 1) if promise.kind in timed else 0

    @api.constrains("kind", "text")
    def _check_text(self):
        for promise in self:
            if promise.kind == "words" and not (promise.text or "").strip():
                raise ValidationError(self.env._("Say in words what customers of the tier are promised."))

    @api.depends("kind", "days", "text")
    @api.depends_context("lang")
    def _compute_sentence(self):
        for promise in self:
            promise.sentence = promise._tell()

    def _tell(self):
        """Return the promise in words; another app tells its own kinds."""
        self.ensure_one()
        if self.kind == "quotation":
            if not self.days:
                return self.env._("A quotation is answered on the same day.")
            if self.days == 1:
                return self.env._("A quotation is answered within a day.")
            return self.env._("A quotation is answered within %(days)s days.", days=format_number(self.env, self.days))
        return self.text
