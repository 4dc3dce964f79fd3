// Every recorded payload of GitHub, signed by GitHub's own library: one JSON object a line.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Webhooks } from '@octokit/webhooks';

const [, , secret] = process.argv;
const webhooks = new Webhooks({ secret });
const require = createRequire(import.meta.url);
const examples = JSON.parse(readFileSync(require.resolve('@octokit/webhooks-examples/api.github.com/index.json'), 'utf8'));
for (const { name, examples: payloads } of examples) {
  for (const payload of payloads) {
    const body = JSON.stringify(payload);
    console.log(JSON.stringify({ name, body, signature: await webhooks.sign(body) }));
  }
}
