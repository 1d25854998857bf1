/**
 * What the server says, as in jupyter_chariots/server/openapi.yaml.
 */

/** The protocol that this page speaks; a server of another one may be looked at only. */
export const PROTOCOL = 1;

export interface IOpVersion {
  version: string;
  number: string | null;
}

export type OpVersions = Record<string, IOpVersion>;

export interface IFailure {
  code: string;
  message: string;
  hint?: string;
  node?: string;
  op?: string;
  at?: string;
  traceback?: string;
}

export interface IPipeline {
  name: string;
  state: 'cold' | 'starting' | 'ready' | 'failed';
  is_loaded: boolean;
  reason?: string;
  hint?: string;
  remedy?: string[];
  warnings?: string[];
  running?: number;
  changes?: boolean;
  takes_input?: boolean;
  gives_output?: boolean;
  ops?: string[];
  owner?: string | null;
  definition?: string;
  revision?: number;
  replicas?: { wanted: number; alive: number; restarts: number };
  calls?: {
    rate: number;
    p50: number | null;
    p99: number | null;
    window: number;
  };
  last_error?: IFailure | null;
  served?: {
    seq: number;
    versions: OpVersions;
    pins: Record<string, string>;
    cause: string;
    who: string | null;
    at: string;
  } | null;
  current?: OpVersions;
  unsaved?: string | null;
  unsaved_ops?: string[];
  newer?: {
    numbers: Record<string, string>;
    fits: boolean;
    reason: string | null;
    pinned: boolean;
  } | null;
}

export interface IGraphNode {
  name: string;
  ops: number[];
  inputs: string[];
  outputs: string[];
  mode: string | null;
  pipeline: string | null;
}

export interface IGraphOp {
  name: string;
  version: string;
  stateful: boolean;
  upstream: string[];
}

export interface IPipelineView extends IPipeline {
  graph?: { nodes: IGraphNode[]; ops: IGraphOp[] };
  input_schema?: { example?: unknown; [key: string]: unknown } | null;
}

export type JobStatus =
  | 'queued'
  | 'running'
  | 'done'
  | 'failed'
  | 'deferred'
  | 'cancelled';

export interface IProgress {
  done?: number;
  total?: number;
  node?: string | null;
  i?: number | null;
  n?: number | null;
  message?: string | null;
  fraction?: number | null;
}

export interface IJob {
  id: string;
  seq: number;
  pipeline: string;
  status: JobStatus;
  cancelling?: boolean;
  submitted: string;
  started?: string | null;
  ended?: string | null;
  who?: string | null;
  attempts?: number;
  max_attempts?: number;
  after?: string[];
  progress?: IProgress | null;
  run_id?: string | null;
  warnings?: string[];
  error?: IFailure | null;
}

export interface ISnapshot {
  protocol: number;
  seq: number;
  state_seq: number;
  server: { release: string; pid: number; since: string };
  starting: boolean;
  pipelines: IPipeline[];
  failures: IFailure[];
  jobs: IJob[];
  job_counts?: Partial<Record<JobStatus, number>>;
}

export interface IPage<T> {
  items: T[];
  next: number | null;
}

export interface ILoadableVersion {
  seq: number;
  version: string;
  number: string;
  fits: boolean;
  reason: string | null;
  warnings?: string[];
}

export interface IBrokenLink {
  op: string;
  version: string;
  upstream: string;
  trained_on: string | null;
  chosen: string | null;
}

export interface IRefusal extends IFailure {
  pipeline?: string;
  broken?: IBrokenLink[];
  missing?: string[];
  remedy?: string[];
}

export interface ILoadable {
  ops: Record<string, IPage<ILoadableVersion>>;
  would_load: OpVersions | null;
  refusal?: IRefusal;
  warnings?: string[];
}

export interface IVersionInfo {
  id: number;
  op: string;
  version: string;
  number: string | null;
  kind: string;
  level: string;
  at: string;
  who: string | null;
  pipeline: string | null;
  run_id: string | null;
  named: number | null;
  origin: string | null;
  size: number | null;
  facts: {
    metrics?: Record<string, unknown>;
    notebook?: string;
    cell?: { execution_count?: number | null; id?: string; source?: string };
    git?: { commit?: string; dirty?: boolean };
    duration?: number;
    [key: string]: unknown;
  };
  trained_on: { op: string; version: string; label: string; stateful: boolean }[];
}

export interface IDiff {
  levels?: string[];
  state?: unknown[];
  facts?: Record<string, [unknown, unknown]>;
  lineage?: Record<string, [string | null, string | null]>;
  source?: string;
}

export interface IServedRow {
  seq: number;
  versions: Record<string, string>;
  numbers: Record<string, string | null>;
  pins: Record<string, string>;
  cause: string;
  who: string | null;
  at: string;
  until: string | null;
  warnings?: string[];
  calls?: { n: number; errors: number; p50: number | null } | null;
}

export interface IAnswer {
  pipeline_output: unknown;
  versions: Record<string, string>;
  job_id: string | null;
  job_status: JobStatus;
  run_id?: string;
  warnings?: string[];
}

export interface ILog {
  text: string;
  offset: string;
  ended?: boolean;
}

/** An event of the server, its fields flat beside the schema's id. */
export interface IEvent {
  schema_id?: string;
  seq?: number;
  state_seq?: number;
  pipeline?: string;
  id?: string;
  job?: string;
  status?: JobStatus;
  progress?: IProgress | null;
}
