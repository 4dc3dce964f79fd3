"""The description of `/api/v1`: one OpenAPI 3.1 document, from which the Swagger 2.0 one and the page are made (openwhisk-api §1.1)."""
