import dataclasses
import json

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL
from odoo.tools.sql import column_exists

# Where the keys are, and where the records go.
COLUMNS = {
    "customer_tiering_criterion": ("old_metric", "metric_id"),
    "customer_tier_condition": ("old_metric", "metric_id"),
    "customer_tiering_policy": ("old_basis", "basis_id"),
}
RULES = {
    "customer_tiering_policy_version": ("rules",),
    "customer_tiering_simulation": ("base_rules", "draft_rules"),
}
# Days that pass were told as unknown; now by the day from which they count.
DAYS = {"recency": "last_order_date", "contact_recency": "last_contact_date", "tenure": "first_order_date"}


def migrate(cr, version):
    """Point to the records of metrics, and complete the rules that runs used, so that no run finds other rules."""
    if not column_exists(cr, "customer_tiering_criterion", "old_metric"):  # it has been done
        return
    env = api.Environment(cr, SUPERUSER_ID, {})
    for table, (old, new) in COLUMNS.items():
        if column_exists(cr, table, old):
            _point_to_records(cr, table, old, new)
    metrics = env["customer.tiering.metric"].search([])
    definitions = {metric.key: dataclasses.asdict(metric._get_definition()) for metric in metrics}
    for metric in metrics._get_behind_segments():
        definitions[metric.key] = dataclasses.asdict(metric._get_definition(with_bands=True))
    for table, columns in RULES.items():
        for column in columns:
            _complete_rules(cr, table, column, definitions)
    texts = metrics._get_texts()
    cr.execute("SELECT id, rules->'rules' FROM customer_tiering_policy_version")
    for version_id, rules in cr.fetchall():
        told = {metric["key"]: texts[metric["key"]] for metric in rules["definitions"]}
        cr.execute(
            "UPDATE customer_tiering_policy_version SET metric_texts = %s WHERE id = %s", [json.dumps(told), version_id]
        )
        _tell_days(cr, version_id, rules["criteria"])


def _point_to_records(cr, table, old, new):
    names = {"table": SQL.identifier(table), "old": SQL.identifier(old), "new": SQL.identifier(new)}
    cr.execute(
        SQL(
            "UPDATE %(table)s SET %(new)s = metric.id FROM customer_tiering_metric metric WHERE metric.key = %(old)s",
            **names,
        )
    )
    if new == "metric_id":
        # What another module kept in the server's memory only has no record: it has to bring one now.
        cr.execute(SQL("DELETE FROM %(table)s WHERE %(new)s IS NULL", **names))
    cr.execute(SQL("ALTER TABLE %(table)s DROP COLUMN %(old)s", **names))


def _complete_rules(cr, table, column, definitions):
    names = {"table": SQL.identifier(table), "column": SQL.identifier(column)}
    cr.execute(SQL("SELECT id, %(column)s FROM %(table)s WHERE %(column)s IS NOT NULL", **names))
    for id_, values in cr.fetchall():
        rules = values["rules"]
        for criterion in rules["criteria"]:
            criterion["unknown"] = "zero"
        used = {criterion["metric"] for criterion in rules["criteria"]} | {"recency", "frequency", "monetary"}
        used.update(condition["metric"] for tier in rules["tiers"] for condition in tier["conditions"])
        used.update(filter(None, [rules.get("basis")]))
        rules["definitions"] = [definitions[key] for key in sorted(used & definitions.keys())]
        cr.execute(
            SQL(
                "UPDATE %(table)s SET %(column)s = %(values)s WHERE id = %(id)s",
                values=json.dumps(values),
                id=id_,
                **names,
            )
        )


def _tell_days(cr, version_id, criteria):
    for place, criterion in enumerate(criteria):
        if criterion["metric"] in DAYS:
            cr.execute(
                SQL(
                    """
                    UPDATE customer_tiering_scorecard
                       SET parts = jsonb_set(parts::jsonb, %(path)s, to_jsonb(%(day)s - DATE '1970-01-01'))::text
                     WHERE run_id IN (SELECT id FROM customer_tiering_run WHERE version_id = %(version)s)
                       AND parts IS NOT NULL AND %(day)s IS NOT NULL
                    """,
                    path=[str(place), "0"],
                    day=SQL.identifier(DAYS[criterion["metric"]]),
                    version=version_id,
                )
            )
