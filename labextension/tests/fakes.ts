/**
 * A server and a clock under the hand of a test.
 */
import { Api } from '../src/api';
import type { IClock } from '../src/model';
import type { IJob, IPipeline, ISnapshot } from '../src/types';

/** Time that passes only when told. */
export class Clock implements IClock {
  time = 1_000_000;
  private timers: { at: number; act: () => void }[] = [];
  private frames: (() => void)[] = [];

  now(): number {
    return this.time;
  }

  later(act: () => void, ms: number): () => void {
    const timer = { at: this.time + ms, act };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter(one => one !== timer);
    };
  }

  frame(act: () => void): void {
    this.frames.push(act);
  }

  /** Let time pass, and what was waiting for it happen. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      this.timers.sort((a, b) => a.at - b.at);
      const next = this.timers[0];
      if (!next || next.at > end) {
        break;
      }
      this.timers.shift();
      this.time = Math.max(this.time, next.at);
      next.act();
    }
    this.time = end;
    await settle();
  }

  draw(): number {
    const frames = this.frames.splice(0);
    frames.forEach(act => act());
    return frames.length;
  }
}

/** Let everything run that needs no time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
  }
}

export interface IAsk {
  path: string;
  query: URLSearchParams;
  method: string;
  body: any;
  aborted: () => boolean;
  answer: (body: unknown, status?: number) => Promise<void>;
  fail: () => Promise<void>;
}

/** Keeps what is asked until the test answers. */
export class Server {
  asked: IAsk[] = [];
  open: IAsk[] = [];
  readonly api = new Api((path, init = {}) => this.take(path, init));

  private take(path: string, init: RequestInit): Promise<Response> {
    return new Promise((resolve, reject) => {
      const [route, query] = path.split('?');
      const close = () => (this.open = this.open.filter(one => one !== ask));
      const ask: IAsk = {
        path: route,
        query: new URLSearchParams(query),
        method: init.method ?? 'GET',
        body: init.body ? JSON.parse(init.body as string) : undefined,
        aborted: () => Boolean(init.signal?.aborted),
        answer: async (body, status = 200) => {
          close();
          resolve(new Response(JSON.stringify(body), { status }));
          await settle();
          await new Promise(next => setTimeout(next));
          await settle();
        },
        fail: async () => {
          close();
          reject(new TypeError('Failed to fetch'));
          await settle();
        }
      };
      init.signal?.addEventListener('abort', () => {
        close();
        reject(new DOMException('aborted', 'AbortError'));
      });
      this.asked.push(ask);
      this.open.push(ask);
    });
  }

  /** The latest request that waits for its answer. */
  get last(): IAsk {
    return this.open[this.open.length - 1];
  }
}

export function snapshot(more: Partial<ISnapshot> = {}): ISnapshot {
  return {
    protocol: 1,
    seq: 1,
    state_seq: 1,
    server: { release: '0.1.0', pid: 7, since: 'then' },
    starting: false,
    pipelines: [],
    failures: [],
    jobs: [],
    ...more
  };
}

export function pipeline(name: string, more: Partial<IPipeline> = {}): IPipeline {
  const versions = {
    model: { version: `${'a'.repeat(40)}.${'b'.repeat(40)}.${'c'.repeat(40)}_2026-01-01`, number: '1.0.2' }
  };
  return {
    name,
    state: 'ready',
    is_loaded: true,
    ops: ['model'],
    replicas: { wanted: 1, alive: 1, restarts: 0 },
    calls: { rate: 0, p50: null, p99: null, window: 60 },
    served: { seq: 1, versions, pins: {}, cause: 'load', who: 'you', at: '2026-01-01T00:00:00' },
    current: versions,
    unsaved: null,
    unsaved_ops: [],
    newer: null,
    ...more
  };
}

export function job(id: string, more: Partial<IJob> = {}): IJob {
  return {
    id,
    seq: 1,
    pipeline: 'train',
    status: 'queued',
    submitted: '2026-01-01T00:00:00',
    ...more
  };
}
