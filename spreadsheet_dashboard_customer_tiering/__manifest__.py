{
    "name": "Customer Tiering on the Dashboards",
    "summary": "Customers, tiers, moves and follow-ups as a spreadsheet dashboard",
    "version": "19.0.1.0.0",
    "category": "Productivity/Dashboard",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "spreadsheet_dashboard"],
    "data": [
        "data/dashboards.xml",
    ],
    "auto_install": True,
}
