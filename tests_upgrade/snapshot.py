"""What there is in a database, so that two states of it can be compared."""

# By kind: a query for the names of all that there is.
QUERIES = {
    "columns": """
        SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)
          FROM information_schema.columns WHERE table_schema = 'public'
    """,
    "indexes": "SELECT tablename || ': ' || indexdef FROM pg_indexes WHERE schemaname = 'public'",
    # Without the one that Odoo makes anew, as its rules say, once any addon extends them, as its own website does.
    "constraints": """
        SELECT conrelid::regclass || ': ' || conname || ' ' || pg_get_constraintdef(oid)
          FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace AND conname != 'rule_group_rel_group_id_fkey'
    """,
    "relations": "SELECT relkind::text || ' ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    "functions": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "triggers": "SELECT tgrelid::regclass || ': ' || tgname FROM pg_trigger WHERE NOT tgisinternal",
    "types": "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace",
    "external ids": "SELECT module || '.' || name || ' ' || model FROM ir_model_data",
    "models": "SELECT model FROM ir_model",
    "fields": "SELECT model || '.' || name || ' ' || ttype FROM ir_model_fields",
    "choices": """
        SELECT field.model || '.' || field.name || ' ' || choice.value
          FROM ir_model_fields_selection choice JOIN ir_model_fields field ON field.id = choice.field_id
    """,
    "model constraints": "SELECT name || ' ' || module FROM ir_model_constraint",
    "model relations": "SELECT name || ' ' || module FROM ir_model_relation",
    "jobs": "SELECT cron_name || ' ' || active FROM ir_cron",
    "server actions": "SELECT name->>'en_US' || ' ' || state FROM ir_act_server",
    "window actions": "SELECT name->>'en_US' || ' ' || coalesce(res_model, '') FROM ir_act_window",
    "client actions": "SELECT name->>'en_US' || ' ' || tag FROM ir_act_client",
    "parameters": "SELECT key || ' ' || value FROM ir_config_parameter",
    "menus": "SELECT name->>'en_US' || ' ' || active FROM ir_ui_menu",
    "views": "SELECT name || ' ' || type || ' ' || coalesce(model, '') || ' ' || active FROM ir_ui_view",
    "record rules": "SELECT name || ' ' || active FROM ir_rule",
    "access": "SELECT name || ' ' || active FROM ir_model_access",
    "groups": "SELECT name->>'en_US' FROM res_groups",
    "attachments": """
        SELECT name || ' ' || res_model || '.' || coalesce(res_field, '') FROM ir_attachment WHERE res_model IS NOT NULL
    """,
    "defaults": "SELECT f.name || ' ' || json_value FROM ir_default JOIN ir_model_fields f ON f.id = field_id",
    "subtypes": "SELECT name->>'en_US' FROM mail_message_subtype",
    "activity types": "SELECT name->>'en_US' FROM mail_activity_type",
    "filters": "SELECT name || ' ' || model_id FROM ir_filters",
    "exports": "SELECT name || ' ' || resource FROM ir_exports",
    "translations": "SELECT code FROM res_lang WHERE active",
}


def take(cr):
    """Return ``{kind: {name: how many}}``."""
    state = {}
    for kind, query in QUERIES.items():
        cr.execute(f"SELECT name, count(*) FROM ({query}) t (name) GROUP BY 1")  # pylint: disable=sql-injection
        state[kind] = {str(name): count for name, count in cr.fetchall()}
    return state


def compare(before, after):
    """Return what differs, as lines."""
    return [
        f"{kind}: {name} ({before[kind].get(name, 0)} → {after[kind].get(name, 0)})"
        for kind in before
        for name in sorted(before[kind].keys() | after[kind].keys())
        if before[kind].get(name, 0) != after[kind].get(name, 0)
    ]
