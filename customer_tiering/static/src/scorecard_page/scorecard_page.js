import { createDebugContext } from "@web/core/debug/debug_context";
import { registry } from "@web/core/registry";
import { Layout } from "@web/search/layout";
import { formView } from "@web/views/form/form_view";
import { View, getDefaultConfig } from "@web/views/view";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, useChildSubEnv, useSubEnv } from "@odoo/owl";

/** The place of a form that stands in another form's: a page has one main part, and that is the contact. */
class PageLayout extends Layout {
    static template = "customer_tiering.ScorecardPageLayout";
}

/** The form of the scorecard whose buttons save and reload the form of the contact around it. */
class ScorecardPageController extends formView.Controller {
    static components = { ...formView.Controller.components, Layout: PageLayout };

    setup() {
        const { onClickViewButton } = this.env;
        super.setup();
        useSubEnv({ onClickViewButton });
    }
}

registry.category("views").add("tiering_scorecard_page", { ...formView, Controller: ScorecardPageController });

/**
 * The scorecard of a contact, or of its company, as a page of the contact's form.
 *
 * It is loaded when the page is opened: a notebook renders only the page that is open.
 */
export class ScorecardPage extends Component {
    static template = "customer_tiering.ScorecardPage";
    static components = { View };
    static props = { ...standardWidgetProps };

    setup() {
        // What a form tells its surroundings (its name, pager, footer, debug menu) is the contact's to tell.
        useChildSubEnv({ config: getDefaultConfig(), inDialog: false, ...createDebugContext() });
        this.viewProps = {
            resModel: "customer.tiering.scorecard",
            type: "form",
            jsClass: "tiering_scorecard_page",
            context: { tiering_in_contact: true },
            display: { controlPanel: false },
            readonly: true,
        };
    }

    get scorecardId() {
        return this.props.record.data.tiering_scorecard_id.id;
    }

    /** Another record, also the same one read again, is another form. */
    get key() {
        return `${this.props.record.id},${this.scorecardId}`;
    }
}

registry.category("view_widgets").add("tiering_scorecard", { component: ScorecardPage });
