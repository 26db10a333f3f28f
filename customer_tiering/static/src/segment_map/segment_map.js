import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component, onWillStart, useState } from "@odoo/owl";

/**
 * Edits the segment map of a policy: a grid of 5 × 5 cells, recency from top to bottom, frequency
 * and monetary value from left to right, a segment chosen in each cell.
 */
export class TieringSegmentMap extends Component {
    static template = "customer_tiering.SegmentMap";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ segments: [] });
        this.recencies = [5, 4, 3, 2, 1];
        this.frequencies = [1, 2, 3, 4, 5];
        onWillStart(async () => {
            this.state.segments = await this.orm.searchRead("customer.segment", [], ["name", "color"]);
        });
    }

    get value() {
        return this.props.record.data[this.props.name] || [];
    }

    segmentId(r, fm) {
        return this.value[r - 1]?.[fm - 1];
    }

    segment(r, fm) {
        return this.state.segments.find((segment) => segment.id === this.segmentId(r, fm));
    }

    cellClass(r, fm) {
        const segment = this.segment(r, fm);
        return segment ? `o_badge_color_${segment.color}` : "";
    }

    /** What the choice of a cell is called by a screen reader. */
    cellLabel(recency, value) {
        return _t("Recency %(recency)s, frequency and value %(value)s", { recency, value });
    }

    async onChange(r, fm, ev) {
        const map = this.recencies.map((_, row) =>
            this.frequencies.map((_, column) => this.value[row]?.[column] || false)
        );
        map[r - 1][fm - 1] = Number(ev.target.value);
        await this.props.record.update({ [this.props.name]: map });
    }
}

registry.category("fields").add("tiering_segment_map", {
    component: TieringSegmentMap,
    supportedTypes: ["json"],
});
