"""Which actions AWS knows, and which of them know a resource. Runs where policy_sentry is: it carries AWS's own list.

Reads a JSON list of actions, writes a JSON object: null for an action that AWS does not know, else its resources.
"""

import json
import sys

from policy_sentry.querying.actions import get_action_data  # type: ignore[import-not-found]


def main() -> None:
    """From stdin to stdout."""
    known: dict[str, list[str] | None] = {}
    for action in json.load(sys.stdin):
        service, name = action.split(":")
        rows = (get_action_data(service, name) or {}).get(service)
        known[action] = rows and [row["resource_arn_format"] for row in rows if row["resource_arn_format"] != "*"]
    json.dump(known, sys.stdout)


if __name__ == "__main__":
    main()
