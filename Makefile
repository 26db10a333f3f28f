# Every target makes what it needs first (see bin/bootstrap). "make" alone lists them.
.DEFAULT_GOAL := help
.PHONY: help bootstrap demo test lint bench screenshots clean distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

bootstrap: ## Fetch Odoo 19 and make the virtual environment (the other targets do it too)
	bin/bootstrap

demo: ## Start Odoo with the addon and example customers on http://localhost:8069
	bin/demo

test: ## Run all tests, side by side: engine, addon, browser, job queue, other apps, replica, other modules, faults, benchmarks
	bin/test

lint: ## Check the code without running it (bin/lint --fix repairs what it can)
	bin/lint

bench: ## Measure the addon beside others (SIZE=small, 20k, default, large or cdnow)
	bin/bench

screenshots: ## Take the pictures of the documentation again
	bin/screenshots

clean: ## Remove this checkout's databases, filestore and logs
	bin/clean

distclean: ## Remove everything the scripts made, the shared Odoo source included
	bin/clean --all
