def uninstall_hook(env):
    """Cancel the jobs that wait: nobody could do them any more, and the scheduled actions do their work."""
    env["queue.job"].search(
        [
            ("model_name", "=like", "customer.tiering.%"),
            ("state", "in", ("wait_dependencies", "pending", "enqueued")),
        ]
    ).button_cancelled()
