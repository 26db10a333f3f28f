{
    "name": "Customer Tiering on the Job Queue",
    "summary": "Compute tiers and plan follow-ups as jobs of queue_job: visible, retried, on several workers",
    "version": "19.0.1.2.0",
    "category": "Sales/Sales",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering", "queue_job"],
    "data": [
        "data/queue_job_data.xml",
    ],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
