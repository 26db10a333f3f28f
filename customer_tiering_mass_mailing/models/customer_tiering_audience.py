from ast import literal_eval

from odoo import api, fields, models
from odoo.fields import Domain

from odoo.addons.customer_tiering import filters


class CustomerTieringAudience(models.AbstractModel):
    """What mailings and saved filters have in common: a filter that may ask for what runs bring about."""

    _name = "customer.tiering.audience"
    _description = "Audience by Tier"

    tiering_asked = fields.Boolean(
        string="Asks for Tiers",
        compute="_compute_tiering_asked",
        help="Whether the filter asks for tiers, segments or anything else of the scorecard.",
    )

    @api.depends("mailing_domain", "mailing_model_id")
    def _compute_tiering_asked(self):
        for audience in self:
            model = self.env.get(audience._get_tiering_model_name())
            domain = audience._get_tiering_domain()
            audience.tiering_asked = model is not None and (
                bool(filters.find_circle(model, domain)) or self._asks_said(model, domain)
            )

    @api.model
    def _asks_said(self, model, domain):
        """Whether a filter asks for what people have said of customers, which no run brings about, but which is of a
        company, and not for everybody to see."""
        for condition in domain.iter_conditions():
            path = filters.follow(model, condition.field_expr)
            if any(field.name == "tiering_said_motive_id" for field in path):
                return True
            comodel = path[-1].comodel_name if path else None
            is_filter = comodel and condition.operator in ("any", "not any")
            if is_filter and self._asks_said(self.env[comodel], Domain(condition.value)):
                return True
        return False

    def _get_tiering_model_name(self):
        """Return the name of the model of those who are written to."""
        return self.mailing_model_name

    def _get_tiering_domain(self):
        """Return the filter as a ``Domain``; what is none finds nobody, as in Odoo."""
        try:
            return Domain(literal_eval(self.mailing_domain or "[]"))
        except filters.ERRORS:
            return Domain.FALSE

    def _get_tiering_named(self):
        """Return what the filter names: ``{"customer.tier": tiers, …}`` of tiers, segments and policies, also those
        that are gone."""
        model, domain = self.env.get(self._get_tiering_model_name()), self._get_tiering_domain()
        ids = {"customer.tier": set(), "customer.segment": set(), "customer.tiering.policy": set()}
        if model is not None:
            self._collect_tiering_named(model, domain, ids)
        # sudo: whoever looks at the mailing; nothing but names of tiers comes of it
        return {name: self.env[name].sudo().browse(sorted(named)) for name, named in ids.items()}

    @api.model
    def _collect_tiering_named(self, model, domain, ids):
        for condition in domain.iter_conditions():
            path = filters.follow(model, condition.field_expr)
            comodel = path[-1].comodel_name if path else None
            if comodel and condition.operator in ("any", "not any"):
                self._collect_tiering_named(self.env[comodel], Domain(condition.value), ids)
            elif comodel in ids:
                value = condition.value
                values = value if isinstance(value, list | tuple | set) else [value]
                ids[comodel].update(id_ for id_ in values if isinstance(id_, int) and id_ is not False)
