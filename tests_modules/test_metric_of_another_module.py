"""A small module brings a metric, a ratio, a field and a source; people use them; then it goes.

The tests build on each other, in their order.
"""

import pytest
from conftest import card, compute, order

from odoo.fields import Command

MODULE = "test_customer_tiering_metric"
# Customers with so many contact persons and this one order.
PERSONS = {"Ann": (3, 900), "Bob": (1, 200), "Cy": (0, 500)}


@pytest.fixture(scope="module")
def companies(odoo):
    """One company scores by a foreign metric among others, one by it alone, one by none."""
    odoo.install(MODULE)
    ids = {name: odoo.new_company(name) for name in ("Mixed", "Only", "Without")}
    for name, company in ids.items():
        with odoo.transaction(company) as env:
            for customer, (persons, amount) in PERSONS.items():
                partner = env["res.partner"].create({"name": f"{customer} of {name}", "is_company": True})
                env["res.partner"].create(
                    [{"name": f"Person {number}", "parent_id": partner.id} for number in range(persons)]
                )
                order(partner, company, 10, amount)
    return ids


def metric(env, key):
    return env["customer.tiering.metric"].search([("key", "=", key)])


def lines(env, company, name):
    data = card(env, company, name).explanation_data
    return {line["metric"]: line for line in data["lines"]}


def get_policy(env, company):
    return env["customer.tiering.policy"].search([("company_id", "=", company)])


def test_it_counts_in_the_score_and_is_explained(odoo, companies):
    with odoo.transaction(companies["Mixed"]) as env:
        get_policy(env, companies["Mixed"]).criterion_ids = [
            Command.create({"metric_id": metric(env, key).id, "method": method})
            for key, method in (("contact_persons", "bands"), ("amount_per_person", "percentile"))
        ]
        run = compute(env, companies["Mixed"])
        assert (run.state, run.error) == ("done", False)
        of_ann = lines(env, companies["Mixed"], "Ann of Mixed")
        assert (of_ann["contact_persons"]["label"], of_ann["contact_persons"]["text"]) == (
            "Contact persons",
            "3 persons",
        )
        assert of_ann["contact_persons"]["points"] == 75  # limits 1, 2, 3, 5: the third is reached
        assert lines(env, companies["Mixed"], "Bob of Mixed")["contact_persons"]["text"] == "1 person"
        # 900 / 3 and 200 / 1; of nobody there is no ratio, and it is left out
        assert of_ann["amount_per_person"]["text"].replace("\xa0", " ").startswith("$ 300")
        of_cy = lines(env, companies["Mixed"], "Cy of Mixed")
        assert (of_cy["amount_per_person"]["contribution"], of_cy["amount_per_person"]["maximum"]) == (0, 0)
        for name in ("Ann of Mixed", "Bob of Mixed", "Cy of Mixed"):
            parts = lines(env, companies["Mixed"], name).values()
            score = card(env, companies["Mixed"], name).score
            assert round(sum(line["contribution"] for line in parts), 2) == round(score, 2)
            assert round(sum(line["maximum"] for line in parts)) == 100


def test_its_field_is_filled_filtered_grouped_and_exported(odoo, companies):
    with odoo.transaction(companies["Mixed"]) as env:
        cards = env["customer.tiering.scorecard"]
        mine = [("company_id", "=", companies["Mixed"])]
        assert cards.search([*mine, ("contact_person_count", ">=", 2)]).partner_id.mapped("name") == ["Ann of Mixed"]
        groups = cards._read_group(mine, ["contact_person_count"], ["__count"], order="contact_person_count")
        assert groups == [(0, 1), (1, 1), (3, 1)]
        rows = cards.search(mine, order="contact_person_count").export_data(["partner_id/name", "contact_person_count"])
        assert rows["datas"] == [["Cy of Mixed", 0], ["Bob of Mixed", 1], ["Ann of Mixed", 3]]


def test_it_is_a_condition_and_what_customers_are_ranked_by(odoo, companies):
    with odoo.transaction(companies["Mixed"]) as env:
        policy = get_policy(env, companies["Mixed"])
        persons = metric(env, "contact_persons")
        platinum, gold, silver, bronze = policy.tier_ids
        conditions = {platinum: 3, gold: 2, silver: 1}
        policy.write(
            {
                "method": "conditions",
                "tier_ids": [
                    Command.update(
                        tier.id, {"condition_ids": [Command.create({"metric_id": persons.id, "value": value})]}
                    )
                    for tier, value in conditions.items()
                ],
            }
        )
        compute(env, companies["Mixed"])
        assert card(env, companies["Mixed"], "Ann of Mixed").tier_id == platinum
        bob = card(env, companies["Mixed"], "Bob of Mixed")
        assert bob.tier_id == silver
        assert bob.explanation_data["rule"] == "Silver needs Contact persons of at least 1 person."
        assert bob.explanation_data["next"]["ways"] == ["1 person more (2 persons in all)"]
        shares = [
            Command.update(tier.id, {"share": share})
            for tier, share in zip(policy.tier_ids, (34, 1, 1, 64), strict=True)
        ]
        policy.write({"method": "customer_share", "basis_id": persons.id, "tier_ids": shares})
        compute(env, companies["Mixed"])
        assert card(env, companies["Mixed"], "Ann of Mixed").tier_id == platinum  # first of three
        assert card(env, companies["Mixed"], "Cy of Mixed").tier_id == bronze
        # What leads to a tier may stay from before; the score decides again.
        policy.write({"method": "score"})
        compute(env, companies["Mixed"])


def test_an_order_of_so_much_leads_to_a_tier_with_it_among_the_criteria(odoo, companies):
    with odoo.transaction(companies["Mixed"]) as env:
        policy = get_policy(env, companies["Mixed"])
        policy.criterion_ids.filtered(lambda criterion: criterion.metric_id.key == "amount_per_person").unlink()
        compute(env, companies["Mixed"])
        ways = card(env, companies["Mixed"], "Bob of Mixed").explanation_data["next"]["ways"]
        assert any("order" in way for way in ways), ways


def test_one_customer_is_scored_again_by_it(odoo, companies):
    company = companies["Mixed"]
    with odoo.transaction(company) as env:
        bob = card(env, company, "Bob of Mixed").partner_id
        env["res.partner"].create({"name": "One more", "parent_id": bob.id})
        refresh = env["customer.tiering.refresh"]
        refresh._add(bob, env["res.company"].browse(company), "instant")
        assert refresh._process(env["res.company"].browse(company)) == 1
        assert card(env, company, "Bob of Mixed").contact_person_count == 2
        assert lines(env, company, "Bob of Mixed")["contact_persons"]["text"] == "2 persons"


def test_when_the_module_goes_policies_go_on_without_and_say_so(odoo, companies):
    with odoo.transaction(companies["Only"]) as env:
        policy = get_policy(env, companies["Only"])
        policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": metric(env, "contact_persons").id, "method": "bands"}),
        ]
        assert compute(env, companies["Only"]).state == "done"
    with odoo.transaction(companies["Without"]) as env:
        compute(env, companies["Without"])
    before = {}
    for name, company in companies.items():
        with odoo.transaction(company) as env:
            cards = env["customer.tiering.scorecard"].search([("company_id", "=", company)])
            before[name] = {card.partner_id.name: card.tier_id.name for card in cards}

    odoo.uninstall(MODULE)

    with odoo.transaction(companies["Mixed"]) as env:
        policy = get_policy(env, companies["Mixed"])
        assert policy.criterion_ids.metric_id.mapped("key") == ["recency", "frequency", "monetary"]
        assert not policy.condition_ids
        assert not policy.basis_id
        assert "Contact persons" in policy.lost_metric_warning
        run = compute(env, companies["Mixed"])
        assert run.state == "done"
        assert "Contact persons" in run.note
        assert lines(env, companies["Mixed"], "Ann of Mixed").keys() == {"recency", "frequency", "monetary"}
        policy.action_forget_lost_metrics()
        assert "Contact persons" not in (compute(env, companies["Mixed"]).note or "")


def test_a_policy_with_nothing_left_is_skipped_and_its_customers_keep_their_tiers(odoo, companies):
    company = companies["Only"]
    with odoo.transaction(company) as env:
        cards = env["customer.tiering.scorecard"].search([("company_id", "=", company)])
        tiers = {card.partner_id.name: card.tier_id.name for card in cards}
        assert set(tiers.values()) > {False} or len(set(tiers.values())) > 1  # there is something to keep
        run = compute(env, company)
        assert run.state == "skipped"
        assert "Contact persons" in run.note
        assert "Give at least one criterion a weight above 0" in run.note
        assert {card.partner_id.name: card.tier_id.name for card in cards} == tiers
        # Nobody is scored again by rules whose source is gone, and nobody is lost either.
        refresh = env["customer.tiering.refresh"]
        refresh._add(cards[0].partner_id, env["res.company"].browse(company), "instant")
        refresh._process(env["res.company"].browse(company))
        assert {card.partner_id.name: card.tier_id.name for card in cards} == tiers


def test_explanations_of_old_scorecards_stay_readable(odoo, companies):
    with odoo.transaction(companies["Only"]) as env:
        of_ann = lines(env, companies["Only"], "Ann of Only")["contact_persons"]
        assert (of_ann["label"], of_ann["text"], of_ann["points"]) == ("Contact persons", "3 persons", 75)
        version = get_policy(env, companies["Only"]).version_ids[:1]
        assert "Contact persons" in version.summary


def test_nobody_else_is_touched(odoo, companies):
    with odoo.transaction(companies["Without"]) as env:
        run = compute(env, companies["Without"])
        assert (run.state, run.written_count, run.note and "Contact persons" in run.note) == ("done", 0, False)
        assert not get_policy(env, companies["Without"]).lost_metric_warning


def test_nothing_of_the_module_is_left(odoo):
    with odoo.transaction() as env:
        assert not env["customer.tiering.metric"].with_context(active_test=False).search([("key", "like", "person")])
        assert "contact_person_count" not in env["customer.tiering.scorecard"]._fields
        env.cr.execute("SELECT FROM information_schema.columns WHERE column_name = 'contact_person_count'")
        assert not env.cr.rowcount
