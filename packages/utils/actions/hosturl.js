// The address of a web action, of an action, or of a trigger on this host.
const EXTENSIONS = ['', '.html', '.http', '.json', '.svg', '.text'];

function main({ web = true, ext = '', trigger = false, path = '' }) {
  const host = (process.env.__OW_API_HOST || '').replace(/\/$/, '');
  const namespace = process.env.__OW_NAMESPACE;
  if (!EXTENSIONS.includes(ext)) {
    return { error: `Invalid extension '${ext}'; it must be one of ${EXTENSIONS.slice(1).join(', ')}.` };
  }
  if (trigger) {
    if (web === true && ext) return { error: 'triggers are not allowed for web actions.' };
    if (path.includes('/')) return { error: 'triggers are not allowed in packages.' };
    return { url: `${host}/api/v1/namespaces/${namespace}/triggers/${path}` };
  }
  if (!web) return { url: `${host}/api/v1/namespaces/${namespace}/actions/${path}` };
  const full = path === '' || path.includes('/') ? path : `default/${path}`;
  return { url: `${host}/api/v1/web/${namespace}/${full}${ext}` };
}
