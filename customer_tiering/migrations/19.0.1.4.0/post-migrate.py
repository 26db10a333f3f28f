from odoo.tools import SQL
from odoo.tools.sql import column_exists


def migrate(cr, version):
    """Keep of each explanation the numbers only: names and weights are those of the policy's last run."""
    if not column_exists(cr, "customer_tiering_scorecard", "old_explanation"):
        return
    cr.execute(
        """
        SELECT DISTINCT ON (run.policy_id) run.policy_id, version.rules->'rules'->'criteria'
          FROM customer_tiering_run run
          JOIN customer_tiering_policy_version version ON version.id = run.version_id
         WHERE run.state = 'done'
      ORDER BY run.policy_id, run.id DESC
        """
    )
    for policy_id, criteria in cr.fetchall():
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
                 WHERE policy_id = %s AND old_explanation IS NOT NULL
                """,
                SQL(", ").join(parts),
                policy_id,
            )
        )
    cr.execute("ALTER TABLE customer_tiering_scorecard DROP COLUMN old_explanation")
