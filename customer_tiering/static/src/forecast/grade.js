import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";

/** What a grade of the forecast means, in a sentence. */
export function tellGrade(grade) {
    return {
        A: _t(
            "Grade A: the chances find who stops clearly better than the longest silence does, and they are right within 5 points."
        ),
        B: _t(
            "Grade B: the chances find who stops no worse than the longest silence does, and they are right within 10 points."
        ),
        C: _t(
            "Grade C: do not rely on the chances here: it is not shown that they find who stops as well as the longest silence does, or they were off by more than 10 points."
        ),
    }[grade];
}

/** A letter, and on it what it means. */
export class TieringGrade extends Component {
    static template = "customer_tiering.Grade";
    static props = { grade: { type: [String, Boolean], optional: true } };

    get meaning() {
        return tellGrade(this.props.grade);
    }
}

export class TieringGradeField extends Component {
    static template = "customer_tiering.GradeField";
    static components = { TieringGrade };
    static props = { ...standardFieldProps };
}

registry.category("fields").add("tiering_grade", { component: TieringGradeField, supportedTypes: ["selection"] });
