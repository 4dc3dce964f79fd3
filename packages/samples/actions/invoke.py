"""Invokes /whisk.system/utils/date and returns what it says."""

import base64
import json
import os
import urllib.request


def main(args):
    host, key = os.environ["__OW_API_HOST"], os.environ["__OW_API_KEY"]
    request = urllib.request.Request(
        host + "/api/v1/namespaces/whisk.system/actions/utils/date?blocking=true&result=true",
        data=b"{}",
        headers={"content-type": "application/json", "authorization": "Basic " + base64.b64encode(key.encode()).decode()},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
