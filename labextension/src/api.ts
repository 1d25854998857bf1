/**
 * The server's routes, as functions.
 */
import type {
  IAnswer,
  IDiff,
  IFailure,
  IJob,
  ILoadable,
  ILog,
  IPage,
  IPipelineView,
  IRefusal,
  IServedRow,
  ISnapshot,
  IVersionInfo
} from './types';

/** Fetches a path under `{base_url}chariots/`, with Jupyter's credentials. */
export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

type Query = Record<string, string | number | null | undefined>;

/** The server refused, or could not. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly failure: IRefusal
  ) {
    super(failure.message);
    this.name = 'ApiError';
  }
}

/** What any exception says, as the server would say it. */
export function failureOf(reason: unknown): IRefusal {
  if (reason instanceof ApiError) {
    return reason.failure;
  }
  const message = reason instanceof Error ? reason.message : String(reason);
  return { code: 'no_connection', message };
}

export interface ICall {
  input?: unknown;
  asJob?: boolean;
  save?: boolean;
  after?: string[];
}

export class Api {
  constructor(private readonly fetch: Fetch) {}

  snapshot(
    since?: number,
    stateSince?: number,
    wait?: number,
    signal?: AbortSignal
  ): Promise<ISnapshot> {
    const query = { since, state_since: stateSince, wait };
    return this.ask('GET', 'snapshot', { query, signal });
  }

  pipeline(name: string): Promise<IPipelineView> {
    return this.ask('GET', of(name));
  }

  /** Run it; after 30 s of waiting the server may answer that it goes on as a job. */
  call(name: string, call: ICall = {}): Promise<IAnswer> {
    const body: Record<string, unknown> = {};
    if (call.input !== undefined) {
      body.pipeline_input = call.input;
    }
    if (call.asJob !== undefined) {
      body.use_worker = call.asJob;
    }
    if (call.save) {
      body.save = true;
    }
    if (call.after?.length) {
      body.after = call.after;
    }
    const headers = { Prefer: 'wait=30' };
    return this.ask('POST', `${of(name)}/main`, { body, headers });
  }

  save(name: string, runId?: string): Promise<{ warnings?: string[] }> {
    return this.ask('POST', `${of(name)}/save`, {
      body: runId ? { run_id: runId } : {}
    });
  }

  load(
    name: string,
    versions?: Record<string, string>
  ): Promise<{ warnings?: string[] }> {
    return this.ask('POST', `${of(name)}/load`, {
      body: versions ? { versions } : {}
    });
  }

  unserve(name: string): Promise<unknown> {
    return this.ask('DELETE', of(name));
  }

  loadable(
    name: string,
    chosen: Record<string, string> = {},
    signal?: AbortSignal
  ): Promise<ILoadable> {
    return this.ask('GET', `${of(name)}/loadable`, { query: chosen, signal });
  }

  served(
    name: string,
    query: { from?: string; to?: string; before?: number; limit?: number }
  ): Promise<IPage<IServedRow>> {
    return this.ask('GET', `${of(name)}/served`, { query });
  }

  versions(op: string, before?: number | null): Promise<IPage<IVersionInfo>> {
    const path = `ops/${encodeURIComponent(op)}/versions`;
    return this.ask('GET', path, { query: { before, limit: 100 } });
  }

  version(op: string, version: string): Promise<IVersionInfo> {
    const [o, v] = [op, version].map(encodeURIComponent);
    return this.ask('GET', `ops/${o}/versions/${v}`);
  }

  diff(op: string, a: string, b: string): Promise<IDiff> {
    const path = `ops/${encodeURIComponent(op)}/diff`;
    return this.ask('GET', path, { query: { a, b } });
  }

  jobs(before?: number | null, limit = 100): Promise<IPage<IJob>> {
    return this.ask('GET', 'jobs', { query: { before, limit } });
  }

  job(id: string): Promise<IJob> {
    return this.ask('GET', `jobs/${encodeURIComponent(id)}`);
  }

  cancel(id: string): Promise<IJob> {
    return this.ask('DELETE', `jobs/${encodeURIComponent(id)}`);
  }

  jobLog(id: string, after?: string, signal?: AbortSignal): Promise<ILog> {
    const query = after ? { after, wait: 10 } : { lines: 10000 };
    const path = `jobs/${encodeURIComponent(id)}/log`;
    return this.ask('GET', path, { query, signal });
  }

  pipelineLog(name: string, after?: string, signal?: AbortSignal): Promise<ILog> {
    const query = after ? { after } : { lines: 10000 };
    return this.ask('GET', `${of(name)}/log`, { query, signal });
  }

  private async ask<T>(
    method: string,
    path: string,
    more: {
      body?: unknown;
      query?: Query;
      headers?: Record<string, string>;
      signal?: AbortSignal;
    } = {}
  ): Promise<T> {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(more.query ?? {})) {
      if (value !== undefined && value !== null) {
        query.set(key, String(value));
      }
    }
    // not 'no-store': for that JupyterLab adds a number to the query
    const init: RequestInit = { method, cache: 'no-cache', signal: more.signal };
    if (more.body !== undefined) {
      init.body = JSON.stringify(more.body);
      init.headers = { 'Content-Type': 'application/json', ...more.headers };
    }
    const asked = query.toString();
    const response = await this.fetch(asked ? `${path}?${asked}` : path, init);
    const text = await response.text();
    const said = parse(text);
    if (response.ok && said !== undefined) {
      return said as T;
    }
    throw new ApiError(response.status, refusal(said, response));
  }
}

function of(name: string): string {
  return `pipelines/${encodeURIComponent(name)}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error that the server tells, or one that says what came instead: a proxy's page, say. */
function refusal(said: unknown, response: Response): IRefusal {
  const body = (said ?? {}) as Partial<IFailure>;
  if (typeof body === 'object' && typeof body.message === 'string') {
    return { ...body, code: body.code ?? 'error', message: body.message };
  }
  const message = `${response.status} ${response.statusText}`.trim();
  return { code: `http_${response.status}`, message };
}
