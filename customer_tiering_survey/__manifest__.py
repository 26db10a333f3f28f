{
    "name": "Customer Tiering with Surveys",
    "summary": "Results of surveys and recommendations count for tiers; who may not see answers does not see them here",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "survey"],
    "data": [
        "data/customer_tiering_metric_data.xml",
        "views/customer_tiering_policy_views.xml",
        "views/customer_tiering_scorecard_views.xml",
    ],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
