{
    "name": "Test of Customer Tiering: a Metric of Another App",
    "summary": "Counts the contact persons of customers: what an app with metrics of its own consists of",
    "version": "19.0.1.0.0",
    "category": "Hidden/Tests",
    "author": "Customer Tiering contributors",
    "license": "LGPL-3",
    "depends": ["customer_tiering"],
    "data": ["data/customer_tiering_metric_data.xml"],
}
