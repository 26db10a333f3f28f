import io

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

TABLE = SQL.identifier("customer_tiering_result")


class CustomerTieringWriter(models.AbstractModel):
    """Puts a run's result into the scorecards, all customers at once.

    The ORM is bypassed because it would write row by row: the result is copied into a temporary
    table and four statements record the changes of tier, update only scorecards whose values really
    changed, insert the new ones and remove those of customers who left.
    """

    _name = "customer.tiering.writer"
    _description = "Customer Tiering Writer"

    @api.model
    def _get_columns(self):
        """Return the scorecard fields that a run computes, each a column of the result frame.

        Those of metrics that no policy uses are absent from the frame and empty on the scorecard.
        """
        return [
            "first_order_date",
            "last_order_date",
            "order_count",
            "amount",
            "average_order",
            "gap_mean_days",
            "gap_median_days",
            "contact_count",
            "last_contact_date",
            "gap_regularity",
            "growth",
            "category_count",
            "top_category_id",
            "top_category_share",
            "repurchase_rate",
            "discount_share",
            "top_team_id",
            "top_team_share",
            "conversion_rate",
            "open_quotation_count",
            "open_quotation_amount",
            "contact_decay",
            "overdue_activity_count",
            "lifecycle",
            "purchase_days",
            "usual_gap_days",
            "risk",
            "risk_rank",
            "expected_loss",
            "recency_score",
            "frequency_score",
            "monetary_score",
            "score",
            "tier_id",
            "computed_tier_id",
            "computed_since",
            "differs",
            "pending_tier_id",
            "pending_date",
            "lock_id",
            "segment_id",
            "next_tier_id",
            "points_to_next",
            "explanation",
        ]

    @api.model
    def _write_result(self, run, as_of, result, partial=False):
        """Write the scorecards of the run's policy.

        :param run: the ``customer.tiering.run``
        :param as_of: a ``datetime.date``
        :param result: a DataFrame, index = customer id, with the columns of the reader and the engine,
            ``reason`` and ``user_id`` of the changes, and ``quiet``: what is new comes from the policy
        :param partial: the result holds only some of the policy's customers; the others stay
        :return: ``{run field: count}``
        """
        self.env.flush_all()
        self._copy_result(run, result)
        ((last_change_id,),) = self.env.execute_query(SQL("SELECT COALESCE(MAX(id), 0) FROM customer_tier_change"))
        directions = self._insert_changes(run, as_of, partial)
        updated = self._update_scorecards(run, as_of)
        inserted = self._insert_scorecards(run, as_of)
        left = 0 if partial else self._delete_scorecards(run)
        self.env["customer.tiering.followup"].sudo()._collect(run, as_of, last_change_id, partial)
        # Everything that depends on a scorecard may be in the cache, on partners too.
        self.env.invalidate_all(flush=False)
        return {
            "new_count": directions.get("new", 0),
            "up_count": directions.get("up", 0),
            "down_count": directions.get("down", 0),
            "left_count": left,
            "written_count": updated + inserted,
        }

    def _copy_result(self, run, result, columns=None):
        """Copy the result into the temporary table; only ``columns`` of it, if given."""
        scorecard = self.env["customer.tiering.scorecard"]
        columns = columns or self._get_columns()
        self.env.cr.execute(SQL("DROP TABLE IF EXISTS pg_temp.%s", TABLE))
        self.env.cr.execute(
            SQL(
                "CREATE TEMPORARY TABLE %s (partner_id int4 PRIMARY KEY, %s, reason varchar, user_id int4, quiet bool) "
                "ON COMMIT DROP",
                TABLE,
                SQL(", ").join(
                    SQL("%s %s", SQL.identifier(name), SQL(scorecard._fields[name].column_type[0])) for name in columns
                ),
            )
        )
        buffer = io.StringIO()
        self._prepare_result(run, result, columns).to_csv(buffer, header=False, date_format="%Y-%m-%d")
        buffer.seek(0)
        self.env.cr.copy_expert("COPY customer_tiering_result FROM STDIN WITH (FORMAT csv)", buffer)
        self.env.cr.execute(SQL("ANALYZE %s", TABLE))

    def _prepare_result(self, run, result, columns):
        """Return ``columns`` of the result as the columns keep it, so that equal values compare equal."""
        scorecard = self.env["customer.tiering.scorecard"]
        changes = result[["reason", "user_id", "quiet"]].astype({"user_id": "Int64"})
        result = result.reindex(columns=columns)
        for column in result:
            field = scorecard._fields[column]
            if field.type == "monetary":
                result[column] = result[column].round(run.company_id.currency_id.decimal_places)
            elif field.type == "float":
                result[column] = result[column].round(field.get_digits(self.env)[1])
            elif field.type in ("integer", "many2one"):
                result[column] = result[column].astype("Int64")
        return result.join(changes)

    def _insert_changes(self, run, as_of, partial):
        """Record who changes tier, before the scorecards change; return ``{direction: count}``."""
        parameters = self._get_parameters(run, as_of)
        affected = SQL("partner_id IN (SELECT partner_id FROM %s)", TABLE)
        if not partial:
            # Only here: an OR would keep PostgreSQL from looking up the few scorecards by their index.
            affected = SQL(
                "(%(affected)s OR policy_id = %(policy)s AND partner_id NOT IN %(elsewhere)s)",
                affected=affected,
                **parameters,
            )
        rows = self.env.execute_query(
            SQL(
                """
                WITH changed AS (
                    INSERT INTO customer_tier_change (
                        partner_id, company_id, policy_id, run_id, date, from_tier_id, to_tier_id,
                        user_id, score_before, score_after, direction, reason)
                    SELECT COALESCE(result.partner_id, card.partner_id), %(company)s, %(policy)s, %(run)s, %(as_of)s,
                           card.tier_id, result.tier_id, result.user_id, card.score, result.score,
                           CASE WHEN card.tier_id IS NULL THEN 'new'
                                WHEN result.tier_id IS NULL THEN 'left'
                                WHEN card.policy_id != %(policy)s THEN 'same'
                                WHEN (new_tier.sequence, new_tier.id) < (old_tier.sequence, old_tier.id) THEN 'up'
                                ELSE 'down' END,
                           CASE WHEN card.id IS NULL THEN 'first'
                                WHEN result.partner_id IS NULL THEN 'left'
                                WHEN card.policy_id != %(policy)s THEN 'policy'
                                WHEN result.lock_id IS DISTINCT FROM card.lock_id AND result.differs THEN 'lock'
                                WHEN result.lock_id IS NULL AND card.lock_id IS NOT NULL THEN 'lock_ended'
                                ELSE result.reason END
                      FROM %(result)s result
                 FULL JOIN (SELECT * FROM customer_tiering_scorecard
                             WHERE company_id = %(company)s
                               AND %(affected)s
                           ) card ON card.partner_id = result.partner_id
                 LEFT JOIN customer_tier old_tier ON old_tier.id = card.tier_id
                 LEFT JOIN customer_tier new_tier ON new_tier.id = result.tier_id
                     WHERE card.tier_id IS DISTINCT FROM result.tier_id
                  ORDER BY 1
                 RETURNING direction)
                SELECT direction, COUNT(*) FROM changed GROUP BY direction
                """,
                affected=affected,
                **parameters,
            )
        )
        return dict(rows)

    def _update_scorecards(self, run, as_of):
        columns = [SQL.identifier(name) for name in ("policy_id", *self._get_columns())]
        self.env.cr.execute(
            SQL(
                """
                UPDATE customer_tiering_scorecard card
                   SET %(assignments)s,
                       policy_id = %(policy)s, run_id = %(run)s,
                       tier_since = CASE WHEN card.tier_id IS DISTINCT FROM result.tier_id
                                         THEN %(as_of)s ELSE card.tier_since END,
                       segment_since = CASE WHEN card.segment_id IS DISTINCT FROM result.segment_id
                                            THEN %(as_of)s ELSE card.segment_since END
                  FROM (SELECT *, %(policy)s AS policy_id FROM %(result)s) result
                 WHERE card.partner_id = result.partner_id AND card.company_id = %(company)s
                   AND (%(old)s) IS DISTINCT FROM (%(new)s)
                """,
                assignments=SQL(", ").join(SQL("%s = result.%s", name, name) for name in columns[1:]),
                old=SQL(", ").join(SQL("card.%s", name) for name in columns),
                new=SQL(", ").join(SQL("result.%s", name) for name in columns),
                **self._get_parameters(run, as_of),
            )
        )
        return self.env.cr.rowcount

    def _insert_scorecards(self, run, as_of):
        columns = SQL(", ").join(SQL.identifier(name) for name in self._get_columns())
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_scorecard (
                    partner_id, company_id, policy_id, run_id, tier_since, segment_since, %(columns)s)
                SELECT partner_id, %(company)s, %(policy)s, %(run)s,
                       CASE WHEN tier_id IS NOT NULL THEN %(as_of)s::date END,
                       CASE WHEN segment_id IS NOT NULL THEN %(as_of)s::date END, %(columns)s
                  FROM %(result)s result
                 WHERE NOT EXISTS (SELECT FROM customer_tiering_scorecard card
                                    WHERE card.partner_id = result.partner_id AND card.company_id = %(company)s)
              ORDER BY partner_id
                """,
                columns=columns,
                **self._get_parameters(run, as_of),
            )
        )
        return self.env.cr.rowcount

    def _delete_scorecards(self, run):
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_scorecard card
                 WHERE company_id = %(company)s AND policy_id = %(policy)s
                   AND NOT EXISTS (SELECT FROM %(result)s result WHERE result.partner_id = card.partner_id)
                   AND card.partner_id NOT IN %(elsewhere)s
                """,
                **self._get_parameters(run, None),
            )
        )
        return self.env.cr.rowcount

    def _remove_scorecards(self, policy):
        """Remove the scorecards of a policy that is not computed any more, and record it."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                WITH removed AS (DELETE FROM customer_tiering_scorecard WHERE policy_id = %(policy)s RETURNING *)
                INSERT INTO customer_tier_change (
                    partner_id, company_id, policy_id, date, from_tier_id, score_before, direction, reason)
                SELECT partner_id, company_id, policy_id, %(today)s, tier_id, score, 'left', 'left'
                  FROM removed
                 WHERE tier_id IS NOT NULL
                """,
                policy=policy.id,
                today=policy.company_id._get_tiering_today(),
            )
        )
        self.env.invalidate_all(flush=False)

    def _get_elsewhere_query(self, policy):
        """Return the SELECT (in parentheses) of the partners who belong to another policy of the company.

        Their scorecards wait for that policy's run, which takes them over.
        """
        others = policy._get_other_policies()
        claimed = Domain.OR([other._get_claim() for other in others])
        domain = claimed & ~policy._get_population_domain() & Domain("active", "=", True)
        partners = self.env["res.partner"].sudo().with_company(policy.company_id)
        return partners._search(domain if others else Domain.FALSE, order="id").subselect()

    def _get_parameters(self, run, as_of):
        return {
            "company": run.company_id.id,
            "policy": run.policy_id.id,
            "run": run.id,
            "as_of": as_of,
            "result": TABLE,
            "elsewhere": self._get_elsewhere_query(run.policy_id),
        }
