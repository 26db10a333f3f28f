# The segments shared these words with the warning (At Risk) and the stage (Lost).
NAMES = {
    "customer_segment_at_risk": ("At risk", "Slipping away"),
    "customer_segment_lost": ("Lost", "Long gone"),
}


def migrate(cr, version):
    """The delivered segments have names of their own; one that somebody renamed keeps it."""
    for name, (old, new) in NAMES.items():
        cr.execute(
            """
            UPDATE customer_segment SET name = jsonb_set(customer_segment.name, '{en_US}', to_jsonb(%(new)s::text))
              FROM ir_model_data data
             WHERE data.module = 'customer_tiering' AND data.name = %(name)s AND data.res_id = customer_segment.id
               AND customer_segment.name ->> 'en_US' = %(old)s
            """,
            {"name": name, "old": old, "new": new},
        )
