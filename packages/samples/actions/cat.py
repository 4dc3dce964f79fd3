"""One text from many lines; the lines go along."""


def main(args):
    lines = args.get("lines", [])
    return {"lines": lines, "payload": "\n".join(lines)}
