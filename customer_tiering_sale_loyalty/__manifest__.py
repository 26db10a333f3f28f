{
    "name": "Customer Tiering with Gift Cards and eWallets",
    "summary": "Orders paid by gift card or eWallet are purchases of what was bought; buying the card is none",
    "version": "19.0.1.0.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "sale_loyalty"],
    "auto_install": True,
    "post_init_hook": "post_init_hook",
    "uninstall_hook": "uninstall_hook",
}
