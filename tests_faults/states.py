"""What a database holds for people, without what may differ between two ways to the same: ids, times, attempts."""

from collections import Counter

# Rows as JSON, by company. Ids that sequences gave are replaced by what they stand for.
_PARTS = {
    "scorecards": """
        SELECT company_id, to_jsonb(card) - '{id,run_id}'::text[] FROM customer_tiering_scorecard card""",
    "changes": """
        SELECT company_id, to_jsonb(change) - '{id,run_id,create_date,write_date}'::text[]
          FROM customer_tier_change change""",
    "follow-ups": """
        SELECT followup.company_id,
               to_jsonb(followup) - '{id,activity_id,event}'::text[] || jsonb_build_object(
                   'activity', followup.activity_id IS NOT NULL,
                   'event', CASE WHEN starts_with(event, 'change:')
                                 THEN to_jsonb(change) - '{id,run_id,create_date,write_date}'::text[]
                                 ELSE to_jsonb(event) END)
          FROM customer_tiering_followup followup
     LEFT JOIN customer_tier_change change ON event = 'change:' || change.id""",
    "activities": """
        SELECT NULL::int, to_jsonb(activity) - '{id,create_date,write_date,calendar_event_id}'::text[]
          FROM mail_activity activity""",
    "messages": """
        SELECT NULL::int, jsonb_build_array(model, CASE WHEN model = 'res.partner' THEN res_id END, message_type,
                                            subject, body)
          FROM mail_message""",
    "e-mails": """
        SELECT NULL::int, jsonb_build_array(message.model, message.res_id, email_to, mail.scheduled_date, body_html)
          FROM mail_mail mail JOIN mail_message message ON message.id = mail_message_id""",
    "queue": """
        SELECT company_id, jsonb_build_array(partner_id, reason, user_id) FROM customer_tiering_refresh""",
    "waiting runs": """
        SELECT company_id, jsonb_build_array(policy_id) FROM customer_tiering_run WHERE state = 'queued'""",
    "computed": """
        SELECT DISTINCT company_id, jsonb_build_array(policy_id, as_of)
          FROM customer_tiering_run WHERE state = 'done'""",
    "rules": """
        SELECT policy.company_id, jsonb_build_array(version.policy_id, version.rules)
          FROM customer_tiering_policy_version version JOIN customer_tiering_policy policy ON policy.id = policy_id""",
    "simulations": """
        SELECT company_id, jsonb_build_array(base_id, draft_id, result, draft_rules)
          FROM customer_tiering_simulation""",
    "simulated": """
        SELECT company_id, to_jsonb(line) - 'id' FROM customer_tiering_simulation_line line""",
    "locks": """
        SELECT company_id, to_jsonb(lock) - '{create_date,write_date}'::text[] FROM customer_tiering_lock lock""",
    "contacts": """
        SELECT NULL::int, jsonb_build_array(id, name, parent_id, active) FROM res_partner""",
    "orders": """
        SELECT company_id, jsonb_build_array(id, partner_id, state, amount_total) FROM sale_order""",
}
# Which of the events are planned first, and which wait for another day because of the limits.
PLANNED = ("follow-ups", "activities", "messages", "e-mails")
# What they are whoever comes first.
_EVENTS = {
    "events": """
        SELECT followup.company_id, jsonb_build_array(
                   playbook_id, followup.partner_id, action,
                   CASE WHEN starts_with(event, 'change:')
                        THEN to_jsonb(change) - '{id,run_id,create_date,write_date}'::text[] ELSE to_jsonb(event) END)
          FROM customer_tiering_followup followup
     LEFT JOIN customer_tier_change change ON event = 'change:' || change.id""",
    "numbers": """
        SELECT company_id, jsonb_build_array(playbook_id, action, state, COUNT(*))
          FROM customer_tiering_followup GROUP BY company_id, playbook_id, action, state""",
}
# How customers have moved and what they were given to do, whatever the day on which it is done.
MOVES = {**{part: _PARTS[part] for part in ("scorecards", "changes", "queue")}, "events": _EVENTS["events"]}
# All of it, whoever comes first.
ANY_ORDER = {**{part: query for part, query in _PARTS.items() if part not in PLANNED}, **_EVENTS}
_SCHEMA = {
    "columns": """
        SELECT NULL::int, jsonb_build_array(table_name, column_name, data_type, is_nullable)
          FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """
        SELECT NULL::int, jsonb_build_array(conrelid::regclass::text, conname, pg_get_constraintdef(oid))
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "indexes": """
        SELECT NULL::int, jsonb_build_array(indexdef) FROM pg_indexes WHERE schemaname = 'public'""",
    "names": "SELECT NULL::int, jsonb_build_array(module, name, model) FROM ir_model_data",
    "models": "SELECT NULL::int, jsonb_build_array(model) FROM ir_model",
    "fields": "SELECT NULL::int, jsonb_build_array(model, name) FROM ir_model_fields",
    "actions": "SELECT NULL::int, jsonb_build_array(cron_name, active) FROM ir_cron",
    "modules": """
        SELECT NULL::int, jsonb_build_array(name, CASE state WHEN 'to remove' THEN 'installed' ELSE state END)
          FROM ir_module_module""",
    "contacts": _PARTS["contacts"],
    "orders": _PARTS["orders"],
    "activities": _PARTS["activities"],
    "messages": _PARTS["messages"],
}


def read(server, database, parts=_PARTS):
    """Return ``{(part, company id or None): Counter of rows}``."""
    state = {}
    shortened = "CASE WHEN length(text) > 400 THEN left(text, 300) || md5(text) ELSE text END"
    for part, query in parts.items():
        query = f"SELECT company_id, row::text AS text FROM ({query}) part (company_id, row)"
        rows = server.ask(f"SELECT company_id, {shortened} FROM ({query}) shortened", database=database)
        for company, row in rows:
            state.setdefault((part, company), Counter())[row] += 1
    return state


def read_with_schema(server, database):
    """Return the same of the database's structure, of what is not ours, and of how much is ours."""
    parts = dict(_SCHEMA)
    for table in ("customer_tiering_scorecard", "customer_tier_change", "customer_tiering_followup"):
        if server.ask("SELECT 1 FROM pg_class WHERE relname = %s", table, database=database):
            parts[table] = f"SELECT NULL::int, to_jsonb(COUNT(*)) FROM {table}"
    return read(server, database, parts)


def subtract(state, other):
    """Return ``{part: number of rows}`` that ``state`` has more than ``other``."""
    found = Counter()
    for key, rows in state.items():
        if more := (rows - other.get(key, Counter())).total():
            found[key[0]] += more
    return dict(found)


def show(state, other, most=5):
    """Return some of the rows that ``state`` has more than ``other``, to read."""
    more = {key: rows - other.get(key, Counter()) for key, rows in state.items()}
    return "\n".join(f"{key}: {row[:300]}" for key, rows in more.items() for row in list(rows)[:most])


def are_equal(state, other):
    return not subtract(state, other) and not subtract(other, state)


def find_halves(state, before, after):
    """Return the companies, or None for what belongs to no company, whose rows are neither as before nor as after."""
    companies = {company for one in (state, before, after) for _part, company in one}

    def of(one, company):
        # A run that has failed waits no more, and has done nothing.
        return {key: rows for key, rows in one.items() if key[1] == company and key[0] != "waiting runs"}

    return {
        company
        for company in companies
        if not any(are_equal(of(state, company), of(one, company)) for one in (before, after))
    }


def find_strange(state, before, after):
    """Return ``{part: number of rows}`` that are there neither before nor after, or are missing though in both."""
    keys = {*state, *before, *after}
    either = {key: before.get(key, Counter()) | after.get(key, Counter()) for key in keys}
    both = {key: before.get(key, Counter()) & after.get(key, Counter()) for key in keys}
    return Counter(subtract(state, either)) + Counter(subtract(both, state))
