{
    "name": "Customer Tiering with CRM",
    "summary": "Tiers on opportunities; calls, meetings and messages on them count as interactions with the customer",
    "version": "19.0.1.2.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "crm"],
    "data": ["views/crm_lead_views.xml"],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
