{
    "name": "Customer Tiering with Deliveries",
    "summary": "Deliveries and returns as metrics; urgent deliveries as a benefit of a tier",
    "version": "19.0.1.1.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "sale_stock"],
    "data": [
        "data/customer_tiering_cost_data.xml",
        "data/customer_tiering_metric_data.xml",
        "views/customer_tier_views.xml",
        "views/customer_tiering_scorecard_views.xml",
        "report/customer_tiering_promise_report_views.xml",
        "views/stock_picking_views.xml",
    ],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
