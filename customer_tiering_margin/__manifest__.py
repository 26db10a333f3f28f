{
    "name": "Customer Tiering with Margins",
    "summary": "Margins by the cost that each order line has recorded; a least margin of quotations by tier",
    "version": "19.0.1.1.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "sale_margin"],
    "data": ["views/customer_tier_views.xml", "views/sale_order_views.xml"],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
