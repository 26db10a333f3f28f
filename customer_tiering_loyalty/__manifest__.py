{
    "name": "Customer Tiering with Loyalty Programs",
    "summary": "Points are metrics; loyalty programs for some tiers only, and more points for higher tiers",
    "version": "19.0.1.1.1",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "sale_loyalty"],
    "data": [
        "data/customer_tiering_metric_data.xml",
        "views/customer_tier_views.xml",
        "views/customer_tiering_playbook_views.xml",
        "views/customer_tiering_scorecard_views.xml",
        "views/loyalty_program_views.xml",
    ],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
