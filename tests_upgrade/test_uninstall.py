"""The addon and those that connect it to apps are installed, used and uninstalled: the database is as it was.

The tests build on each other, in their order.
"""

import pytest
from snapshot import compare

GLUE = (
    "customer_tiering_crm",
    "customer_tiering_delivery",
    "customer_tiering_loyalty",
    "customer_tiering_margin",
    "customer_tiering_mass_mailing",
    "customer_tiering_pos",
    "customer_tiering_pos_loyalty",
    "customer_tiering_project",
    "customer_tiering_rating",
    "customer_tiering_sale_loyalty",
    "customer_tiering_stock",
    "customer_tiering_survey",
    "customer_tiering_website_sale",
    "customer_tiering_queue_job",
    "spreadsheet_dashboard_customer_tiering",
)
# On which others an addon builds, where there are any.
BUILT_ON = {"customer_tiering_pos_loyalty": ("customer_tiering_loyalty", "customer_tiering_pos")}
DASHBOARD = """<form><board style="2-1"><column>%s</column><column/></board></form>"""


@pytest.fixture(scope="module")
def states(odoo):
    """What was there: before anything was installed, and with the addon alone."""
    with odoo.transaction() as env:
        save_filters(env, STAYING_FILTERS)
        save_exports(env, STAYING_EXPORTS)
    return {"nothing": odoo.take()}


# Filters of contacts or orders: name, model, domain, context, order.
STAYING_FILTERS = [
    ("Named like a field", "res.partner", "[('name', '=', 'tiering_tier_id')]", "{}", "[]"),
    (
        "Nothing of ours",
        "sale.order",
        "[('state', '=', 'sale')]",
        "{'group_by': ['partner_id']}",
        '["date_order desc"]',
    ),
    ("Of the day", "res.partner", "[('create_date', '>=', context_today().strftime('%Y-%m-%d'))]", "{}", "[]"),
    ("Broken before", "res.partner", "[('name', '=', ", "{}", "[]"),
]
GOING_FILTERS = [
    ("By domain", "res.partner", "['&', ('name', 'ilike', 'a'), ('tiering_tier_id.name', '=', 'Gold')]", "{}", "[]"),
    ("By path", "sale.order", "[('partner_id.tiering_score', '>', 50)]", "{}", "[]"),
    ("By any", "sale.order", "[('partner_id', 'any', [('tiering_score', '>', 50)])]", "{}", "[]"),
    ("By group", "res.partner", "[]", "{'group_by': ['tiering_last_order_date:month']}", "[]"),
    ("By measure", "res.partner", "[]", "{'pivot_measures': ['tiering_amount']}", "[]"),
    ("By order", "res.partner", "[]", "{}", '["tiering_score desc"]'),
    ("Of users", "res.users", "[('tiering_tier_id', '!=', False)]", "{}", "[]"),
    ("Of our model", "customer.tiering.scorecard", "[]", "{}", "[]"),
]
GLUE_FILTERS = {
    "customer_tiering_stock": [
        ("Sent back", "customer.tiering.scorecard", "[('return_count', '>', 0)]", "{}", "[]"),
        ("Urgent", "res.partner", "[('tiering_tier_id.delivery_urgent', '=', True)]", "{}", "[]"),
    ],
    "customer_tiering_project": [
        ("Complain", "res.partner", "[('tiering_scorecard_id.complaint_open_count', '>', 0)]", "{}", "[]"),
    ],
    "customer_tiering_pos": [("In the till", "res.partner", "[('tiering_till_tier', '=', 'Gold')]", "{}", "[]")],
    "customer_tiering_pos_loyalty": [
        ("More points", "res.partner", "[('tiering_till_points_factor', '>', 1)]", "{}", "[]"),
    ],
    "customer_tiering_crm": [
        ("Opportunities", "crm.lead", "[('tiering_customer_tier_id.name', '=', 'Gold')]", "{}", "[]"),
    ],
    "customer_tiering_delivery": [
        ("Free", "res.partner", "[('tiering_tier_id.delivery_free', '=', True)]", "{}", "[]"),
        ("Express", "delivery.carrier", "[('tiering_free', '=', False)]", "{}", "[]"),
    ],
    "customer_tiering_loyalty": [
        ("Programs", "loyalty.program", "[('tiering_tier_ids.name', '=', 'Gold')]", "{}", "[]"),
        ("Points", "customer.tiering.scorecard", "[('loyalty_points', '>', 0)]", "{}", "[]"),
    ],
    "customer_tiering_rating": [("Bad", "customer.tiering.scorecard", "[('bad_rating_count', '>', 0)]", "{}", "[]")],
    "customer_tiering_survey": [
        ("Asked", "customer.tiering.scorecard", "[('last_survey_date', '!=', False)]", "{}", "[]")
    ],
    "customer_tiering_mass_mailing": [
        ("Mailings of ours", "mailing.mailing", "[('tiering_company_id.name', '=', 'Ours')]", "{}", "[]"),
    ],
    "customer_tiering_website_sale": [
        ("Visitors", "customer.tiering.scorecard", "[('website_visit_count', '>', 1)]", "{}", "[]"),
    ],
}
STAYING_EXPORTS = {"Mine": ("res.partner", ["name", "country_id/code"])}


def save_filters(env, filters):
    env["ir.filters"].create(
        [
            {"name": name, "model_id": model, "domain": domain, "context": context, "sort": sort}
            for name, model, domain, context, sort in filters
        ]
    )


def save_exports(env, exports):
    for name, (model, paths) in exports.items():
        env["ir.exports"].create(
            {"name": name, "resource": model, "export_fields": [(0, 0, {"name": path}) for path in paths]}
        )


def use(env):
    """Have every table filled: a customer with an order, a run, follow-ups, a lock."""
    company = env.company
    partner = env["res.partner"].create({"name": "Ann"})
    product = env["product.product"].create({"name": "Compact disc", "taxes_id": False})
    order = env["sale.order"].create(
        {"partner_id": partner.id, "company_id": company.id, "order_line": [(0, 0, {"product_id": product.id})]}
    )
    order.action_confirm()
    policy = env["customer.tiering.policy"].search([("company_id", "=", company.id)])
    policy.playbook_ids.write({"assign": "user", "user_id": env.ref("base.user_admin").id})
    policy.playbook_ids[:1].action_enable()
    run = env["customer.tiering.run"]._queue(policy, trigger="manual")
    run._compute_and_record()
    assert run.state == "done"
    env["customer.tiering.lock"].create(
        {"partner_id": partner.id, "tier_id": policy.tier_ids[0].id, "reason": "Promised", "company_id": company.id}
    )
    policy.action_simulate()


def test_what_people_saved_with_it_is_there_until_it_goes(odoo, states):
    odoo.install("customer_tiering")
    with odoo.transaction() as env:
        use(env)
        save_filters(env, GOING_FILTERS)
        save_exports(env, {"Ours": ("customer.tiering.scorecard", ["score"])})
        save_exports(env, {"Only ours": ("sale.order", ["partner_id/tiering_tier_id/name"])})
        env["ir.exports.line"].create(
            [
                {"name": "tiering_score", "export_id": env["ir.exports"].search([("name", "=", "Mine")]).id},
                {"name": ".id", "export_id": env["ir.exports"].search([("name", "=", "Mine")]).id},
            ]
        )
        actions = {
            "orders": env.ref("sale.action_orders").id,
            "tiering": env.ref("customer_tiering.customer_tiering_scorecard_action").id,
        }
        parts = [
            f"""<action name="{actions["orders"]}" string="Kept" domain="[('state', '=', 'sale')]" context="{{}}"/>""",
            f"""<action name="{actions["orders"]}" string="By tier" domain="[]"
                context="{{'group_by': ['tiering_tier_id']}}"/>""",
            f"""<action name="{actions["tiering"]}" string="Scorecards" domain="[]" context="{{}}"/>""",
        ]
        env["ir.ui.view.custom"].create(
            {
                "user_id": env.ref("base.user_admin").id,
                "ref_id": env["ir.ui.view"].search([], limit=1).id,
                "arch": DASHBOARD % "".join(parts),
            }
        )
    states["alone"] = odoo.take()
    found = compare(states["nothing"], states["alone"])
    assert any("customer_tiering_scorecard" in line for line in found)


@pytest.mark.parametrize("addon", GLUE)
def test_an_addon_that_connects_an_app_goes_without_a_trace(odoo, states, addon):
    others = BUILT_ON.get(addon, ())
    if others:
        odoo.install(*others)
    before = odoo.take() if others else states["alone"]
    odoo.install(addon)
    with odoo.transaction() as env:
        save_filters(env, GLUE_FILTERS.get(addon, []))
    assert compare(before, odoo.take()) != []
    odoo.uninstall(addon)
    assert compare(before, odoo.take()) == []
    if others:
        odoo.uninstall(*others)
        assert compare(states["alone"], odoo.take()) == []


def test_all_of_it_goes_without_a_trace(odoo, states):
    odoo.install(*GLUE)
    odoo.uninstall("customer_tiering")
    with odoo.transaction() as env:
        # What the test did by itself, and its company's own.
        left = compare(states["nothing"], odoo.take())
        assert left == []
        mine = env["ir.exports"].search([("name", "=", "Mine")])
        assert mine.export_fields.mapped("name") == ["name", "country_id/code", ".id"]
        (dashboard,) = env["ir.ui.view.custom"].search([])
        assert 'string="Kept"' in dashboard.arch
        assert "By tier" not in dashboard.arch
        assert "Scorecards" not in dashboard.arch


def test_who_opens_what_is_left_meets_no_error(odoo):
    with odoo.transaction() as env:
        env["res.partner"].search([("name", "=", "Ann")]).read()
        env["res.users"].browse(env.ref("base.user_admin").id).read(["property_product_pricelist"])
        for saved in env["ir.filters"].search([("name", "!=", "Broken before")]):
            assert saved.model_id in env
        assert "customer.tiering.scorecard" not in env
