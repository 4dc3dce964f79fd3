"""Activations on `/api/v1`: the full record, its parts, and the row of a list (openwhisk-api §2.6, §8.3)."""

from __future__ import annotations

from hub.domain.activation import Activation, Response
from hub.domain.parameters import Json
from hub.wire.entities import parameters_to_wire


def response_to_wire(response: Response) -> dict[str, Json]:
    """`status` as text, `success`, the result and its size; never a number (openwhisk-api §2.6)."""
    row: dict[str, Json] = {"result": response.result, "status": response.status.text, "success": response.status == 0}
    if response.size is not None:
        row["size"] = response.size
    return row


def activation_to_wire(activation: Activation, *, logs: bool = True) -> dict[str, Json]:
    """The full record; the answer to a blocking call of a primitive action has no logs yet (openwhisk-api §3.1)."""
    row: dict[str, Json] = {
        "activationId": activation.activation_id,
        "annotations": parameters_to_wire(activation.annotations),
        "logs": list(activation.logs) if logs else [],
        "name": activation.name,
        "namespace": activation.namespace,
        "publish": False,
        "response": response_to_wire(activation.response),
        "start": activation.start,
        "subject": activation.subject,
        "version": activation.version,
    }
    if activation.end is not None:
        row["end"] = activation.end
        row["duration"] = activation.duration
    if activation.cause is not None:
        row["cause"] = activation.cause
    return row


def activation_row(activation: Activation) -> dict[str, Json]:
    """One row of a list: `statusCode` as number, `duration` = end - start; triggers have neither."""
    row: dict[str, Json] = {
        "activationId": activation.activation_id,
        "annotations": parameters_to_wire(activation.annotations),
        "name": activation.name,
        "namespace": activation.namespace,
        "publish": False,
        "start": activation.start,
        "version": activation.version,
    }
    if activation.end is not None:
        row["end"] = activation.end
        row["duration"] = activation.end - activation.start
        row["statusCode"] = int(activation.response.status)
    if activation.cause is not None:
        row["cause"] = activation.cause
    return row
