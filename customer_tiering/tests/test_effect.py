from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

from .. import engine


@tagged("post_install", "-at_install")
class TestEffect(TransactionCase):
    def test_the_database_draws_as_the_engine_does(self):
        """The statement that will take events, on 10,000 customers."""
        for percent in (0, 12.5, 50, 100):
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT ('x' || left(md5(%s || ':' || 7 || ':' || id), 8))::bit(32)::bigint %% 10000 < 100 * %s
                      FROM generate_series(1, 10000) id ORDER BY id
                    """,
                    "salt",
                    percent,
                )
            )
            drawn = engine.effect.draw("salt", 7, range(1, 10_001), percent)
            self.assertEqual([is_held for (is_held,) in rows], drawn.tolist(), percent)
