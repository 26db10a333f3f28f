from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class CustomerTieringEffect(models.Model):
    _inherit = "customer.tiering.effect"

    mailing_id = fields.Many2one("mailing.mailing", readonly=True, ondelete="cascade")

    _mailing_uniq = models.Constraint("UNIQUE(mailing_id)", "A mailing has one effect.")

    def _get_trial(self):
        # sudo: managers see what it did also without rights in Email Marketing
        return self.sudo().mailing_id or super()._get_trial()

    @api.model
    def _get_trials(self):
        """Mailings too, until all is known of one, and anew when something else is to be known of it; *See the Effect*
        measures it at any time."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT draw.mailing_id
                  FROM customer_tiering_mailing_draw draw
                  JOIN mailing_mailing mailing ON mailing.id = draw.mailing_id
                  JOIN res_company company ON company.id = draw.company_id AND company.active
             LEFT JOIN customer_tiering_effect effect ON effect.mailing_id = draw.mailing_id
                 WHERE (effect.result ->> 'running')::int IS DISTINCT FROM 0 OR draw.day >= effect.as_of
                    OR mailing.effect_days > 0 AND mailing.effect_days != (effect.result ->> 'days')::int
                    OR mailing.effect_measure != effect.result ->> 'main'
              ORDER BY 1
                """
            )
        )
        return [*super()._get_trials(), *self.env["mailing.mailing"].browse(id_ for (id_,) in rows)]

    @api.depends("mailing_id")
    def _compute_display_name(self):
        return super()._compute_display_name()

    @api.model
    def _search_display_name(self, operator, value):
        if operator in Domain.NEGATIVE_OPERATORS:
            return NotImplemented
        # sudo: managers see the names also without rights in Email Marketing
        names = self.env["mailing.mailing"].sudo()._search([("display_name", operator, value)], active_test=False)
        return Domain(super()._search_display_name(operator, value)) | Domain("mailing_id", "in", names)

    def _get_alike_domain(self):
        if self.sudo().mailing_id:  # sudo: only whether it is one
            return [("mailing_id", "!=", False)]
        return super()._get_alike_domain()

    def _say_pooled(self, facts):
        if self.sudo().mailing_id:  # sudo: only whether it is one
            return self.env._(
                "All %(number)s mailings together: %(points)s points (%(low)s to %(high)s), of which more than 0 is "
                "good.",
                **facts,
            )
        return super()._say_pooled(facts)
