from odoo.fields import Command
from odoo.tools import SQL

from odoo.addons.customer_tiering.tests.common import AS_OF, TieringCommon

METRICS = ("website_visits", "website_products", "website_unbought", "website_carts", "website_cart_amount")


class ShopCommon(TieringCommon):
    """A shop of the company that Customer Tiering looks at, and a policy with all of the addon's metrics."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.website = cls.env["website"].create({"name": "Shop", "company_id": cls.company.id, "tiering_track": True})
        cls.policy.window_days = 365
        cls.policy.criterion_ids = [Command.create({"metric_id": cls.metric(key), "weight": 1}) for key in METRICS]
        cls.lamp, cls.chair, cls.table = cls.env["product.template"].create(
            [{"name": name, "list_price": 10, "taxes_id": False} for name in ("Lamp", "Chair", "Table")]
        )

    @classmethod
    def visitor(cls, who, website=None, ago=100):
        """The visitor that a person is who was logged in for the first time ``ago`` days before AS_OF."""
        visitor = cls.env["website.visitor"].search([("partner_id", "=", who.id)])
        if not visitor:
            visitor = cls.env["website.visitor"].create(
                {"access_token": str(who.id), "website_id": (website or cls.website).id}
            )
            cls.env.flush_all()
            cls.env.cr.execute(
                "UPDATE website_visitor SET create_date = %s WHERE id = %s", [cls.noon(AS_OF, ago), visitor.id]
            )
        return visitor

    @classmethod
    def view(cls, who, *days, product=None, page=None, website=None, moment=None):
        """Somebody views a product or a page at noon on each of the ``days`` before AS_OF, or at a ``moment``."""
        visitor = cls.visitor(who, website)
        cls.env["website.track"].create(
            [
                {
                    "visitor_id": visitor.id,
                    "product_id": product and product.product_variant_id.id,
                    "page_id": page and page.id,
                    "url": "/shop",
                    "visit_datetime": when,
                }
                for when in ([moment] if moment else [cls.noon(AS_OF, ago) for ago in days])
            ]
        )

    @classmethod
    def bought(cls, who, days, product, **values):
        line = Command.create({"product_id": product.product_variant_id.id, "product_uom_qty": 1, "price_unit": 10})
        return cls.order(who, days, order_line=[line], **values)

    def assertCard(self, who, **expected):  # noqa: N802 - like unittest's own
        """What a run writes on the scorecard, and what is read of the customer alone. None: it is unknown."""
        self.compute()
        card = self.card(who)
        self.env.cr.execute(
            SQL(
                "SELECT %s FROM customer_tiering_scorecard WHERE id = %s",
                SQL(", ").join(map(SQL.identifier, expected)),
                card.id,
            )
        )
        written = dict(zip(expected, self.env.cr.fetchone(), strict=True))
        self.assertEqual(written, expected)
        reader = self.env["customer.tiering.reader"]
        alone = reader._read_customers(self.policy._get_scope(AS_OF, tuple(who.ids)), set(expected)).loc[who.id]
        read = {name: None if alone[name] != alone[name] else alone[name] for name in expected}  # NaN
        self.assertEqual(read, expected)
