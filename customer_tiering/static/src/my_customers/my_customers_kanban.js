import { registry } from "@web/core/registry";
import { KanbanRenderer } from "@web/views/kanban/kanban_renderer";
import { kanbanView } from "@web/views/kanban/kanban_view";

/** Odoo shows those without a group first; the highest tier comes first here, also on a phone. */
export class MyCustomersKanbanRenderer extends KanbanRenderer {
    /** Odoo says nothing where there is not even a group, such as a salesperson. */
    get showNoContentHelper() {
        return super.showNoContentHelper || !this.props.list.hasData;
    }

    getGroupsOrRecords() {
        const items = super.getGroupsOrRecords();
        const isLast = (item) => this.props.list.isGrouped && !item.group.value;
        return [...items.filter((item) => !isLast(item)), ...items.filter(isLast)];
    }
}

registry.category("views").add("tiering_my_customers_kanban", {
    ...kanbanView,
    Renderer: MyCustomersKanbanRenderer,
});
