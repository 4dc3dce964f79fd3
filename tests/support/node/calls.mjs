// Carries out calls of the official `openwhisk` client: one JSON object a line in, one a line out, in the same order.
//   in   {"options": {…}, "environment": {NAME: text}, "call": "actions.invoke", "arguments": [{…}]}
//   out  {"answer": …} or {"refused": {"name", "message", "statusCode", "error"}}
// What JSON has no word for: {"$buffer": base64}, {"$bearer": token} as an auth_handler, {"$agent": true}.
import http from 'node:http';
import { createInterface } from 'node:readline';
import openwhisk from 'openwhisk';

function revive(_key, value) {
  if (value?.$buffer !== undefined) return Buffer.from(value.$buffer, 'base64');
  if (value?.$bearer !== undefined) return { getAuthHeader: async () => `Bearer ${value.$bearer}` };
  if (value?.$agent !== undefined) return new http.Agent({ keepAlive: true, maxSockets: 1 });
  return value;
}

async function carryOut({ options, environment, call, arguments: given }) {
  Object.assign(process.env, environment);
  try {
    const [resource, verb] = call.split('.');
    const answer = await openwhisk(options)[resource][verb](...given);
    return { answer: Buffer.isBuffer(answer) ? answer.toString() : answer };
  } catch ({ name, message, statusCode, error }) {
    return { refused: { name, message, statusCode, error } };
  } finally {
    for (const key of Object.keys(environment)) delete process.env[key];
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await carryOut(JSON.parse(line, revive)))}\n`);
}
