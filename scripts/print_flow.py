"""Print the flow of messages, read from the topology: `python -m scripts.print_flow [--mermaid]`."""

import sys

from shared.topology import STREAMS


def as_text() -> str:
    """One line a stream: who publishes, what, who reads."""
    rows = [
        (
            " ".join(sorted(s.publishers)),
            s.name,
            " ".join(m.__name__ for m in s.messages),
            " ".join(s.groups) or "(log)",
        )
        for s in STREAMS
    ]
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    return "\n".join(
        f"{publishers:<{widths[0]}} → {name:<{widths[1]}} → {readers}\n{'':<{widths[0]}}   {messages}"
        for publishers, name, messages, readers in rows
    )


def as_mermaid() -> str:
    """A flowchart: services are boxes, streams the arrows between them."""
    lines = ["flowchart LR", "  venue([venue]) <--> market_data", "  venue <--> trade_executor"]
    for stream in STREAMS:
        for publisher in sorted(stream.publishers):
            lines += [f"  {publisher} -->|{stream.name}| {group}" for group in stream.groups if group != publisher]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write((as_mermaid() if "--mermaid" in sys.argv else as_text()) + "\n")
