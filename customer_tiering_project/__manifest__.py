{
    "name": "Customer Tiering with Support Tasks",
    "summary": "Support tasks and complaints as metrics and in playbooks; priority and deadline of tasks by the tier",
    "version": "19.0.1.1.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "project"],
    "data": [
        "data/customer_tiering_metric_data.xml",
        "views/customer_tier_views.xml",
        "views/customer_tiering_playbook_views.xml",
        "views/customer_tiering_policy_views.xml",
        "views/customer_tiering_scorecard_views.xml",
        "views/project_task_views.xml",
    ],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
