import os
import sys
import time


def main(args):
    do = args["do"]
    if do == "hello":
        return {"greeting": "Hello " + args["name"]}
    if do == "error":
        return {"error": "no", "more": 1}
    if do == "fail":
        raise ValueError("boom")
    if do == "array":
        return [1, 2]
    if do == "text":
        return "text"
    if do == "exit":
        os._exit(3)
    if do == "sleep":
        time.sleep(30)
    if do == "logs":
        print("one\ntwo", flush=True)
        print("three", file=sys.stderr, flush=True)
        print("four", flush=True)
        return {}
    if do == "env":
        return {name: os.environ.get(name) for name in args["names"]}
    if do == "say":
        print(args["text"])
    return args
