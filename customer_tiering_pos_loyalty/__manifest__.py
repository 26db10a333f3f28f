{
    "name": "Customer Tiering with Loyalty Programs in the Point of Sale",
    "summary": "In the till, too: programs for some tiers only, and more points for higher tiers",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering_loyalty", "customer_tiering_pos", "pos_loyalty"],
    "assets": {
        "point_of_sale._assets_pos": [
            "customer_tiering_pos_loyalty/static/src/**/*",
        ],
        "web.assets_tests": [
            "customer_tiering_pos_loyalty/static/tests/tours/**/*",
        ],
    },
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
