import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { KeepLast } from "@web/core/utils/concurrency";
import { formatInteger, formatPercentage } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, useState } from "@odoo/owl";

/** A page about a policy, whose data are what the report of the server says. */
export class PolicyReport extends Component {
    static props = { ...standardActionServiceProps };
    /** The model of the report. */
    static report = "";

    setup() {
        this.orm = useService("orm");
        this.keepLast = new KeepLast();
        this.state = useState({
            policyId: this.props.action.params?.policy_id || false,
            problem: "",
            busy: false,
            ...this.getStart(),
        });
        onWillStart(() => this.load());
    }

    /** What the state is before the server has answered: the data of an empty page, and what is chosen on it. */
    getStart() {
        return { data: { policies: [] } };
    }

    /** What the report is asked with. */
    get question() {
        return [this.state.policyId];
    }

    load() {
        return this.ask(() => this.askReport("get_data", this.question));
    }

    /** Have the server compute something, and show what came of it. */
    renew(method, args) {
        return this.ask(async () => {
            await this.askReport(method, args);
            return this.askReport("get_data", this.question);
        });
    }

    askReport(method, args) {
        return this.orm.call(this.constructor.report, method, args);
    }

    async ask(question) {
        this.state.busy = true;
        try {
            const data = await this.keepLast.add(question());
            Object.assign(this.state, { data, policyId: data.policy_id, problem: "" });
            this.choose(data);
        } catch (error) {
            if (!error.data?.message) {
                throw error;
            }
            this.state.problem = error.data.message;
        } finally {
            this.state.busy = false;
        }
    }

    /** Choose what is shown of new data. */
    choose() {}

    onPolicy(ev) {
        this.state.policyId = Number(ev.target.value);
        return this.load();
    }

    share(value) {
        return formatPercentage(value, { digits: [16, 0] });
    }

    /** Policies may have the same name. */
    policyLabel({ name, customers }) {
        return _t("%(policy)s (customers: %(customers)s)", { policy: name, customers: formatInteger(customers) });
    }
}
