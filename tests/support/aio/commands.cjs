// Carries out commands of the unchanged plugin in one process: one JSON object a line in, one a line out.
//   in   {"words": ["runtime", "action", "list"], "environment": {NAME: text}, "folder": path}
//   out  {"status": number, "stdout": text, "stderr": text}
const { dirname } = require('node:path');
const { createInterface } = require('node:readline');
const settings = require('@adobe/aio-lib-core-config');
const { Config, run } = require('@oclif/core');
const handle = require('@oclif/core/handle');

const answer = process.stdout.write.bind(process.stdout);
const root = dirname(require.resolve('@adobe/aio-cli-plugin-runtime/package.json'));
process.stdin.isTTY = true; // otherwise a command takes our next line for an argument that may be left out
const loaded = Config.load({ root });

function capture(stream) {
  const parts = [];
  stream.write = (part, encoding, done) => {
    parts.push(part.toString());
    (done ?? encoding)?.call?.();
    return true;
  };
  return parts;
}

async function carryOut({ words, environment, folder }) {
  const before = Object.keys(environment).map((name) => [name, process.env[name]]);
  Object.assign(process.env, environment);
  process.chdir(folder);
  settings.reload();
  const [stdout, stderr] = [capture(process.stdout), capture(process.stderr)];
  let status = 0;
  process.exit = (code) => { status = code; };
  try {
    await run(words, await loaded);
  } catch (error) {
    handle(error);
  } finally {
    for (const [name] of before) delete process.env[name];
    Object.assign(process.env, Object.fromEntries(before.filter(([, value]) => value !== undefined)));
  }
  return { status, stdout: stdout.join(''), stderr: stderr.join('') };
}

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    answer(`${JSON.stringify(await carryOut(JSON.parse(line)))}\n`);
  }
})();
