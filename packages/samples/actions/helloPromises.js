// Actions can call others through the API; promises are awaited by the platform.
async function call(action, params) {
  const { __OW_API_HOST: host, __OW_API_KEY: key } = process.env;
  const answer = await fetch(`${host}/api/v1/namespaces/whisk.system/actions/${action}?blocking=true&result=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${Buffer.from(key).toString('base64')}` },
    body: JSON.stringify(params),
  });
  if (!answer.ok) throw new Error(`${action} answered ${answer.status}`);
  return answer.json();
}

async function main({ name = 'stranger', place = 'somewhere' }) {
  const greeting = await call('samples/greeting', { name, place });
  return call('utils/split', { payload: greeting.payload, separator: ' ' }).then(({ lines }) => ({ lines }));
}
