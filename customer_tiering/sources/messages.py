"""What a personal message is."""

from odoo.tools import SQL

# Somebody wrote it ("comment"), or it came by e-mail ("email"). Odoo gives other types to what it sends to many, what
# it sends by itself, and what it notes: mailings from the list of customers and from Email Marketing
# ("email_outgoing"), replies and acknowledgements of its own, playbooks' e-mails ("auto_comment", "out_of_office"),
# text messages ("sms"), and notifications, of which a done activity posts one and would count twice.
_TYPES = ("comment", "email")


def is_personal(message="message"):
    """The condition that one person wrote it to, from or about another; all else is no interaction.

    :param message: the alias of ``mail_message``
    """
    return SQL(
        "%s IN %s AND %s IS NOT TRUE",
        SQL.identifier(message, "message_type"),
        _TYPES,
        SQL.identifier(message, "tiering_impersonal"),
    )
