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
        """Return the scorecard fields that a run computes, each a column of the result frame."""
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
            "recency_score",
            "frequency_score",
            "monetary_score",
            "score",
            "tier_id",
            "segment_id",
            "next_tier_id",
            "points_to_next",
            "explanation",
        ]

    @api.model
    def _write_result(self, run, as_of, result):
        """Write the scorecards of the run's policy.

        :param run: the ``customer.tiering.run``
        :param as_of: a ``datetime.date``
        :param result: a DataFrame, index = customer id, with the columns of the reader and the engine
        :return: ``{run field: count}``
        """
        self.env.flush_all()
        self._copy_result(run, result)
        directions = self._insert_changes(run, as_of)
        updated = self._update_scorecards(run, as_of)
        inserted = self._insert_scorecards(run, as_of)
        left = self._delete_scorecards(run)
        # Everything that depends on a scorecard may be in the cache, on partners too.
        self.env.invalidate_all(flush=False)
        return {
            "new_count": directions.get("new", 0),
            "up_count": directions.get("up", 0),
            "down_count": directions.get("down", 0),
            "left_count": left,
            "written_count": updated + inserted,
        }

    def _copy_result(self, run, result):
        scorecard = self.env["customer.tiering.scorecard"]
        columns = self._get_columns()
        self.env.cr.execute(SQL("DROP TABLE IF EXISTS pg_temp.%s", TABLE))
        self.env.cr.execute(
            SQL(
                "CREATE TEMPORARY TABLE %s (partner_id int4 PRIMARY KEY, %s) ON COMMIT DROP",
                TABLE,
                SQL(", ").join(
                    SQL("%s %s", SQL.identifier(name), SQL(scorecard._fields[name].column_type[0])) for name in columns
                ),
            )
        )
        buffer = io.StringIO()
        self._prepare_result(run, result)[columns].to_csv(buffer, header=False, date_format="%Y-%m-%d")
        buffer.seek(0)
        self.env.cr.copy_expert("COPY customer_tiering_result FROM STDIN WITH (FORMAT csv)", buffer)
        self.env.cr.execute(SQL("ANALYZE %s", TABLE))

    def _prepare_result(self, run, result):
        """Return the result rounded to what the columns keep, so that equal values compare equal."""
        decimals = run.company_id.currency_id.decimal_places
        rounded = {
            "amount": decimals,
            "average_order": decimals,
            "gap_mean_days": 1,
            "gap_median_days": 1,
        }
        values = {column: result[column].round(digits) for column, digits in rounded.items()}
        return result.assign(**values).rename(
            columns={"tier": "tier_id", "segment": "segment_id", "next_tier": "next_tier_id"}
        )

    def _insert_changes(self, run, as_of):
        """Record who changes tier, before the scorecards change; return ``{direction: count}``."""
        rows = self.env.execute_query(
            SQL(
                """
                WITH changed AS (
                    INSERT INTO customer_tier_change (
                        partner_id, company_id, policy_id, run_id, date, from_tier_id, to_tier_id,
                        score_before, score_after, direction, reason)
                    SELECT COALESCE(result.partner_id, card.partner_id), %(company)s, %(policy)s, %(run)s, %(as_of)s,
                           card.tier_id, result.tier_id, card.score, result.score,
                           CASE WHEN card.tier_id IS NULL THEN 'new'
                                WHEN result.tier_id IS NULL THEN 'left'
                                WHEN card.policy_id != %(policy)s THEN 'same'
                                WHEN new_tier.entry_floor > old_tier.entry_floor THEN 'up'
                                WHEN new_tier.entry_floor < old_tier.entry_floor THEN 'down'
                                ELSE 'same' END,
                           CASE WHEN card.id IS NULL THEN 'first'
                                WHEN result.partner_id IS NULL THEN 'left'
                                WHEN card.policy_id != %(policy)s THEN 'policy'
                                ELSE 'score' END
                      FROM %(result)s result
                 FULL JOIN (SELECT * FROM customer_tiering_scorecard
                             WHERE company_id = %(company)s
                               AND (partner_id IN (SELECT partner_id FROM %(result)s)
                                    OR policy_id = %(policy)s AND partner_id NOT IN %(elsewhere)s)
                           ) card ON card.partner_id = result.partner_id
                 LEFT JOIN customer_tier old_tier ON old_tier.id = card.tier_id
                 LEFT JOIN customer_tier new_tier ON new_tier.id = result.tier_id
                     WHERE card.tier_id IS DISTINCT FROM result.tier_id
                  ORDER BY 1
                 RETURNING direction)
                SELECT direction, COUNT(*) FROM changed GROUP BY direction
                """,
                **self._get_parameters(run, as_of),
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
                                         THEN %(as_of)s ELSE card.tier_since END
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
                    partner_id, company_id, policy_id, run_id, tier_since, %(columns)s)
                SELECT partner_id, %(company)s, %(policy)s, %(run)s,
                       CASE WHEN tier_id IS NOT NULL THEN %(as_of)s::date END, %(columns)s
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
        domain = Domain.OR([other._get_population_domain() for other in others]) & Domain("active", "=", True)
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
