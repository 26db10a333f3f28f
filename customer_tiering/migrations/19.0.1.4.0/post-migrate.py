from odoo.tools import SQL
from odoo.tools.sql import column_exists


def migrate(cr, version):
    """Keep of each explanation the numbers only: names and weights are those of the run that wrote it."""
    if not column_exists(cr, "customer_tiering_scorecard", "old_explanation"):
        return
    cr.execute("SELECT id, rules->'rules'->'criteria' FROM customer_tiering_policy_version")
    for version_id, criteria in cr.fetchall():
        parts = [
            SQL(
                "jsonb_build_array(%(old)s->0, %(old)s->1, %(old)s->3)",
                old=SQL("old_explanation->%s", criterion["metric"]),
            )
            for criterion in criteria
        ]
        cr.execute(
            SQL(
                """
                UPDATE customer_tiering_scorecard SET parts = jsonb_build_array(%s)::text
                 WHERE run_id IN (SELECT id FROM customer_tiering_run WHERE version_id = %s)
                   AND old_explanation IS NOT NULL
                """,
                SQL(", ").join(parts),
                version_id,
            )
        )
    cr.execute("ALTER TABLE customer_tiering_scorecard DROP COLUMN old_explanation")
