{
    "name": "Customer Tiering with Margins",
    "summary": "The margin of a customer is that of the orders, by the cost that each order line has recorded",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "sale_margin"],
    "auto_install": True,
}
