"""Every sentence that a refusal on `/api/v1` may say, by status (openwhisk-api §15; the hub's own are marked)."""

from __future__ import annotations

import re

_ANY = r"[\s\S]*"
_AMOUNT = r"\d+( MB| milliseconds)?"
_NAMES = r"[\s\S]{1,700}"
_COLLECTION = r"(actions|packages|triggers|rules|activations)"


def _malformed(*details: str) -> list[str]:
    return [rf"The request content was malformed:\n{detail}" for detail in details]


def _query(*details: str) -> list[str]:
    return [rf"The query parameter '\w+' was malformed:\n{detail}" for detail in details]


# What the hub is stricter about than upstream (reliability-security §7), in its own words.
STRICT = _malformed(
    "NUL characters are not allowed in text",
    "numbers are limited to 64 bits",
    "nested deeper than 64 levels",
    "the text is not UTF-8",
    r"(Number|Integer value) out of range.*",
    r"(JSON is malformed|Invalid|Input data was truncated).*",
)

_BY_STATUS: dict[int, list[str]] = {
    400: [
        r"Name segement longer than allowed: \d+ > 256\.",
        r"Namespace longer than allowed: \d+ > 256\.",
        r"The (name of the entity|namespace) contains illegal characters\.",
        r"Activation id length is \d+ but must be 32\.",
        r"The activation id is not valid\.",
        r"Too many actions in the sequence\.",
        r"No component specified for the sequence\.",
        r"Sequence may not refer to itself\.",
        r"Sequence component does not exist\.",
        r"Binding references a package that does not exist\.",
        r"Cannot bind to another package binding\.",
        r"Operation not permitted on package binding\.",
        r"Package name 'default' is reserved\.",
        r"Request defines parameters that are not allowed \(e\.g\., reserved properties\)\.",
        r"Feed name is not valid",
        r"exec undefined",
        r"rule requires a valid trigger and a valid action",
        rf"(trigger|action) /{_NAMES} does not exist",
        rf"requirement failed: (memory size|log size|duration|concurrency|instance concurrency) -?{_AMOUNT} (exceeds|below) allowed threshold of {_AMOUNT}",
        r"Max action instance concurrency must not exceed your namespace concurrency of \d+\.",
        r"The '[^']*' runtime is no longer supported\. You may read and delete but not update or invoke this action\.",
        r"The parameter 'docs' is not permitted with 'count'\.",
        r"Inner entity level routes for limits are not yet implemented\.",
        r"The request contains bad syntax or cannot be fulfilled\.",
        r"The request ended before its body was complete\.",
        r"Logs are kept with their activations here; only the destination adobe_io_runtime can be chosen\.",
        *_malformed(
            rf"Unexpected (character '[\s\S]'|end-of-input) at input index \d+ \(line \d+, position \d+\), expected {_ANY}",
            r"JSON object expected",
            r"Object expected( in field 'exec')?",
            r"parameters malformed!",
            r"Expected JsBoolean, but got [\s\S]{1,257}",
            r"(requirement failed: )?semantic version malformed",
            r"requirement failed: The fully qualified name of the entity must contain at least the namespace and the name of the entity\.",
            r"requirement failed: a negative size of an object is not allowed\.",
            r"(time|memory|log|concurrency|instance concurrency) limit (must be whole number|malformed)",
            r"limits malformed",
            r"binding malformed",
            r"(trigger|action) must be a fully qualified name",
            r"'kind' must be a string defined in 'exec'",
            r"The specified runtime '[\s\S]{0,257}' is not supported by this platform\. Valid values are: ('[\w:.-]+'(, )?)+\.",
            r"'code' must be a string or attachment object defined in 'exec' for '[^']+' actions",
            r"if defined, 'main' be a string in 'exec' for '[^']+' actions",
            r"'components' must be an array",
            r"'components' must be defined for sequence kind",
            r"'image' must be a string defined in 'exec' for 'blackbox' actions",
            r"could not parse image name",
            r"requirement failed: [\s\S]{0,257} is not a recognized rule state",
        ),
        *STRICT,
        *_query(
            rf"The value '-?\d+' is not in the range of 0 to 200 for {_COLLECTION}\.",
            rf"The value '{_ANY}' is not an integer for {_COLLECTION}\.",
            rf"The value '-\d+' is not greater than or equal to 0 for {_COLLECTION}\.",
            rf"Parameter may be a 'simple' name or 'package-name/simple' name: {_ANY}",
            rf"Parameter is not a valid value for epoch seconds: {_ANY}",
            rf"'{_ANY}' is not a valid Boolean value",
            r"Timeout must be number of milliseconds up to 60000\.",
        ),
    ],
    401: [
        r"The resource requires authentication, which was not supplied with the request",
        r"The supplied authentication is invalid",
        r"Authentication is possible but has failed or not yet been provided\.",
    ],
    403: [
        r"The supplied authentication is not authorized to access this resource\.",
        rf"The supplied authentication is not authorized to access '{_NAMES}'\.",
        r"The supplied authentication is not authorized to access actions of kind '[^']+'\.",
        r"A feed of the hub itself cannot be changed; install another version of its package instead\.",
    ],
    404: [
        r"The requested resource does not exist\.",
        rf"The requested resource '{_NAMES}' does not exist\.",
        r"The requested resource could not be found\.",
        r"Only rules with existing triggers can be activated",
    ],
    405: [r"HTTP method not allowed, supported methods: [A-Z]+(, [A-Z]+)*"],
    408: [r"The request did not arrive in time\."],
    409: [
        r"resource already exists",
        r"Resource by this name exists but is not in this collection\.",
        r"Concurrent modification to resource detected\.",
        r"Cannot bind to a resource that is not a package\.",
        r"Resource is a package and cannot be converted into a binding\.",
        r"Package not empty \(contains \d+ entit(y|ies)\)\. Set force param or delete package contents\.",
    ],
    413: [r"(exec|parameters|annotations|Request) larger than allowed: \d+ > \d+ bytes\."],
    414: [r"The address of the request is longer than 8192 bytes\."],
    415: [
        rf"The request's Content-Type \[{_ANY}\] is not supported\. Expected:\napplication/json",
        r"The request's Content-Encoding is not supported\. Expected:\nidentity",
    ],
    422: [r"Package binding '[^']+' contains a circular reference\."],
    429: [r"Too many (concurrent )?requests in (the last minute|flight) \(count: \d+, allowed: \d+\)\."],
    431: [r"The headers of the request are larger than 32768 bytes\."],
}
KNOWN = {status: re.compile("|".join(f"(?:{text})" for text in texts)) for status, texts in _BY_STATUS.items()}


def known(status: int, text: str) -> bool:
    """Whether a refusal of that status may say that."""
    return status in KNOWN and KNOWN[status].fullmatch(text) is not None
