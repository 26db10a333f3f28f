{
    "name": "Customer Tiering with Ratings",
    "summary": "How customers rate tasks and chats counts for their tiers; a bad rating starts playbooks",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "rating"],
    "data": [
        "data/customer_tiering_metric_data.xml",
        "views/customer_tiering_scorecard_views.xml",
    ],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
