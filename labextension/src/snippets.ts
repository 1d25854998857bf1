/**
 * A call as a line for a shell or a cell.
 */
import { PageConfig, URLExt } from '@jupyterlab/coreutils';

/** A call for a shell; the token is in its environment, never in the text. */
export function curl(name: string, input: unknown): string {
  const path = `chariots/pipelines/${encodeURIComponent(name)}/main`;
  const base = new URL(PageConfig.getBaseUrl(), window.location.origin).href;
  const lines = [
    `curl -X POST ${quoted(URLExt.join(base, path))}`,
    '-H "Authorization: token $JUPYTER_TOKEN"'
  ];
  if (input !== undefined) {
    const body = JSON.stringify({ pipeline_input: input });
    lines.push("-H 'Content-Type: application/json'", `-d ${quoted(body)}`);
  }
  return lines.join(' \\\n  ');
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`;
}

export function python(name: string, input: unknown): string {
  const call = [literal(name)];
  if (input !== undefined) {
    call.push(literal(input));
  }
  return [
    'from jupyter_chariots import PipelinesClient',
    '',
    'client = PipelinesClient()',
    `client.call_pipeline(${call.join(', ')})`
  ].join('\n');
}

/** A JSON value as Python writes it. */
function literal(value: unknown): string {
  if (value === null || value === undefined) {
    return 'None';
  }
  if (typeof value === 'boolean') {
    return value ? 'True' : 'False';
  }
  if (Array.isArray(value)) {
    return `[${value.map(literal).join(', ')}]`;
  }
  if (typeof value === 'object') {
    const items = Object.entries(value).map(([key, item]) => `${literal(key)}: ${literal(item)}`);
    return `{${items.join(', ')}}`;
  }
  return JSON.stringify(value);
}
