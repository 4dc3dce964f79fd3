"""The first lines."""


def main(args):
    num = args.get("num", 1)
    return {"lines": args.get("lines", [])[:num], "num": num}
