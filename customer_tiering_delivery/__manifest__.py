{
    "name": "Customer Tiering with Delivery Costs",
    "summary": "Free delivery as a benefit of a tier, from an amount on",
    "version": "19.0.1.1.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "delivery"],
    "data": [
        "views/customer_tier_views.xml",
        "views/delivery_carrier_views.xml",
    ],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
