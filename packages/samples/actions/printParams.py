"""Shows its arguments, sorted by name."""

import json


def main(args):
    shown = {key: args[key] for key in sorted(args) if not key.startswith("__ow_")}
    print("params:", json.dumps(shown, sort_keys=True))
    return {"params": shown}
