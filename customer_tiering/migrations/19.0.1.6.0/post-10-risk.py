from odoo.tools import SQL

# A reason is whole sentences now, which bring their own full stop.
OLD_PLACEHOLDER, NEW_PLACEHOLDER = "{{ reason }}.", "{{ reason }}"


def migrate(cr, version):
    """Tell which signals led to each risk, as the engine's ``risk.assess`` does from now on, and remove the full
    stop after the reason from the texts of playbooks.

    The day is that of the last run: one that found the same risk has left the scorecard alone. Who is at risk has
    some signal, and who is lost is late; the columns are rounded, what the run compared was not.
    """
    cr.execute(
        """
        WITH day AS (SELECT policy_id, MAX(as_of) AS as_of
                       FROM customer_tiering_run
                      WHERE state = 'done'
                   GROUP BY policy_id),
             signal AS (SELECT card.id,
                               day.as_of - card.last_order_date > policy.risk_watch * card.usual_gap_days
                                   OR card.risk = 'lost' AS late,
                               card.purchase_days >= 3 AND card.growth <= -policy.lifecycle_falling AS falling,
                               day.as_of - card.last_order_date > policy.risk_silent_days
                                   AND day.as_of - card.last_contact_date > policy.risk_silent_days AS silent
                          FROM customer_tiering_scorecard card
                          JOIN customer_tiering_policy policy ON policy.id = card.policy_id
                     LEFT JOIN day ON day.policy_id = card.policy_id
                         WHERE card.risk IN ('watch', 'high', 'lost'))
        UPDATE customer_tiering_scorecard card
           SET risk_signals = CONCAT_WS(' ',
                                        CASE WHEN late OR falling IS NOT TRUE THEN 'late' END,
                                        CASE WHEN falling THEN 'falling' END,
                                        CASE WHEN silent THEN 'silent' END)
          FROM signal
         WHERE signal.id = card.id
        """
    )
    for column in ("summary", "note"):
        cr.execute(
            SQL(
                """
                UPDATE customer_tiering_playbook_step
                   SET %(column)s = REPLACE(%(column)s::text, %(old)s, %(new)s)::jsonb
                 WHERE STRPOS(%(column)s::text, %(old)s) > 0
                """,
                column=SQL.identifier(column),
                old=OLD_PLACEHOLDER,
                new=NEW_PLACEHOLDER,
            )
        )
