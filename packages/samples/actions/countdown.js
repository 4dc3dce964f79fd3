// Invokes itself with one less, without waiting for the end.
async function main({ n = 10 }) {
  console.log(n);
  if (n > 0) {
    const { __OW_API_HOST: host, __OW_API_KEY: key, __OW_ACTION_NAME: name } = process.env;
    const [, namespace, ...path] = name.split('/');
    const answer = await fetch(`${host}/api/v1/namespaces/${namespace}/actions/${path.join('/')}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Basic ${Buffer.from(key).toString('base64')}` },
      body: JSON.stringify({ n: n - 1 }),
    });
    if (!answer.ok) throw new Error(`the next step was not taken: ${answer.status}`);
  }
  return { n };
}
