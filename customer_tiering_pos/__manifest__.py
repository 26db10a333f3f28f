{
    "name": "Customer Tiering in the Point of Sale",
    "summary": "Tickets count as purchases; the till shows the customer's tier and uses its prices at once",
    "version": "19.0.1.4.1",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "point_of_sale"],
    "data": [
        "views/pos_order_views.xml",
    ],
    "assets": {
        "point_of_sale._assets_pos": [
            "customer_tiering_pos/static/src/**/*",
        ],
        "web.assets_tests": [
            "customer_tiering_pos/static/tests/tours/**/*",
        ],
    },
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
