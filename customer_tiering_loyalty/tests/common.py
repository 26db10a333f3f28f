from datetime import timedelta

from odoo.fields import Command

from odoo.addons.customer_tiering.tests.common import AS_OF


class PointsCommon:
    """Loyalty programs, cards and what became of their points; days are counted back from AS_OF."""

    @classmethod
    def program(cls, program_type="loyalty", company=None, **values):
        """A program of the company that gives one point per unit of money."""
        rule = {"reward_point_mode": "money", "reward_point_amount": 1, "product_ids": [Command.set(cls.product.ids)]}
        reward = {"reward_type": "discount", "discount_mode": "per_point", "discount": 1, "required_points": 1}
        return cls.env["loyalty.program"].create(
            {
                "name": program_type,
                "program_type": program_type,
                "trigger": "auto",
                "applies_on": "both" if program_type == "loyalty" else "current",
                "company_id": (company or cls.company).id,
                "currency_id": (company or cls.company).currency_id.id,
                "rule_ids": [Command.clear(), Command.create(rule)],
                "reward_ids": [Command.clear(), Command.create(reward)],
                **values,
            }
        )

    @classmethod
    def points(cls, program, who, points, expires=None, **values):
        """A card with so many points, that expires so many days after AS_OF."""
        return cls.env["loyalty.card"].create(
            {
                "program_id": program.id,
                "partner_id": who.id,
                "points": points,
                "expiration_date": expires is not None and AS_OF + timedelta(days=expires),
                **values,
            }
        )

    @classmethod
    def move(cls, card, when, issued=0, used=0):
        """Points that were given or used at a moment (UTC); the balance of the card is not touched."""
        values = {"card_id": card.id, "description": "Order", "issued": issued, "used": used}
        history = cls.env["loyalty.history"].create(values)
        history.flush_recordset()
        cls.env.cr.execute("UPDATE loyalty_history SET create_date = %s WHERE id = %s", (when, history.id))
        history.invalidate_recordset()
        return history
