/**
 * What a page knows of the pipelines and jobs of its server. It owns the state; side panel,
 * views, status bar and widgets only show it.
 *
 * It is fed by one long poll of `/snapshot`, and by the events that JupyterLab's own socket
 * brings. A snapshot is whole, so nothing is lost for good: an event that is ahead of the
 * snapshot, or a gap between two events, only makes it ask at once.
 */
import { ApiError, failureOf } from './api';
import type { Api, ICall } from './api';
import {
  EMPTY,
  withJob,
  withOlderJobs,
  withProgress,
  withSnapshot
} from './state';
import type { Busy, INote, IState } from './state';
import type { IAnswer, IEvent, IJob } from './types';

const EVENTS = 'https://jupyter-chariots.readthedocs.io/events/';

/** The parts of the page that tests replace. */
export interface IClock {
  now(): number;
  later(action: () => void, ms: number): () => void;
  frame(action: () => void): void;
}

export const REAL: IClock = {
  now: () => Date.now(),
  later: (action, ms) => {
    const timer = window.setTimeout(action, ms);
    return () => window.clearTimeout(timer);
  },
  // a page in the background gets no frames
  frame: action =>
    document.hidden ? void setTimeout(action) : void requestAnimationFrame(action)
};

/** Seconds that the server may take to find news; busy: while calls come in. */
const WAIT_S = 50;
const WAIT_BUSY_S = 5;
/** An answer that does not come this long after that is none. */
const GRACE_MS = 15_000;
/** Snapshots follow each other no faster than this. */
const GAP_MS = 150;
/** An event is given this long to bring an answer of the long poll with it. */
const HEARD_MS = 100;
/** Progress is shown no faster than this. */
const PROGRESS_MS = 250;
/** Away this long, the page says so. */
const SAY_MS = 2_000;
const LONGEST_BACKOFF_MS = 30_000;

export class ChariotsModel {
  constructor(
    readonly api: Api,
    private readonly clock: IClock = REAL,
    first: IState = EMPTY
  ) {
    this._state = first;
  }

  get state(): IState {
    return this._state;
  }

  /** Call the listener after changes, once a frame at most; returns how to end that. */
  subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  /** Somebody looks on until the returned function is called: without any, nothing is asked. */
  watch(): () => void {
    this._watchers++;
    this.turn();
    let over = false;
    return () => {
      if (!over) {
        over = true;
        this._watchers--;
        this.turn();
      }
    };
  }

  /** Whether the page can be seen; while it cannot, nothing is asked. */
  set visible(visible: boolean) {
    this._visible = visible;
    this.turn();
  }

  /** Ask now, whatever is under way; resolves with the next answer or failure. */
  refresh(): Promise<void> {
    this._whole = true;
    const done = new Promise<void>(resolve => this._waiting.push(resolve));
    if (this._running) {
      this._asking?.abort();
      this._wake?.();
    } else {
      void this.once();
    }
    return done;
  }

  /** An event of the server. */
  hear(event: IEvent): void {
    if (!event.schema_id?.startsWith(EVENTS)) {
      return;
    }
    if (event.progress !== undefined) {
      this._progress.set(event.job ?? event.id ?? '', event);
      if (!this._gate) {
        this.showProgress();
      }
      return;
    }
    const { seq } = event;
    if (seq === undefined || this._state.seq === null) {
      return;
    }
    const gap = seq > Math.max(this._heard, this._state.seq) + 1;
    this._heard = Math.max(this._heard, seq);
    if (gap) {
      void this.refresh();
    } else if (seq > this._state.seq && !this._checking) {
      this._checking = this.clock.later(() => {
        this._checking = null;
        if (this._running && this._heard > (this._state.seq ?? 0)) {
          void this.refresh();
        }
      }, HEARD_MS);
    }
  }

  /** What has come since the last time; of each job only the latest counts. */
  private showProgress(): void {
    this._gate = null;
    if (this._progress.size) {
      this.set([...this._progress.values()].reduce(withProgress, this._state));
      this._progress.clear();
      this._gate = this.clock.later(() => this.showProgress(), PROGRESS_MS);
    }
  }

  /** Run a pipeline. Raises what the server refused with; the pipeline's row shows it too. */
  run(name: string, call: ICall = {}): Promise<IAnswer> {
    if (call.input !== undefined) {
      this.inputs.set(name, call.input);
    }
    return this.act('run', name, () => this.api.call(name, call));
  }

  async save(name: string, runId?: string): Promise<string[]> {
    const said = await this.act('save', name, () => this.api.save(name, runId));
    return said.warnings ?? [];
  }

  async load(name: string, versions?: Record<string, string>): Promise<string[]> {
    const said = await this.act('load', name, () => this.api.load(name, versions));
    return said.warnings ?? [];
  }

  async unserve(name: string): Promise<void> {
    await this.api.unserve(name);
    await this.refresh();
  }

  async cancel(id: string): Promise<IJob> {
    const job = await this.api.cancel(id);
    this.set(withJob(this._state, job));
    void this.refresh();
    return job;
  }

  /** Fetch a page of jobs that are older than those known. */
  async moreJobs(): Promise<void> {
    const { jobs, olderJobs } = this._state;
    if (olderJobs === null || this._paging || !jobs.length) {
      return;
    }
    this._paging = true;
    try {
      const seqs = jobs.map(job => job.seq).filter(seq => seq !== undefined);
      const before = olderJobs ?? Math.min(...seqs);
      const page = await this.api.jobs(before);
      this.set(withOlderJobs(this._state, page.items, page.next));
    } finally {
      this._paging = false;
    }
  }

  /** Forget why the last action on a pipeline was refused. */
  forget(name: string): void {
    const { [name]: _, ...notes } = this._state.notes;
    this.set({ ...this._state, notes });
  }

  dispose(): void {
    this._disposed = true;
    this._listeners.clear();
    this.turn();
  }

  /** The last input of each pipeline. */
  readonly inputs = new Map<string, unknown>();

  private async act<T>(
    action: Busy,
    name: string,
    ask: () => Promise<T>
  ): Promise<T> {
    const key = `${action}:${name}`;
    const { [name]: _, ...notes } = this._state.notes;
    this.set({ ...this._state, notes, busy: { ...this._state.busy, [key]: true } });
    try {
      const answer = await ask();
      await this.refresh();
      return answer;
    } catch (reason) {
      const failure = failureOf(reason);
      const forbidden = reason instanceof ApiError && reason.status === 403;
      const served =
        this._state.pipelines.find(view => view.name === name)?.served?.seq ?? null;
      const note: INote = { action, failure, served };
      this.set({
        ...this._state,
        denied: forbidden
          ? { ...this._state.denied, [action]: true }
          : this._state.denied,
        notes: { ...this._state.notes, [name]: note }
      });
      void this.refresh();
      throw reason;
    } finally {
      const { [key]: _, ...busy } = this._state.busy;
      this.set({ ...this._state, busy });
    }
  }

  /** Begin or end asking, as wanted. */
  private turn(): void {
    this._wanted = this._watchers > 0 && this._visible && !this._disposed;
    if (this._wanted && !this._running) {
      this._running = true;
      this._whole = true;
      void this.follow();
    } else if (!this._wanted) {
      this._asking?.abort();
      this._wake?.();
    }
  }

  private async follow(): Promise<void> {
    while (this._wanted) {
      const began = this.clock.now();
      const wait = await this.once();
      const took = this.clock.now() - began;
      if (this._wanted && !this._whole) {
        await this.pause(Math.max(wait, GAP_MS - took));
      }
    }
    this._running = false;
    // wanted again in the meantime, or somebody waits
    if (this._waiting.length && !this._disposed) {
      void this.once();
    }
  }

  /** Ask once; returns how long to pause, in ms. */
  private async once(): Promise<number> {
    const { seq, stateSeq, pipelines, connection } = this._state;
    const whole = this._whole || seq === null || connection !== 'live';
    this._whole = false;
    const waiting = whole ? this._waiting.splice(0) : [];
    const asking = (this._asking = new AbortController());
    const seconds = pipelines.some(view => view.calls?.rate) ? WAIT_BUSY_S : WAIT_S;
    const limit = (whole ? 0 : seconds * 1000) + GRACE_MS;
    let late = false;
    const cancel = this.clock.later(() => {
      late = true;
      asking.abort();
    }, limit);
    let pause = 0;
    try {
      const { signal } = asking;
      const got = await (whole
        ? this.api.snapshot(undefined, undefined, undefined, signal)
        : this.api.snapshot(seq, stateSeq ?? undefined, seconds, signal));
      this.received(() => withSnapshot(this._state, got, this.clock.now()));
    } catch (reason) {
      if (late || !asking.signal.aborted) {
        pause = this.failed(reason);
      }
    } finally {
      cancel();
      this._asking = this._asking === asking ? null : this._asking;
      if (asking.signal.aborted && !late && this._whole) {
        this._waiting.push(...waiting); // overtaken by another wish: that one answers
      } else {
        waiting.forEach(resolve => resolve());
      }
    }
    return pause;
  }

  private received(next: () => IState): void {
    this._failures = 0;
    this._saying?.();
    this._saying = null;
    this._progress.clear(); // the snapshot is newer
    const state = next();
    if (state.server?.pid !== this._state.server?.pid) {
      this._heard = state.seq ?? 0; // another server counts anew
    }
    this.set(state);
  }

  private failed(reason: unknown): number {
    const pause = Math.min(LONGEST_BACKOFF_MS, 1000 * 2 ** this._failures++);
    const nextTry = this.clock.now() + pause;
    const status = reason instanceof ApiError ? reason.status : 0;
    if (status === 404 || status === 403) {
      const connection = status === 404 ? 'absent' : 'forbidden';
      this.set({ ...this._state, connection, nextTry });
      return LONGEST_BACKOFF_MS;
    }
    if (this._state.connection === 'away') {
      this.set({ ...this._state, nextTry });
    } else {
      this._next = nextTry;
      this._saying ??= this.clock.later(() => {
        this._saying = null;
        this.set({ ...this._state, connection: 'away', nextTry: this._next });
      }, SAY_MS);
    }
    this._next = nextTry;
    return pause;
  }

  private pause(ms: number): Promise<void> {
    if (ms <= 0) {
      return Promise.resolve();
    }
    return new Promise(resolve => {
      const cancel = this.clock.later(resolve, ms);
      this._wake = () => {
        cancel();
        resolve();
      };
    });
  }

  private set(state: IState): void {
    if (state === this._state) {
      return;
    }
    this._state = state;
    if (!this._telling) {
      this._telling = true;
      this.clock.frame(() => {
        this._telling = false;
        [...this._listeners].forEach(listener => listener());
      });
    }
  }

  private _state: IState;
  private _listeners = new Set<() => void>();
  private _watchers = 0;
  private _visible = true;
  private _wanted = false;
  private _running = false;
  private _disposed = false;
  private _telling = false;
  private _paging = false;
  private _whole = true;
  private _failures = 0;
  private _heard = 0;
  private _next: number | null = null;
  private _asking: AbortController | null = null;
  private _wake: (() => void) | null = null;
  private _saying: (() => void) | null = null;
  private _checking: (() => void) | null = null;
  private _waiting: (() => void)[] = [];
  private _progress = new Map<string, IEvent>();
  private _gate: (() => void) | null = null;
}
