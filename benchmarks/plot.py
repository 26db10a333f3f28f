"""Draw the plot of report.py: ``plot.py FILE.png``, with ``{label: [[customers, seconds], …]}`` on standard input."""

import json
import sys

from matplotlib import pyplot


def main(path):
    lines = json.load(sys.stdin)
    figure, axes = pyplot.subplots(figsize=(10, 6.5), layout="constrained")
    colors = pyplot.get_cmap("tab20").colors
    for number, (label, points) in enumerate(lines.items()):
        style = "-" if "run" in label or "simulation" in label else "--"
        axes.loglog(*zip(*points, strict=True), style, marker="o", color=colors[number % 20], label=label)
    axes.set_xlabel("customers (ten times as many orders)")
    axes.set_ylabel("seconds")
    axes.grid(which="both", alpha=0.25)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:])
