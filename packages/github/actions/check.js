// Whose token is it? A refusal says so; a service that is away says that.
async function main({ accessToken, baseUrl }) {
  const base = (baseUrl || 'https://api.github.com').replace(/\/$/, '');
  let answer;
  try {
    answer = await fetch(`${base}/user`, {
      headers: { accept: 'application/vnd.github+json', authorization: `Bearer ${accessToken}`, 'user-agent': 'whiskhub' },
    });
  } catch (error) {
    return { error: `${base} cannot be reached`, unreachable: true };
  }
  if (answer.status === 401) return { error: `${base} does not accept the token` };
  if (!answer.ok) return { error: `${base} answered ${answer.status}`, unreachable: answer.status >= 500 };
  const user = await answer.json();
  return { account: user.login };
}
