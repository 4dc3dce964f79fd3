"""Documents of a CouchDB, with the standard library only. One function an action."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT = 50


class Refused(Exception):
    """What the caller is told."""


def address(args):
    """The service, without user info, and the credentials."""
    parts = urllib.parse.urlsplit(args.get("url") or "")
    username = args.get("username") or urllib.parse.unquote(parts.username or "")
    password = args.get("password") or urllib.parse.unquote(parts.password or "")
    if parts.scheme:
        place = parts.hostname + (":%d" % parts.port if parts.port else "")
        return "%s://%s%s" % (parts.scheme, place, parts.path.rstrip("/")), username, password
    if not args.get("host"):
        raise Refused("cloudant account host is required.")
    if not username:
        raise Refused("cloudant account username is required.")
    if not password:
        raise Refused("cloudant account password is required.")
    port = ":%s" % args["port"] if args.get("port") else ""
    return "%s://%s%s" % (args.get("protocol") or "https", args["host"], port), username, password


def call(args, method, path, body=None, params=None):
    """One request; the database's own answer."""
    base, username, password = address(args)
    query = "?" + urllib.parse.urlencode({k: v if isinstance(v, str) else json.dumps(v) for k, v in params.items()}) if params else ""
    request = urllib.request.Request(base + path + query, method=method)
    request.add_header("accept", "application/json")
    if username:
        request.add_header("authorization", "Basic " + base64.b64encode(("%s:%s" % (username, password)).encode()).decode())
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            told = json.load(error)
        except ValueError:
            told = {}
        raise Refused({"statusCode": error.code, "error": told.get("error", ""), "reason": told.get("reason", "")}) from None


def database(args):
    if not args.get("dbname"):
        raise Refused("dbname is required.")
    return "/" + urllib.parse.quote(args["dbname"], safe="")


def document_path(args, *names):
    found = next((args[name] for name in names if args.get(name)), None)
    if not found:
        raise Refused("docid is required.")
    return database(args) + "/" + urllib.parse.quote(str(found), safe="")


def parsed(args, name):
    """A JSON parameter: an object, or its text."""
    value = args.get(name)
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError:
            raise Refused("%s field cannot be parsed. Ensure it is valid JSON." % name) from None
    if value is not None and value != "" and not isinstance(value, dict):
        raise Refused("%s field is %s and should be an object or a JSON string." % (name, type(value).__name__))
    return value or {}


def told(action):
    """Refusals become the action's error; a service that is away is told apart."""

    def main(args):
        try:
            return action(args)
        except Refused as error:
            return {"error": error.args[0]}
        except OSError as error:
            return {"error": "the database cannot be reached: %s" % (getattr(error, "reason", None) or error), "unreachable": True}

    return main


@told
def read(args):
    return call(args, "GET", document_path(args, "id", "docid"), params=parsed(args, "params"))


@told
def create(args):
    doc = parsed(args, "doc")
    if not doc:
        raise Refused("doc field is required.")
    if str(args.get("overwrite")).lower() == "true" and doc.get("_id"):
        try:
            doc = {**doc, "_rev": call(args, "GET", document_path({**args, "docid": doc["_id"]}, "docid"))["_rev"]}
        except Refused as error:
            if not isinstance(error.args[0], dict) or error.args[0]["statusCode"] != 404:
                raise
    return call(args, "POST", database(args), doc)


@told
def update(args):
    doc = parsed(args, "doc")
    if not doc.get("_id") or not doc.get("_rev"):
        raise Refused("doc and doc._rev are required.")
    return call(args, "PUT", document_path({**args, "docid": doc["_id"]}, "docid"), doc)


@told
def delete(args):
    if not args.get("docrev"):
        raise Refused("docrev is required.")
    return call(args, "DELETE", document_path(args, "docid"), params={"rev": str(args["docrev"])})


@told
def list(args):
    return call(args, "GET", database(args) + "/_all_docs", params=parsed(args, "params"))


@told
def check(args):
    session = call(args, "GET", "/_session")
    return {"account": (session.get("userCtx") or {}).get("name") or "anybody"}
