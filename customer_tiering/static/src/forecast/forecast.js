import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { KeepLast } from "@web/core/utils/concurrency";
import { formatInteger, formatPercentage } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, useState } from "@odoo/owl";
import { getPicture, HEIGHT, WIDTH } from "./forecast_picture";
import { tellGrade } from "./grade";

/** What would have been foretold on earlier days, and what came: a picture with its table, and sentences. */
export class TieringForecast extends Component {
    static template = "customer_tiering.Forecast";
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.keepLast = new KeepLast();
        this.width = WIDTH;
        this.height = HEIGHT;
        this.state = useState({
            policyId: this.props.action.params?.policy_id || false,
            key: false,
            problem: "",
            busy: false,
            data: { policies: [], notes: [], days: [] },
        });
        onWillStart(() => this.load());
    }

    load() {
        return this.ask(() => this.orm.call("customer.tiering.forecast.report", "get_data", [this.state.policyId]));
    }

    testNow() {
        return this.ask(async () => {
            await this.orm.call("customer.tiering.forecast.report", "test_now", [this.state.policyId]);
            return this.orm.call("customer.tiering.forecast.report", "get_data", [this.state.policyId]);
        });
    }

    async ask(question) {
        this.state.busy = true;
        try {
            const data = await this.keepLast.add(question());
            Object.assign(this.state, { data, policyId: data.policy_id, problem: "" });
            if (!data.days.some((day) => day.key === this.state.key)) {
                this.state.key = data.days.length ? data.days[0].key : false;
            }
        } catch (error) {
            if (!error.data?.message) {
                throw error;
            }
            this.state.problem = error.data.message;
        } finally {
            this.state.busy = false;
        }
    }

    onPolicy(ev) {
        this.state.policyId = Number(ev.target.value);
        return this.load();
    }

    get day() {
        return this.state.data.days.find((day) => day.key === this.state.key);
    }

    getPicture() {
        return getPicture(this.day.bands);
    }

    get meaning() {
        return tellGrade(this.state.data.grade);
    }

    share(value) {
        return formatPercentage(value, { digits: [16, 0] });
    }

    /** Policies may have the same name. */
    policyLabel({ name, customers }) {
        return _t("%(policy)s (%(customers)s customers)", { policy: name, customers: formatInteger(customers) });
    }
}

registry.category("actions").add("customer_tiering.forecast", TieringForecast);
