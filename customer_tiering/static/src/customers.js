/** The action that opens customers whose ids a report has found, archived ones, too. */
export function getCustomersAction(name, ids) {
    return {
        type: "ir.actions.act_window",
        name,
        res_model: "res.partner",
        views: [
            [false, "list"],
            [false, "kanban"],
            [false, "form"],
        ],
        domain: [["id", "in", ids]],
        context: { active_test: false },
    };
}
