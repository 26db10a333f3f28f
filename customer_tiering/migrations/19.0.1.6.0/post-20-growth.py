"""Growth was the difference of the two halves of the window in percent of their sum, from -100 to 100. Now it is the
change from the earlier to the later half in percent of the earlier: -100 to 900. So that nobody moves, every number
that growth was compared with is turned into what the same customer has now: 100 (100 + g) / (100 - g) - 100.
"""

import json
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from odoo.tools.sql import column_exists

# What growth is at most, and what it was.
MOST, OLD_MOST = 900, 100
HUNDREDTH = Decimal("0.01")
# Growth was, and is, rounded to millionths.
MILLIONTH = Decimal("0.000001")


def migrate(cr, version):
    # The keys of metrics, until the next script: without, this has been done, or there was no growth yet.
    if not column_exists(cr, "customer_tier_condition", "old_metric"):
        return
    _migrate_policies(cr)
    _migrate_criteria(cr)
    _migrate_conditions(cr)
    _migrate_explanations(cr)  # by the versions as they were
    _migrate_versions(cr)
    _migrate_simulations(cr)
    _migrate_runs(cr)
    # The next run writes them anew, from the orders; until then rounded twice.
    cr.execute(
        """
        UPDATE customer_tiering_scorecard
           SET growth = CASE WHEN growth >= 100 THEN 900
                             ELSE LEAST(ROUND(100 * (100 + growth) / (100 - growth) - 100, 1), 900) END
         WHERE growth NOT IN (-100, 0)
        """
    )


def _migrate_policies(cr):
    cr.execute("SELECT id, lifecycle_falling, lifecycle_growing FROM customer_tiering_policy")
    for policy_id, falling, growing in cr.fetchall():
        cr.execute(
            "UPDATE customer_tiering_policy SET lifecycle_falling = %s, lifecycle_growing = %s WHERE id = %s",
            [convert_falling(falling), convert_limit(growing), policy_id],
        )


def _migrate_criteria(cr):
    cr.execute(
        """
        SELECT id, band_1, band_2, band_3, band_4
          FROM customer_tiering_criterion
         WHERE old_metric = 'growth' AND band_unit = 'value'
        """
    )
    for criterion_id, *bands in cr.fetchall():
        cr.execute(
            "UPDATE customer_tiering_criterion SET band_1 = %s, band_2 = %s, band_3 = %s, band_4 = %s WHERE id = %s",
            [*convert_bands(bands), criterion_id],
        )


def _migrate_conditions(cr):
    cr.execute("SELECT id, operator, value, keep_value FROM customer_tier_condition WHERE old_metric = 'growth'")
    for condition_id, operator, *limits in cr.fetchall():
        cr.execute(
            "UPDATE customer_tier_condition SET value = %s, keep_value = %s WHERE id = %s",
            [*(convert_limit(limit, operator) for limit in limits), condition_id],
        )


def _migrate_explanations(cr):
    """Convert the values that were scored: each scorecard has them in the order of its version's criteria."""
    cr.execute("SELECT id, rules->'rules'->'criteria' FROM customer_tiering_policy_version")
    for version_id, criteria in cr.fetchall():
        for place, criterion in enumerate(criteria):
            if criterion["metric"] == "growth":
                cr.execute(
                    """
                    UPDATE customer_tiering_scorecard
                       SET parts = jsonb_set(parts::jsonb, %(path)s, to_jsonb(
                               CASE WHEN old >= 100 THEN 900
                                    ELSE LEAST(ROUND(100 * (100 + old) / (100 - old) - 100, 4), 900) END::float8
                           ))::text
                      FROM (SELECT card.id, (card.parts::jsonb #>> %(path)s)::numeric AS old
                              FROM customer_tiering_scorecard card
                              JOIN customer_tiering_run run ON run.id = card.run_id
                             WHERE run.version_id = %(version)s) known
                     WHERE known.id = customer_tiering_scorecard.id AND old NOT IN (-100, 0)
                    """,
                    {"path": f"{{{place},0}}", "version": version_id},
                )


def _migrate_versions(cr):
    cr.execute("SELECT id, rules FROM customer_tiering_policy_version")
    for version_id, values in cr.fetchall():
        # Centres of clusters cannot be converted. Under other rules than before, the next run fits them anew, and
        # moves that only come from that are no events in the lives of customers.
        if not _clusters_by_growth(values["rules"]):
            cr.execute(
                "UPDATE customer_tiering_policy_version SET rules = %s WHERE id = %s",
                [_convert_values(values), version_id],
            )


def _clusters_by_growth(rules):
    return rules["tier_method"] == "clusters" and any(
        criterion["metric"] == "growth" and criterion["weight"] > 0 for criterion in rules["criteria"]
    )


def _migrate_simulations(cr):
    cr.execute("SELECT id, base_rules, draft_rules FROM customer_tiering_simulation")
    for simulation_id, base, draft in cr.fetchall():
        cr.execute(
            "UPDATE customer_tiering_simulation SET base_rules = %s, draft_rules = %s WHERE id = %s",
            [_convert_values(base), _convert_values(draft), simulation_id],
        )


def _convert_values(values):
    """Return as JSON text what a policy says of itself, converted; None for None."""
    if not values:
        return None
    rules = values["rules"]
    stages = rules["lifecycle"]
    stages.update(falling=convert_falling(stages["falling"]), growing=convert_limit(stages["growing"]))
    for criterion in rules["criteria"]:
        if criterion["metric"] == "growth" and criterion["bands"] and criterion["band_unit"] == "value":
            criterion["bands"] = convert_bands(criterion["bands"])
    for tier in rules["tiers"]:
        for condition in tier["conditions"]:
            if condition["metric"] == "growth":
                for name in ("value", "keep_value"):
                    condition[name] = convert_limit(condition[name], condition["operator"])
    return json.dumps(values)


def _migrate_runs(cr):
    """Convert what runs measured, by which single customers and the next runs are scored."""
    # Where there is nothing to score by, single customers wait for the next run.
    cr.execute(
        "UPDATE customer_tiering_run SET fitted = NULL WHERE fitted->'tiers'->'clusters'->'metrics' @> '\"growth\"'"
    )
    cr.execute(
        """
        SELECT id FROM customer_tiering_run
         WHERE fitted->'scales'->'growth' IS NOT NULL OR fitted->'tiers'->>'basis' = 'growth'
        """
    )
    for (run_id,) in cr.fetchall():
        cr.execute("SELECT fitted FROM customer_tiering_run WHERE id = %s", [run_id])
        ((fitted,),) = cr.fetchall()
        if "growth" in fitted["scales"]:
            _convert_scale(fitted["scales"]["growth"])
        tiers = fitted.get("tiers", {})
        if tiers.get("basis") == "growth":
            tiers["cuts"] = [cut if cut is None else convert_measured(cut) for cut in tiers["cuts"]]
        cr.execute("UPDATE customer_tiering_run SET fitted = %s WHERE id = %s", [json.dumps(fitted), run_id])


def _convert_scale(scale):
    if scale["method"] == "bands":
        scale["knots"] = convert_bands(scale["knots"])
    else:
        # Of those who are equal now, at the most that is measured, the best points hold.
        points = dict(zip(map(convert_measured, scale["knots"]), scale["points"], strict=True))
        scale.update(knots=list(points), points=list(points.values()))


def to_percent(growth):
    """Return what the growth of the earlier measure is now, before any rounding.

    :param growth: a ``Decimal``. More than 100 was out of reach, and stays so.
    """
    if growth >= OLD_MOST:
        return MOST + growth - OLD_MOST
    return min(100 * (100 + growth) / (100 - growth) - 100, Decimal(MOST))


def convert_falling(falling):
    """Return the fall of at least ``falling`` percent, so that it still holds for all for whom it held."""
    return _round(-to_percent(-_decimal(falling)), ROUND_FLOOR)


def convert_limit(limit, operator=">="):
    """Return a limit that a person typed, so that all who met it meet it."""
    if limit is None:
        return None
    return _round(to_percent(_decimal(limit)), ROUND_FLOOR if operator == ">=" else ROUND_CEILING)


def convert_bands(bands):
    """Return rising limits, so that nobody falls into a lower band; they still rise strictly."""
    converted = []
    for band in reversed(bands):
        cut = _decimal(convert_limit(band))
        converted.append(min(cut, converted[-1] - HUNDREDTH) if converted else cut)
    return [float(cut) for cut in reversed(converted)]


def convert_measured(value):
    """Return the least that a customer can have now who had ``value``, which was rounded."""
    least = max(_decimal(value) - MILLIONTH / 2, Decimal(-100))
    return _round(MOST if value >= OLD_MOST else to_percent(least), ROUND_FLOOR, MILLIONTH)


def _decimal(number):
    return Decimal(str(number))


def _round(number, rounding, unit=HUNDREDTH):
    return float(Decimal(number).quantize(unit, rounding))
