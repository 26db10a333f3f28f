{
    "name": "Customer Tiering with eCommerce",
    "summary": "Visits, products viewed and abandoned carts of customers; the shop's prices follow the tier at once",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "website_sale"],
    "data": [
        "data/customer_tiering_metric_data.xml",
        "data/website_snippet_filter_data.xml",
        "views/customer_tiering_scorecard_views.xml",
        "views/res_config_settings_views.xml",
    ],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
