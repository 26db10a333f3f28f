{
    "name": "Customer Tiering with CRM",
    "summary": "Calls, meetings and messages on opportunities count as interactions with the customer",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "crm"],
    "auto_install": True,
}
